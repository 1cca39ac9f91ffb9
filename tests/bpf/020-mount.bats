#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Mounting a view without a server, and what the mount says of itself.

load helpers

@test "a view is read-only and says what it shows" {
	mkdir a b
	mnt a b
	log findmnt -no OPTIONS mnt
	[[ $output == ro,* && $output == *,allow_other,* && $output == *,layers=2,marks=trusted ]]
	is 'view' findmnt -no SOURCE mnt
	fails 'Read-only' touch mnt/new
	unmount mnt
}

@test "a view can't be made writable" {
	mkdir layer
	mnt layer
	# -i, since where views are in tree mount(8) would run the helper of fuse.
	fails '' mount -i -o remount,rw mnt
	fails 'write-protected' env LIBMOUNT_FORCE_MOUNT2=always mount -i -o remount,rw mnt
	log findmnt -no OPTIONS mnt
	[[ $output == ro,* ]]
	ok env LIBMOUNT_FORCE_MOUNT2=always mount -i -o remount,ro mnt
	fails 'Read-only' touch mnt/new
	unmount mnt
}

@test "layers are given by fd or by number" {
	mkdir layer mnt
	touch layer/file
	ok view -p mnt layer
	is file ls mnt
	unmount mnt
	ok mount -i -t "$LAMINA_FUSE_TYPE" -o no_daemon,root_dir=7 view mnt 7<layer
	is file ls mnt
	unmount mnt
}

@test "a directory, no daemon and a filter by its name make a mount" {
	mkdir layer mnt
	touch layer/{hide,pass}
	load_filter answers
	ok mount -i -t "$LAMINA_FUSE_TYPE" -o no_daemon,root_dir=7,filter=answers,allow_other view mnt 7<layer
	is pass ls mnt
	fails 'No such file' stat mnt/hide
	is 0 counter requests mnt
	log findmnt -no OPTIONS mnt
	[[ $output == *,filter=answers ]]
	fails '' pgrep -f "$W/mnt"
	unmount mnt
	ok view -o filter=answers mnt layer
	is pass ls mnt
	unmount mnt
	fails ENOENT view -o filter=other mnt layer
	unload answers
}

@test "without layers, or with a server, there is no such mount" {
	mkdir layer mnt
	fails EINVAL view mnt
	fails EINVAL view -o fd=9 mnt layer
	fails EINVAL view -o marks=other mnt layer
	fails EINVAL view -o no_such_option mnt layer
	fails '' mount -i -t "$LAMINA_FUSE_TYPE" -o root_dir=7 view mnt 7<layer
}

@test "what is no directory is no layer" {
	mkdir mnt
	touch file
	fails ENOTDIR view mnt file
	fails ENOTDIR view mnt /dev/null
	fails EBADF view -o root_dir=99 mnt
}

@test "a layer is in a view once" {
	mkdir -p a/b/c mnt
	fails ELOOP view mnt a a
	fails ELOOP view mnt a a/b/c
	fails ELOOP view mnt a/b/c a
	ok mount --bind a mnt
	fails ELOOP view mnt a mnt
	unmount mnt
}

@test "only the mounter uses a mount without allow_other" {
	mkdir layer mnt
	touch layer/file
	ok view -o default mnt layer
	fails 'Permission denied' as 1000 ls mnt
	fails 'Permission denied' as 1000 cat mnt/file
	is file ls mnt
	unmount mnt
	ok view -o user_id=1000 -o group_id=1000 mnt layer
	is file as 1000 ls mnt
	fails 'Permission denied' ls mnt
	unmount mnt
}

@test "statfs is that of the topmost layer" {
	mkdir a mnt
	mkdir b
	ok mount -t tmpfs -o size=3m,nr_inodes=77 none a
	ok view mnt a b
	is "$(stat -f -c '%b %f %S %s %c' a)" stat -f -c '%b %f %S %s %c' mnt
	is fuse stat -f -c %T mnt
	is 255 stat -f -c %l mnt
	unmount mnt a
}

@test "each view has an id of its own" {
	mkdir a m1 m2
	ok view m1 a
	ok view m2 a
	[[ $(stat -f -c %i m1) != "$(stat -f -c %i m2)" ]]
	[[ $(stat -c %d m1) != "$(stat -c %d m2)" ]]
	unmount m1 m2
}

@test "the connection lists layers, and no request was sent" {
	mkdir -p a/d b/d
	echo text | tee a/d/1 b/d/2
	ln -s d a/link
	setfattr -n user.x -v y a/d/1
	mnt a b
	ok find mnt -ls
	ok cat mnt/d/1 mnt/d/2
	ok getfattr -Rhd mnt
	ok getfacl -R mnt
	ok stat -f mnt
	ok sync -f mnt/d/1
	fails '' stat mnt/none
	ok cat "$(control mnt)/view"
	[[ $output == *"state:"*"set"* ]]
	[[ $output == *"layer:"*"1 tag=0x0 dev="*" root=${W#/scratch}/a"* ]]
	[[ $output == *"layer:"*"2 tag="*"/b"* ]]
	is 0 counter requests mnt
	unmount mnt
}

@test "an aborted view refuses everything" {
	mkdir -p layer/d
	echo text >layer/file
	mnt layer
	exec 7<mnt/file
	ls -l mnt mnt/d
	echo 1 >"$(control mnt)/abort"
	fails 'not connected' ls mnt
	fails 'not connected' cat mnt/file
	fails 'not connected' cat <&7
	fails 'not connected' stat mnt/d
	fails 'not connected' ls mnt/d
	exec 7<&-
	unmount mnt
}

@test "umount -f ends a view that is in use for all" {
	mkdir layer
	echo text >layer/file
	mnt layer
	exec 7<mnt/file
	fails busy umount -f mnt
	fails 'not connected' cat <&7
	exec 7<&-
	unmount mnt
}
