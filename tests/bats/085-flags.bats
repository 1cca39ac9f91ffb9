#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# File attributes (chattr): kept by a copy-up, and those that protect are in force, as on overlayfs.

load ../lib/common

teardown() {
	cd /
	umount -l "$TEST_DIR/other" 2>/dev/null || true
	leak_check
}

# Everything that is tried is first tried on overlayfs, over the same layer.
overlay_first() {
	mount_overlay
	[[ $1 == lower ]] || py flags populate mnt
	py flags try_all mnt "$PWD/expected"
	umount mnt
	mv upper overlay-upper
	mv work overlay-work
	mkdir upper work
}

# With engine fuse the kernel tells of the first opens alone, or of all where a policy may come.
opens_are_refused() {
	[[ $LAMINA_ENGINE == fuse ]] || py flags opens mnt
}

as_overlay() {
	[[ $1 == upper ]] || py flags populate lower
	mark_lower
	overlay_first "$1"
	mount_lamina
	[[ $1 == lower ]] || py flags populate mnt
	py flags try_all mnt "$PWD/actual"
	py flags same expected actual
	opens_are_refused
	remount_lamina
	py flags still mnt "$PWD/actual"
	umount_lamina
	# Each driver finds what the other has left.
	mount_overlay
	py flags still mnt "$PWD/actual"
	umount mnt
	rm -rf upper work
	mv overlay-upper upper
	mv overlay-work work
	mount_lamina
	py flags still mnt "$PWD/expected"
	opens_are_refused
	umount_lamina
	assert_lower_unchanged
}

@test "what flags of a lower object forbid, and which stay after a change, as on overlayfs" {
	as_overlay lower
}

@test "what flags of an upper object forbid, and which stay after a change, as on overlayfs" {
	as_overlay upper
}

# on_file_system TYPE MKFS...: the same on another file system than ext4.
on_file_system() {
	local type=$1 top=$PWD

	command -v "$2" >/dev/null || skip "$2 is not installed"
	grep -qw "$type" /proc/filesystems || modprobe -q "$type" || skip "this kernel has no $type"
	truncate -s 400M image
	"${@:2}" image >/dev/null
	mkdir other
	mount -o loop image other
	cd other || return 1
	mkdir lower upper work mnt
	as_overlay lower
	cd "$top" || return 1
	umount other
}

@test "the same on xfs" {
	on_file_system xfs mkfs.xfs -q
}

@test "the same on btrfs" {
	on_file_system btrfs mkfs.btrfs -q
}

@test "a directory that is renamed keeps its flags and those of all in it" {
	py flags make_tree lower
	mark_lower
	mount_lamina
	mv mnt/tree mnt/moved
	py flags check_tree mnt moved
	remount_lamina
	py flags check_tree mnt moved
	umount_lamina
	mount_overlay
	py flags check_tree mnt moved
	umount mnt
	# Nothing in the upper is protected on disk, or a container could not be removed.
	rm -r upper/moved
	assert_lower_unchanged
}

@test "with policies, opens of a protected file are refused on every engine" {
	py flags populate lower
	mount_lamina -o policies
	py flags opens mnt
	umount_lamina
}

@test "writing at the end of an append-only file takes its capabilities, and is not refused for that" {
	echo content >lower/file
	setcap cap_net_raw+ep lower/file
	chattr +a lower/file
	mount_lamina
	echo more >>mnt/file
	assert_equal "$(getcap mnt/file)" ""
	assert_equal "$(tail -n 1 mnt/file)" more
	umount_lamina
}

@test "renaming a protected file to a name that it has changes nothing, and is not refused" {
	mkdir lower/dir
	echo content >lower/file
	ln lower/file lower/dir/file
	mount_lamina
	py flags onto_itself mnt/file mnt/dir/file
	umount_lamina
}

@test "flags that an upper has on disk, as earlier versions left them, are in force and can be taken off" {
	for name in immutable append; do
		echo content >upper/$name
	done
	chattr +i upper/immutable
	chattr +a upper/append
	mount_lamina
	run_expect 1 bash -c 'echo more >>mnt/immutable'
	assert_output_has "Operation not permitted"
	run_expect 1 rm mnt/immutable
	echo more >>mnt/append
	run_expect 1 truncate -s 0 mnt/append
	chattr -i mnt/immutable
	chattr -a mnt/append
	assert_equal "$(lsattr upper/immutable upper/append | cut -c5,6 | sort -u)" --
	rm mnt/immutable mnt/append
	umount_lamina
}

@test "an upper without extended attributes takes no protection, as on overlayfs" {
	[[ $LAMINA_ENGINE != bpf ]] || skip "engine bpf needs an upper with extended attributes"
	echo content >lower/file
	chattr +iS lower/file
	ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 \
		strace -qq -f -o /dev/null -e trace=setxattr,fsetxattr -e inject=setxattr,fsetxattr:error=EOPNOTSUPP \
		"$LAMINA_BIN/lamina-mount" -f \
		-o "lowerdir=lower,upperdir=upper,workdir=work,engine=$LAMINA_ENGINE" mnt &
	wait_until mountpoint -q mnt
	echo new >mnt/new
	run_expect 1 chattr +i mnt/new
	assert_output_has "Operation not permitted"
	chattr +A mnt/new
	run_expect 1 rm mnt/file
	umount_lamina
	wait
	chattr -i lower/file
}
