#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The module: its names, and its life and that of views in any order.

load helpers

@test "the module lives beside the kernel's fuse under names of its own" {
	need_module
	is 'crw-rw-rw-' stat -c %A /dev/fuse_bpf
	ok grep -qw fuse_bpf /proc/filesystems
	ok grep -qw fuse /proc/filesystems
	ok test -d /sys/fs/fuse_bpf/connections
	mkdir l u w m
	ok fuse-overlayfs -o lowerdir=l,upperdir=u,workdir=w m
	ok touch m/file
	ok test -e u/file
	unmount m
}

@test "the module is unloaded and loaded again" {
	need_module
	mkdir layer
	echo text >layer/file
	umount "$CONTROL"
	for _ in 1 2 3; do
		mnt layer
		is text cat mnt/file
		fails 'in use' rmmod fuse_bpf
		unmount mnt
		ok rmmod fuse_bpf
		ok insmod "$MODULE"
	done
	mount -t fuse_bpfctl control "$CONTROL"
}

@test "the module stays while the device is open, and while it controls" {
	need_module
	exec 7<>/dev/fuse_bpf
	fails 'in use' rmmod fuse_bpf
	exec 7>&-
	fails 'in use' rmmod fuse_bpf
}

@test "the module stays while a file of an unmounted view is open, a process stands in it, or a mount is in the making" {
	need_module
	mkdir layer
	echo text >layer/file
	umount "$CONTROL"
	mnt layer
	exec 7<mnt/file
	ok umount -l mnt
	fails 'in use' rmmod fuse_bpf
	is text cat <&7
	exec 7<&-
	unload_module
	ok insmod "$MODULE"
	mnt layer
	(cd mnt && umount -l ../mnt && fails 'in use' rmmod fuse_bpf && ls >/dev/null)
	unload_module
	ok insmod "$MODULE"
	is '' python3 "$CHECKOUT/tests/bpf/tools/making.py" layer
	unload_module
	ok insmod "$MODULE"
	mount -t fuse_bpfctl control "$CONTROL"
}

@test "a file that is open outlives the mount" {
	mkdir layer
	echo text >layer/file
	mnt layer
	exec 7<mnt/file 8<mnt
	ok umount -l mnt
	is text cat <&7
	exec 7<&-
	ok ls -l /proc/self/fd/8/
	exec 8<&-
}

@test "a program that runs outlives the mount" {
	mkdir layer
	cp /bin/sleep layer/
	mnt layer
	mnt/sleep 1000 3>&- &
	wait_until runs "$!" sleep
	fails 'busy' umount mnt
	ok umount -l mnt
	runs "$!" sleep
	kill "$!"
	wait || true
}

@test "a view outlives the mounts of its layers" {
	mkdir layer m1 m2 mnt
	ok mount -t tmpfs one m1
	ok mount -t tmpfs two m2
	echo 1 >m1/one
	echo 2 >m2/two
	ok view mnt m1 m2
	unmount m1
	unmount m2
	is 1 cat mnt/one
	is 2 cat mnt/two
	is $'one\ntwo' ls mnt
	unmount mnt
}

@test "what is mounted on a layer is not in the view" {
	mkdir -p layer/sub
	echo below >layer/sub/file
	ok mount -t tmpfs over layer/sub
	echo above >layer/sub/file
	mnt layer
	is below cat mnt/sub/file
	unmount mnt layer/sub
}

@test "views are mounted and unmounted while others are in use" {
	mkdir -p a/d b/d m{1,2,3,4}
	touch a/d/{1..50} b/d/{51..100}
	for i in 1 2 3 4; do
		(
			for ((round = 0; round < ${ROUNDS:-15}; round++)); do
				view "m$i" a b && ls -lR "m$i" >/dev/null
				umount "m$i"
			done
		) &
	done
	wait
	ok test -e a/d/1
}
