#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Uppers on file systems that can do less than ext4, or claim more than they do.

load ../lib/common

teardown() {
	cd /
	umount -l "$TEST_DIR/mnt" 2>/dev/null || true
	umount -l "$TEST_DIR/e2" "$TEST_DIR/squash" 2>/dev/null || true
	leak_check
}

# An upper on a FUSE file system that finds files by their paths: an open file has no other identity
# than the name by which it was opened, and that name must stay.
path_based_upper() {
	[[ $LAMINA_ENGINE != bpf ]] || skip "a view needs an upper that is no FUSE file system"
	truncate -s 64M e2.image
	mkfs.ext4 -q -F -I 256 e2.image
	mkdir e2
	fuse2fs -o rw,allow_other e2.image e2 2>/dev/null
	wait_until mountpoint -q e2
	rmdir upper work
	mkdir e2/upper e2/work
	ln -s e2/upper upper
	ln -s e2/work work
}

path_based_done() {
	umount_lamina
	assert_contents work/work
	umount e2
	# The program writes what it has kept, and leaves.
	"$LAMINA_TOOLS/tasks" gone "$(patience 30)" "TEST_DIR=$TEST_DIR" fuse2fs
	run_expect 0 e2fsck -f -n e2.image
}

# remounted_as_before: the mount shows the same after a remount.
remounted_as_before() {
	picture -t mnt >before
	remount_lamina
	assert_picture before -t mnt
}

@test "on a path-based FUSE upper, names of one lower file stay one file" {
	path_based_upper
	py copyup make_link_groups lower
	mark_lower
	mount_lamina
	py copyup trigger_links mnt exchange
	remount_lamina
	py copyup link_groups mnt
	path_based_done
	assert_lower_unchanged
}

@test "on a path-based FUSE upper, names of one lower file go one by one" {
	path_based_upper
	py copyup make_links lower 6
	mark_lower
	mount_lamina
	py copyup unlink_links mnt 6 1 4
	echo more >>mnt/0
	py copyup links mnt 6 1 4
	py copyup unlink_links mnt 6 2 0
	assert_file mnt/3 $'linked\nmore'
	echo again >>mnt/3
	remount_lamina
	py copyup links mnt 6 0 1 2 4
	assert_file mnt/sub/sub/5 $'linked\nmore\nagain'
	py copyup unlink_links mnt 6 3 5
	assert_contents work/lamina-index
	path_based_done
	assert_lower_unchanged
}

@test "on a path-based FUSE upper, links and fifos with two names stay one object" {
	path_based_upper
	py copyup link_special lower
	mount_lamina
	py copyup linked_special mnt
	path_based_done
}

@test "on a path-based FUSE upper, a file of the upper loses the name by which it was opened" {
	path_based_upper
	mount_lamina
	py links outlives_name mnt
	path_based_done
}

@test "on a path-based FUSE upper, what was open when its last name went is used on" {
	path_based_upper
	py copyup make_links lower 4
	echo lower >lower/alone
	mark_lower
	mount_lamina
	echo upper >mnt/upper
	py links unlinked_in_use mnt/alone mnt/upper
	py links change_unlinked mnt 4
	assert_contents work/lamina-index
	path_based_done
	assert_lower_unchanged
}

@test "on a path-based FUSE upper, what was deleted stays hidden, whatever takes its place" {
	path_based_upper
	mkdir -p lower/dir/sub lower/moved/sub lower/over lower/empty
	echo lower | tee lower/file lower/dir/file lower/dir/sub/file lower/moved/file lower/moved/sub/file \
		lower/over/file lower/linked >/dev/null
	ln lower/linked lower/linked2
	mark_lower
	mount_lamina
	rm mnt/file mnt/linked
	rm -r mnt/dir
	mkdir mnt/dir mnt/file
	assert_names mnt/dir
	mv mnt/moved/sub mnt/moved/other
	rm -r mnt/over
	mv mnt/moved mnt/over # a directory over a whiteout
	mkdir mnt/moved
	mv mnt/over/other mnt/empty # into a directory
	mv -T mnt/empty mnt/linked
	rmdir mnt/file
	mv mnt/linked2 mnt/file
	assert_names mnt dir moved over linked file
	assert_names mnt/moved
	assert_names mnt/over file
	assert_names mnt/linked other
	assert_file mnt/linked/other/file lower
	assert_equal "$(find upper -name '.wh.*')" ""
	remounted_as_before
	path_based_done
	assert_lower_unchanged
}

