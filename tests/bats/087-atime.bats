#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Times of access: kept as the options of the mount say, however the upper itself is mounted.

load ../lib/common

teardown() {
	cd /
	mount -o remount,relatime "$SCENE"
	leak_check
}

# as_overlay OPTION: which accesses count, of objects of the upper, with an upper mounted in each way.
as_overlay() {
	local how expected

	for how in relatime noatime strictatime; do
		mount -o "remount,$how" "$SCENE"
		rm -rf upper work
		mkdir upper work
		py atimes populate upper
		mount_overlay "$1"
		expected=$(py atimes accessed mnt)
		umount mnt
		rm -rf upper work
		mkdir upper work
		py atimes populate upper
		mount_lamina ${2:+-o "$2"}
		assert_equal "$how: $(py atimes accessed mnt)" "$how: $expected"
		umount_lamina
	done
}

@test "by default no access counts" {
	as_overlay noatime
}

@test "with noatime no access counts" {
	as_overlay noatime noatime
}

@test "with relatime the first access counts" {
	as_overlay relatime relatime
}

@test "with atime it is as the kernel does by itself: the first access counts" {
	as_overlay relatime atime
}

@test "with relatime an access after the first one does not count" {
	mount -o remount,strictatime "$SCENE"
	py atimes populate upper
	mount_lamina -o relatime
	py atimes twice mnt
	umount_lamina
}

@test "files that are made or copied up by a mount without times of access have none" {
	mount -o remount,strictatime "$SCENE"
	mkdir lower/dir
	echo lower >lower/copied
	mount_lamina
	py atimes made mnt
	umount_lamina
}

@test "with nodiratime accesses of files alone count" {
	py atimes populate upper
	mount_lamina -o relatime,nodiratime
	assert_equal "$(py atimes accessed mnt read dir)" read
	umount_lamina
}

@test "with strictatime each access counts, or the mount is refused by that name" {
	py atimes populate upper
	if [[ $LAMINA_ENGINE == bpf ]]; then
		mount_lamina -o strictatime
		touch -a mnt/read
		before=$(stat -c %x mnt/read)
		sleep 0.1
		cat mnt/read >/dev/null
		refute [ "$before" = "$(stat -c %x mnt/read)" ]
		umount_lamina
	else
		run_expect 1 mount_lamina -o strictatime
		assert_one_sentence strictatime "engine $LAMINA_ENGINE" relatime
	fi
	run_expect 1 mount_lamina -o lazytime
	assert_one_sentence lazytime
	mount_lamina -o nolazytime,nostrictatime
	umount_lamina
}

@test "an upper and a work directory that lie far apart are worked in by one clone of their mount" {
	[[ $LAMINA_ENGINE != bpf ]] || skip "engine bpf has its own clone"
	mount -o remount,strictatime "$SCENE"
	mkdir -p a/b/c/upper a/d/e/f/work
	rmdir upper work
	ln -s a/b/c/upper upper
	ln -s a/d/e/f/work work
	echo lower | tee lower/copied lower/linked >/dev/null
	ln lower/linked lower/linked2
	mount_lamina
	py atimes made mnt
	echo more >>mnt/linked
	mv mnt/linked mnt/moved
	rm mnt/copied
	mkdir mnt/copied
	assert_file mnt/linked2 $'lower\nmore'
	# What is mounted below the upper later is not seen.
	mkdir a/b/c/upper/mounted
	mount -t tmpfs tmpfs a/b/c/upper/mounted
	touch a/b/c/upper/mounted/hidden
	assert_names mnt/mounted
	umount a/b/c/upper/mounted
	umount_lamina
}
