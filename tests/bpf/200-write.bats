#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Files that are written to: what tools/writes.c does holds in a writable view, as it does in an
# overlayfs.

load helpers

# A layer with the files that the tool wants.
make_layer() {
	mkdir -p "$1"
	for i in {0..9} truncated appended; do
		head -c 256K /dev/zero >"$1/lower$i"
	done
	mv "$1/lowertruncated" "$1/truncated"
	mv "$1/lowerappended" "$1/appended"
	head -c 8K /dev/zero >"$1/kept"
	echo text >"$1/removed"
}

holds_in() {
	log writes "$1"
	[[ $status == 0 && $output != *"not ok"* ]]
}

@test "files are written to" {
	make_layer lower
	cp -a lower before
	writable lower
	holds_in mnt
	unmount mnt
	ok diff -r lower before
}

@test "and so they are on overlayfs" {
	make_layer lower
	mkdir ovl upper work
	ok mount -t overlay -o lowerdir=lower,upperdir=upper,workdir=work,index=on overlay ovl
	holds_in ovl
	unmount ovl
}

on_disk() {
	mkdir fs
	truncate -s 400M disk
	ok "mkfs.$1" -q disk
	ok mount disk fs
	mkdir fs/{upper,work}
	ln -s fs/upper fs/work .
	make_layer fs/lower
}

@test "files are written to on xfs" {
	need_fs xfs
	on_disk xfs
	writable fs/lower
	holds_in mnt
	[[ $output == *"a lower file is cloned"* ]]
	unmount mnt
	gone serve
	unmount fs
}

@test "files are written to on btrfs" {
	need_fs btrfs
	on_disk btrfs
	writable fs/lower
	holds_in mnt
	[[ $output == *"a lower file is cloned"* ]]
	unmount mnt
	gone serve
	unmount fs
}

@test "files are written to where the upper is a tmpfs" {
	mkdir fs
	ok mount -t tmpfs tmpfs fs
	mkdir fs/{upper,work}
	ln -s fs/upper fs/work .
	make_layer fs/lower
	writable fs/lower
	holds_in mnt
	unmount mnt
	gone serve
	unmount fs
}

@test "a handle from before reads and maps the copy, and what it had mapped stays what it was" {
	mkdir lower
	echo "lower file" >lower/file
	writable lower
	is $'upper file upper file lower file True' python3 -c 'import mmap, os
old = os.open("mnt/file", os.O_RDONLY)
before, mapped = os.fstat(old), mmap.mmap(old, 10, prot=mmap.PROT_READ)
new = os.open("mnt/file", os.O_WRONLY)
os.write(new, b"upper")
os.ftruncate(new, 5000)
again = mmap.mmap(old, 10, prot=mmap.PROT_READ)
after = os.fstat(old)
same = (before.st_ino, before.st_dev, 5000) == (after.st_ino, after.st_dev, after.st_size)
print(os.pread(old, 10, 0).decode(), again[:].decode(), mapped[:].decode(), same)'
	unmount mnt
}

@test "a writable view becomes read-only and writable again" {
	mkdir lower
	echo lower >lower/file
	writable lower
	exec 7>>mnt/new
	# Else mount(8) makes the mount read-only, not the view.
	export LIBMOUNT_FORCE_MOUNT2=always
	fails 'busy' mount -i -o remount,ro mnt
	exec 7>&-
	ok mount -i -o remount,ro mnt
	fails 'Read-only file system' touch mnt/new
	fails 'Read-only file system' bash -c 'echo x >>mnt/file'
	is lower cat mnt/file
	ok mount -i -o remount,rw mnt
	ok bash -c 'echo x >>mnt/file'
	unmount mnt
}