@test "on a path-based FUSE upper, a directory whose files were open is removed" {
	path_based_upper
	mkdir lower/dir
	mount_lamina
	for i in 1 2 3; do
		echo new >"mnt/dir/$i"
		exec 7<>"mnt/dir/$i"
		rm "mnt/dir/$i"
		assert_names mnt/dir
		rmdir mnt/dir
		mkdir mnt/dir
		exec 7>&-
	done
	path_based_done
}

@test "layers of squashfuse and an upper of fuse2fs make a container's root" {
	path_based_upper
	mkdir -p lower/usr/local lower/d/e
	echo one >lower/d/e/f
	chmod 640 lower/d/e/f
	ln -s f lower/d/e/s
	ln lower/d/e/f lower/d/e/hard
	mksquashfs lower squash.image -quiet -no-progress >/dev/null
	mkdir squash
	squashfuse -o allow_other squash.image squash
	LOWERS=squash mount_lamina
	touch mnt/usr/local/foo
	cp -a mnt/d/e mnt/d/e2
	echo two >>mnt/d/e/f
	rm mnt/d/e/s
	mv mnt/d/e2 mnt/d/e3
	rm -r mnt/usr/local
	mkdir mnt/usr/local
	chown 5:6 mnt/d/e/f
	ln mnt/d/e/f mnt/d/l2
	setfattr -n user.x -v y mnt/d/e/f
	assert_equal "$(stat -c '%u:%g %a' mnt/d/l2)" "5:6 640"
	picture mnt >before
	LOWERS=squash remount_lamina
	assert_picture before mnt
	assert_file mnt/d/l2 $'one\ntwo'
	# That server makes up its numbers, so by them nothing can be found again: docs/compatibility.md.
	assert_file mnt/d/e/hard one
	assert_names mnt/usr/local
	path_based_done
	umount squash
}

@test "a layer of a FUSE server that makes up its numbers never shows one file as another" {
	[[ $LAMINA_ENGINE != bpf ]] || skip "engine bpf refuses layers whose numbers mean nothing"
	echo A >lower/a
	echo B >lower/b
	ln lower/a lower/a2
	ln lower/b lower/b2
	mksquashfs lower squash.image -quiet -no-progress >/dev/null
	mkdir squash
	for order in a:b b:a; do
		# It numbers files in the order in which they are asked for.
		squashfuse -o allow_other squash.image squash
		stat "squash/${order%:*}" "squash/${order#*:}" >/dev/null
		LOWERS=squash mount_lamina
		[[ $order != a:b ]] || echo changed >mnt/a
		assert_equal "$(cat mnt/a mnt/b mnt/b2)" $'changed\nB\nB'
		umount_lamina
		umount squash
		"$LAMINA_TOOLS/tasks" gone "$(patience 30)" "TEST_DIR=$TEST_DIR" squashfuse
	done
}

# ---- work directories that hand something down ----

# Objects that are made in the work directory, each in its way.
work_by_all_ways() {
	echo new >mnt/new
	mkdir mnt/new-dir
	ln -s target mnt/new-link
	mknod mnt/new-fifo p
	echo more >>mnt/file
	chmod 700 mnt/dir
	echo more >>mnt/dir/inner
	touch mnt/linked
	chown -h 5:6 mnt/link mnt/fifo
	rm mnt/new mnt/doomed
	echo again >mnt/new
	echo again >mnt/doomed
	rm -r mnt/replaced mnt/tree/sub
	mkdir mnt/replaced mnt/tree/sub
	echo new >mnt/replaced/inner
	ln -s target mnt/tree/sub/link
	mv mnt/tree mnt/tree2
	mkdir mnt/tree
	mv mnt/moved mnt/moved2
	echo again >mnt/moved
	ln mnt/link mnt/link2
}

