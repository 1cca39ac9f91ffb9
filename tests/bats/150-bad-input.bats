#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What cannot be mounted is refused: one sentence with the path and the cause, status 1, nothing
# mounted, nothing changed.

load ../lib/common

# refused WORD... : mounting with the test's directories and these options is refused.
# The rest of the arguments must be in the sentence.
refused_with() {
	local options=$1
	shift
	run_expect 1 "$LAMINA_BIN/lamina-mount" -o "$options,engine=$LAMINA_ENGINE" mnt
	assert_one_sentence "$@"
	refute mountpoint -q mnt
}

OK=lowerdir=lower,upperdir=upper,workdir=work

@test "a missing layer" {
	refused_with lowerdir=lower:no-such-layer,upperdir=upper,workdir=work \
		"'no-such-layer'" "No such file or directory"
}

@test "a missing upper, work or mountpoint" {
	refused_with lowerdir=lower,upperdir=none,workdir=work "upper directory 'none'" "No such file"
	refused_with lowerdir=lower,upperdir=upper,workdir=none "work directory 'none'" "No such file"
	rmdir mnt
	run_expect 1 "$LAMINA_BIN/lamina-mount" -o "$OK" mnt
	assert_one_sentence "mountpoint 'mnt'" "No such file"
}

@test "a layer that is a file, or reached through one" {
	echo x >file
	refused_with "lowerdir=file,upperdir=upper,workdir=work" "'file'" "Not a directory"
	refused_with "lowerdir=file/below,upperdir=upper,workdir=work" "'file/below'" "Not a directory"
	run_expect 1 "$LAMINA_BIN/lamina-mount" -o "$OK" file
	assert_one_sentence "mountpoint 'file'" "Not a directory"
}

@test "a layer path that loops" {
	ln -s loop-b loop-a
	ln -s loop-a loop-b
	refused_with lowerdir=loop-a,upperdir=upper,workdir=work "'loop-a'" "Too many levels of symbolic links"
}

@test "a layer that may not be read" {
	mkdir secret
	chmod 700 secret lower
	chmod 777 mnt
	chmod 755 . upper work
	chown -R 1000:1000 lower upper work mnt
	run_expect 1 setpriv --reuid 1000 --regid 1000 --clear-groups \
		"$LAMINA_BIN/lamina-mount" -o lowerdir=secret:lower,upperdir=upper,workdir=work mnt
	assert_one_sentence "'secret'" "Permission denied"
}

@test "an upper that may not be written" {
	mkdir ro
	mount -t tmpfs -o ro none ro
	mkdir -p lower/x
	run_expect 1 "$LAMINA_BIN/lamina-mount" -o lowerdir=lower,upperdir=ro,workdir=work mnt
	umount ro
	assert_one_sentence "upper directory 'ro'" "Read-only file system"
}

@test "the upper is a lower layer too" {
	refused_with lowerdir=lower:upper,upperdir=upper,workdir=work "'upper'" "must not overlap"
}

@test "the upper by another name is a lower layer too" {
	ln -s upper alias
	refused_with lowerdir=alias,upperdir=upper,workdir=work "'upper'" "'alias'" "must not overlap"
}

@test "the upper lies inside a lower layer, or the other way round" {
	mkdir -p lower/inside upper/inside
	refused_with lowerdir=lower,upperdir=lower/inside,workdir=work \
		"'lower/inside'" "lies inside" "'lower'"
	refused_with lowerdir=upper/inside,upperdir=upper,workdir=work \
		"'upper/inside'" "lies inside" "'upper'"
}

@test "a lower layer lies inside another, or is there twice" {
	mkdir -p lower/a/b/c
	refused_with lowerdir=lower/a/b/c:lower,upperdir=upper,workdir=work "'lower/a/b/c'" "lies inside"
	refused_with lowerdir=lower:lower,upperdir=upper,workdir=work "is also" "must not overlap"
}

@test "the work directory is, or lies in, a layer" {
	mkdir upper/work lower/work
	refused_with lowerdir=lower,upperdir=upper,workdir=upper "must not overlap"
	refused_with lowerdir=lower,upperdir=upper,workdir=upper/work "'upper/work'" "lies inside"
	refused_with lowerdir=lower,upperdir=upper,workdir=lower/work "'lower/work'" "lies inside"
}

@test "no work directory" {
	refused_with lowerdir=lower,upperdir=upper "workdir"
}

@test "the work directory is on another file system" {
	mkdir other
	mount -t tmpfs none other
	mkdir other/work
	run_expect 1 "$LAMINA_BIN/lamina-mount" -o lowerdir=lower,upperdir=upper,workdir=other/work mnt
	umount other
	assert_one_sentence "'other/work'" "same mounted file system" "'upper'"
}

@test "no lower layer, and an empty one" {
	refused_with upperdir=upper,workdir=work "no lower directory"
	refused_with lowerdir=lower::more,upperdir=upper,workdir=work "data-only"
}

@test "the upper is mounted already; the lock goes with the mount" {
	mkdir mnt2 work2
	mount_lamina
	echo here >mnt/file
	run_expect 1 "$LAMINA_BIN/lamina-mount" -o lowerdir=lower,upperdir=upper,workdir=work mnt2
	assert_one_sentence "'upper'" "mounted already"
	run_expect 1 "$LAMINA_BIN/lamina-mount" -o lowerdir=lower,upperdir=upper,workdir=work2 mnt2
	assert_one_sentence "'upper'" "mounted already"
	assert_file mnt/file here
	umount_lamina
	mount_lamina
	assert_file mnt/file here
	umount_lamina
}

@test "unmounting and mounting again at once needs no waiting by the caller" {
	for ((i = 0; i < 20; i++)); do
		mount_lamina
		echo "$i" >mnt/file
		umount mnt
	done
	mount_lamina
	assert_file mnt/file 19
	umount_lamina
}

@test "a mapping that makes no sense" {
	for bad in 0 0:1 0:0:0 a:b:c 0:0:4294967296 0:4294967295:2 :; do
		refused_with "$OK,uidmapping=$bad" "uidmapping=$bad"
		refused_with "$OK,gidmapping=$bad" "gidmapping=$bad"
	done
}

@test "a marker that overlayfs would not write is refused where it stands, not followed" {
	needs_redirects
	mkdir -p lower/dir lower/plain upper/dir
	echo below >lower/dir/file
	for bad in ".." "a/b" "/" ""; do
		setfattr -n trusted.overlay.redirect -v "$bad" upper/dir
		mount_lamina
		run_expect 2 ls mnt/dir
		assert_output_has "Input/output error"
		assert_names mnt/plain
		umount_lamina
	done
	# Out of the layer no path leads: not by "..", not by a link.
	mkdir lower/link-target
	ln -s / lower/escape
	for bad in /../../etc /escape/etc; do
		setfattr -n trusted.overlay.redirect -v "$bad" upper/dir
		mount_lamina
		ls mnt/dir >names 2>&1 || true
		refute grep -q passwd names
		umount_lamina
	done
}
