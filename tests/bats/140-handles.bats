#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Open handles across a copy-up. The kernel's FUSE passthrough would write into the lower file here;
# the layer is compared byte by byte afterwards, on every engine.

load ../lib/common

setup() {
	test_dir
	head -c 300000 /dev/urandom >lower/file
	cp /bin/busybox lower/program
	before=$(fingerprint lower)
}

teardown() {
	leak_check
}

layer_unchanged() {
	assert_equal "$(fingerprint "$TEST_DIR/lower")" "$before"
}

@test "a read-only handle and a mapping are held while the lower file is written" {
	mount_lamina
	py passthrough trap mnt/file "$LAMINA_ENGINE"
	umount_lamina
	layer_unchanged
}

@test "the same through a hard link" {
	ln lower/file lower/link
	before=$(fingerprint lower)
	mount_lamina
	py passthrough trap mnt/link "$LAMINA_ENGINE"
	cmp mnt/file mnt/link
	umount_lamina
	layer_unchanged
}

@test "the same on a file of the upper" {
	mount_lamina
	cp lower/file mnt/upper-file
	py passthrough trap mnt/upper-file fuse
	umount_lamina
	layer_unchanged
}

@test "a hundred read-only handles, each followed by a write" {
	mount_lamina
	py passthrough trap_many mnt/file 100
	umount_lamina
	layer_unchanged
}

@test "attributes are changed while the file is open" {
	mount_lamina
	py passthrough chmod_while_open mnt/file
	umount_lamina
	layer_unchanged
}

@test "a write through a mapping shows in the modification time" {
	mount_lamina
	py passthrough times_of_mapped_write mnt/file
	umount_lamina
	layer_unchanged
}

@test "a running program cannot be written, but renamed over" {
	mount_lamina
	py passthrough executed_while_written mnt/program
	umount_lamina
	layer_unchanged
}

@test "a shell keeps reading a script that is replaced under it" {
	printf 'echo first\nuntil test -e go; do sleep 0.02; done\necho second\n' >lower/script
	before=$(fingerprint lower)
	mount_lamina
	sh mnt/script >out &
	wait_until grep -q first out
	printf 'echo other\n' >mnt/script.new
	mv mnt/script.new mnt/script
	touch go
	wait $!
	assert_file out $'first\nsecond'
	umount_lamina
	layer_unchanged
}

@test "an sqlite-like rewrite in place of a large lower file reads back" {
	head -c 20000000 /dev/urandom >lower/big
	before=$(fingerprint lower)
	mount_lamina
	exec 7<mnt/big
	for offset in 0 4096 8191000 19995904; do
		head -c 4096 /dev/zero | dd of=mnt/big bs=4096 seek=$((offset / 4096)) conv=notrunc status=none
	done
	cp lower/big expected
	for offset in 0 4096 8191000 19995904; do
		head -c 4096 /dev/zero | dd of=expected bs=4096 seek=$((offset / 4096)) conv=notrunc status=none
	done
	cmp mnt/big expected
	exec 7<&-
	remount_lamina
	cmp mnt/big expected
	umount_lamina
	layer_unchanged
}

@test "the engine asked for is the one that serves: reads of an upper file are its own" {
	mount_lamina -o fsname=counted
	cp mnt/file mnt/made
	# Only with engine fuse the daemon is asked for a single byte.
	reads_before=$(awk '/^syscr/ { print $2 }' "/proc/$(daemons)/io")
	for ((i = 0; i < 50; i++)); do dd if=mnt/made of=/dev/null bs=4096 iflag=direct status=none; done
	reads=$(($(awk '/^syscr/ { print $2 }' "/proc/$(daemons)/io") - reads_before))
	echo "$reads reads by the daemon for 50 times 74 reads"
	if [[ $LAMINA_ENGINE == fuse ]]; then
		assert test "$reads" -gt 3000
	else
		assert test "$reads" -lt 1000
	fi
	umount_lamina
}