@test "ACLs, set-gid and flags of the work directory are not handed down to anything" {
	mkdir -p lower/dir lower/replaced lower/tree/sub
	echo lower | tee lower/file lower/dir/inner lower/doomed lower/moved lower/replaced/old lower/linked \
		lower/tree/sub/old >/dev/null
	ln lower/linked lower/linked2
	ln -s target lower/link
	mkfifo lower/fifo
	mount_lamina
	work_by_all_ways
	picture mnt >before
	umount_lamina
	# All that may have been made by an earlier version, or by another driver, is dressed as well.
	rm -r upper
	mkdir upper
	chgrp 1234 work work/*
	chmod g+s work work/*
	setfacl -d -m u:1234:rwx,g:1234:rwx work work/*
	setfacl -m u:1234:rwx work work/*
	chattr +A +S +d +D work work/*
	mount_lamina
	work_by_all_ways
	assert_picture before mnt
	umount_lamina
	assert_equal "$(find upper -gid 1234)" ""
	assert_equal "$(getfacl -R -p -s upper | grep 1234)" ""
	assert_equal "$(find upper \( -type f -o -type d \) -exec lsattr -d {} + | cut -c1-22 | tr -d 'e-' | sort -u)" ""
}

@test "what a directory of the upper hands down is handed down, also over a whiteout" {
	mkdir -p lower/dir/{gone-dir,kept}
	touch lower/dir/gone-file lower/dir/gone-link
	mkdir plain
	for dir in lower/dir plain; do
		chgrp 1234 $dir
		chmod 2775 $dir
		setfacl -d -m u:4321:rwx,g:4321:r-x $dir
	done
	chmod g+s work
	setfacl -d -m u:1234:rwx work
	mount_lamina
	rm -r mnt/dir/gone-*
	for dir in mnt/dir plain; do
		mkdir $dir/gone-dir $dir/gone-dir/inner
		echo new | tee $dir/gone-file $dir/gone-dir/inner/file >/dev/null
		ln -s target $dir/gone-link
	done
	rmdir mnt/dir/kept
	picture plain >expected
	assert_picture expected mnt/dir
	umount_lamina
}

# ---- uppers that claim more than they do ----

# A mount whose upper answers to CALL with ANSWER (strace's words) and does nothing.
mount_on_liar() {
	[[ $LAMINA_ENGINE != bpf ]] || skip "engine bpf leaves these calls to the kernel"
	ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 \
		strace -qq -f -o /dev/null -e "trace=$1" -e "inject=$1:$2" "$LAMINA_BIN/lamina-mount" -f \
		-o "lowerdir=lower,upperdir=upper,workdir=work,engine=$LAMINA_ENGINE" mnt &
	wait_until mountpoint -q mnt
}

# believes_nothing CALL ANSWER: what is deleted, replaced and moved is so, and is at an honest mount.
believes_nothing() {
	mkdir -p lower/dir/sub lower/tree/sub lower/stays
	echo lower | tee lower/file lower/dir/file lower/dir/sub/file lower/tree/file lower/tree/sub/file \
		lower/moved lower/replaced >/dev/null
	mark_lower
	mount_on_liar "$1" "$2"
	rm mnt/file
	rm -r mnt/dir
	mkdir mnt/dir
	touch mnt/dir/new
	mv mnt/tree mnt/file
	mv mnt/moved mnt/replaced
	mkdir mnt/tree
	assert_names mnt dir file replaced stays tree
	assert_names mnt/dir new
	assert_names mnt/tree
	assert_file mnt/file/sub/file lower
	picture mnt >before
	umount_lamina
	wait
	assert_contents work/work
	mount_lamina
	assert_picture before mnt
	umount_lamina
	assert_lower_unchanged
}

@test "an upper that answers success to mknod and makes nothing gets .wh. whiteouts" {
	believes_nothing mknodat retval=0
	assert_equal "$(find upper -type c)" ""
	assert test -e upper/.wh.moved
}

@test "an upper that answers EEXIST to mknod and makes nothing gets .wh. whiteouts" {
	believes_nothing mknodat error=EEXIST
	assert test -e upper/.wh.moved
}

@test "an upper that answers success to renames with flags and does nothing gets none" {
	believes_nothing renameat2 retval=0
}

@test "an upper that answers success to setxattr and keeps nothing gets marks in files" {
	believes_nothing setxattr,fsetxattr retval=0
	assert test -e upper/dir/.wh..wh..opq
	assert test -e upper/tree/.wh..wh..opq
}

# ---- what fails half way ----

@test "a copy-up that cannot link the names of a file leaves nothing in the index" {
	py copyup make_links lower 3
	mark_lower
	mount_on_liar linkat error=ENOSPC:when=2+
	for change in 'truncate -s 0 mnt/0' 'chmod 600 mnt/sub/1' 'mv mnt/0 mnt/new' 'ln mnt/0 mnt/new'; do
		run_expect 1 sh -c "$change"
		assert_output_has "No space left on device"
		assert_contents work/lamina-index
		py copyup links mnt 3
		assert_file mnt/0 linked
	done
	umount_lamina
	wait
	assert_equal "$(find upper -type f)" ""
	assert_lower_unchanged
}
