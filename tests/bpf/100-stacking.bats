#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Views over other stacked file systems and the other way round, and over such whose names change.

load helpers

@test "a view over overlayfs, and overlayfs over a view" {
	mkdir -p a/d b/d c/d m1 m2
	echo a >a/d/a
	echo b >b/d/b
	echo c >c/d/c
	ok mount -t overlay -o lowerdir=a:b overlay m1
	ok view m2 m1 c
	is $'a\nb\nc' ls m2/d
	sound m2
	is b cat m2/d/b
	unmount m2 m1
	ok view m1 a b
	ok mount -t overlay -o lowerdir=m1:c overlay m2
	is $'a\nb\nc' ls m2/d
	is c cat m2/d/c
	ok dump -l m2 >/dev/null
	unmount m2 m1
}

@test "a view over views, and no deeper" {
	mkdir -p a/d b/d c/d m1 m2 m3
	echo a >a/d/a
	echo b >b/d/b
	ok view m1 a b
	ok view m2 m1 c
	is $'a\nb' ls m2/d
	is a cat m2/d/a
	sound m2
	is 0 counter requests m2
	fails ELOOP view m3 m2
	fails ELOOP view m3 c m2
	unmount m2 m1
}

@test "a view keeps up with a file system that is served by others" {
	mkdir -p l u w fuse mnt
	touch l/old
	ok fuse-overlayfs -o lowerdir=l,upperdir=u,workdir=w fuse
	ok view mnt fuse
	fails 'No such file' stat mnt/new
	is old ls mnt
	echo text >fuse/new
	is text cat mnt/new
	is $'new\nold' ls mnt
	rm fuse/new
	fails 'No such file' stat mnt/new
	is old ls mnt
	unmount mnt fuse
}

@test "a merged view keeps up with a file system that is served by others" {
	mkdir -p l/d u w fuse mnt 2/d
	touch l/d/old 2/d/{two,old}
	ok fuse-overlayfs -o lowerdir=l,upperdir=u,workdir=w fuse
	ok view mnt fuse 2
	is $'old\ntwo' ls mnt/d
	fails 'No such file' stat mnt/d/new
	touch fuse/d/new
	ok stat mnt/d/new
	is $'new\nold\ntwo' ls mnt/d
	rm fuse/d/new fuse/d/old
	fails 'No such file' stat mnt/d/new
	is "$(stat -c %i 2/d/old)" bash -c "stat -c %i 2/d/old"
	ok stat mnt/d/old
	is $'old\ntwo' ls mnt/d
	unmount mnt fuse
}

@test "directories of the kernel can be layers" {
	mkdir -p mnt
	ok view mnt /sys/kernel
	ok test -e mnt/mm
	unmount mnt
	ok view mnt /sys/fs/cgroup
	ok cat mnt/cgroup.controllers
	unmount mnt
}

@test "names that fold case and encrypted directories are no layers" {
	mkdir -p cf plain mnt ok
	truncate -s 16M fold crypt
	mkfs.ext4 -q -O casefold fold
	mkfs.ext4 -q -O encrypt crypt
	ok mount fold cf
	ok mount crypt plain
	mkdir plain/{secret,open}
	ok encrypt plain/secret
	echo hidden >plain/secret/file
	fails EOPNOTSUPP view mnt cf
	fails EOPNOTSUPP view mnt plain/secret
	ok view mnt plain
	ok ls mnt/open
	fails '' cat mnt/secret/file
	unmount mnt cf plain
}
