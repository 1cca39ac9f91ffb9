#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# A view looks like kernel overlayfs over the same layers.

load helpers

# same LAYER...: all that can be seen of the two is the same.
same() {
	both "$@"
	ok dump mnt
	echo "$output" >view.dump
	ok dump -l ovl
	echo "$output" >ovl.dump
	ok diff -u ovl.dump view.dump
	unmount mnt ovl
}

@test "an image of several layers" {
	mkdir -p 1/etc 2/{etc,usr/bin} 3/{etc,usr/bin,home} 4
	cp /bin/busybox 3/usr/bin/ 2>/dev/null || cp /bin/ls 3/usr/bin/
	cp /bin/cat 2/usr/bin/
	echo new >1/etc/passwd
	echo old >3/etc/passwd
	echo keep >3/etc/keep
	ln -s ../usr/bin/cat 2/etc/cat
	mknod 2/home c 0 0
	mknod 1/etc/gone c 0 0
	touch 2/etc/gone 3/etc/gone 3/home/file
	chmod u+s 3/usr/bin/*
	setcap cap_net_raw+ep 2/usr/bin/cat
	setfacl -m u:1000:r 3/etc/keep
	same 1 2 3 4
}

@test "whiteouts hide names below, of any type" {
	mkdir -p 1/d 2/d/{dir/sub,kept} 3/d
	touch 2/d/file 2/d/dir/sub/file 3/d/only
	ln -s x 2/d/link
	mknod 2/d/null c 1 3
	for name in file dir link null only none; do
		mknod "1/d/$name" c 0 0
	done
	same 1 2 3
	mnt 1 2 3
	is kept ls mnt/d
	unmount mnt
}

@test "a name can come back above a whiteout" {
	mkdir -p 1/back 2 3/back 4
	mknod 2/back c 0 0
	touch 3/back/old 1/back/new
	same 1 2 3 4
	mnt 1 2 3 4
	is new ls mnt/back
	unmount mnt
}

@test "an opaque directory hides what is below" {
	mkdir -p {1,2,3,4}/d/e
	for i in 1 2 3 4; do
		touch $i/d/$i $i/d/e/$i
	done
	setfattr -n trusted.overlay.opaque -v y 2/d
	same 1 2 3 4
	setfattr -n trusted.overlay.opaque -v y 3/d/e
	setfattr -n trusted.overlay.opaque -v n 2/d
	same 1 2 3 4
	setfattr -n trusted.overlay.opaque -v yes 2/d
	same 1 2 3 4
}

@test "what isn't a directory ends the search" {
	mkdir -p 1/{a,b} 2 3/{a,b,c} 4
	echo 2 | tee 2/a 2/c
	touch 3/{a,b,c}/3 1/a/1 4/d
	mkdir 3/d
	ln -s a 2/b
	same 1 2 3 4
}

@test "marks for unprivileged layers" {
	mkdir -p {1,2,mnt,ovl}/d
	touch 1/d/1 2/d/2
	setfattr -n user.overlay.opaque -v y 1/d
	setfattr -n user.overlay.other -v x 1/d
	setfattr -n trusted.overlay.opaque -v y 1/d
	ok view -o marks=user mnt 1 2
	ok mount -t overlay -o userxattr,lowerdir=1:2 overlay ovl
	is "$(ls ovl/d)" ls mnt/d
	is "$(cd ovl && getfattr -hdm- d)" bash -c 'cd mnt && getfattr -hdm- d'
	unmount mnt ovl
}

@test "without marks layers are merged as they are" {
	mkdir -p {1,2,mnt}/d
	touch 1/d/1 2/d/{2,3}
	mknod 1/d/3 c 0 0
	setfattr -n trusted.overlay.opaque -v y 1/d
	ok view -o marks=none mnt 1 2
	is $'1\n2\n3' ls mnt/d
	is 'character special file' stat -c %F mnt/d/3
	is y getfattr --only-values -n trusted.overlay.opaque mnt/d
	unmount mnt
}

@test "attributes of marks are not seen, nested ones with one level less" {
	mkdir -p 1/d 2/d
	setfattr -n trusted.overlay.opaque -v y 1/d
	setfattr -n trusted.overlay.origin -v z 1/d
	setfattr -n trusted.overlay.overlay.opaque -v n 1/d
	setfattr -n trusted.overlay.overlay.overlay.opaque -v m 1/d
	setfattr -n user.overlay.kept -v u 1/d
	same 1 2
	mnt 1 2
	is n getfattr --only-values -n trusted.overlay.opaque mnt/d
	is m getfattr --only-values -n trusted.overlay.overlay.opaque mnt/d
	fails 'No such attribute' getfattr -n trusted.overlay.origin mnt/d
	is u getfattr --only-values -n user.overlay.kept mnt/d
	unmount mnt
}

@test "names of .wh. form mean nothing special" {
	mkdir -p 1/d 2/d
	touch 1/d/{.wh.file,.wh..wh..opq} 2/d/{file,other}
	same 1 2
}

@test "layers on several file systems" {
	need_fs xfs
	mkdir -p 1 2 3 img
	ok mount -t tmpfs none 2
	truncate -s 300M disk
	mkfs.xfs -q disk
	ok mount disk 3
	for i in 1 2 3; do
		mkdir -p $i/d/$i $i/d/all
		echo $i >$i/d/$i/file
		ln $i/d/$i/file $i/d/$i/link
		touch $i/d/all/$i
	done
	mnt 1 2 3
	sound mnt
	is $'1\n2\n3' ls mnt/d/all
	is 3 bash -c "stat -c %i mnt/d/*/file | sort -u | wc -l"
	is "$(stat -c %i mnt/d/3/file)" stat -c %i mnt/d/3/link
	is "$(stat -c %d mnt)" bash -c "find mnt -printf '%D\n' | sort -u"
	unmount mnt 2 3
}

@test "subvolumes of one btrfs don't share inode numbers" {
	need_fs btrfs
	mkdir fs mnt
	truncate -s 300M disk
	mkfs.btrfs -q disk
	ok mount disk fs
	for i in 1 2 3; do
		ok btrfs subvolume create fs/$i
		mkdir -p fs/$i/$i
		echo $i >fs/$i/$i/file
	done
	ok view mnt fs/1 fs/2 fs/3
	sound mnt
	is 3 bash -c "stat -c %i mnt/*/file | sort -u | wc -l"
	unmount mnt fs
}

@test "a layer on erofs" {
	mkdir -p src/d e
	echo text >src/d/file
	ln -s file src/d/link
	setfattr -n user.x -v y src/d/file
	ok mkfs.erofs --quiet e.img src
	ok mount -o loop e.img e
	mkdir top
	mknod top/gone c 0 0
	same top e
	unmount e
}
