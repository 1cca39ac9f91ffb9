#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The filter overlay reads layers as overlayfs and fuse-overlayfs do.

load helpers

@test "whiteouts in all forms" {
	mkdir -p 1/d 2/d 3/d
	touch {2,3}/d/{dev,wh,both,kept} 3/d/below
	mknod 1/d/dev c 0 0
	touch 1/d/.wh.wh 1/d/.wh.both 1/d/both 1/d/.wh.none
	mkdir 2/d/dir 1/d/.wh.dir
	touch 2/d/.wh.below
	load_filter overlay
	filtered overlay 1 2 3
	is $'both\nkept' ls -A mnt/d
	for name in dev wh below dir none .wh.wh .wh..wh.wh; do
		fails 'No such file' stat "mnt/d/$name"
	done
	unmount mnt
	# The other way round: looked up before anything was listed.
	filtered overlay 1 2 3
	for name in dev wh below dir none .wh.wh; do
		fails 'No such file' stat "mnt/d/$name"
	done
	ok stat mnt/d/both mnt/d/kept
	unmount mnt
	unload overlay
}

@test "opaque directories in all forms" {
	local mark

	mkdir -p {1,2,3}/{a,b,c,d}
	for i in 1 2 3; do
		touch $i/{a,b,c,d}/$i
	done
	touch 2/a/.wh..wh..opq
	setfattr -n trusted.overlay.opaque -v y 2/b
	setfattr -n user.overlay.opaque -v y 2/c
	setfattr -n user.fuseoverlayfs.opaque -v y 2/d
	load_filter overlay
	filtered overlay 1 2 3
	for mark in a b c d; do
		is $'1\n2' ls -A mnt/$mark
		fails 'No such file' stat mnt/$mark/3
	done
	is '' getfattr -hdm- mnt/b mnt/c mnt/d
	fails 'No such attribute' getfattr -n trusted.overlay.opaque mnt/b
	unmount mnt
	unload overlay
}

@test "a whiteout and a directory of the same name in one layer make it opaque" {
	mkdir -p 1/d 2/d 3
	touch 1/.wh.d 1/d/1 2/d/2
	load_filter overlay
	filtered overlay 1 2 3
	is 1 ls -A mnt/d
	is d ls -A mnt
	unmount mnt
	filtered overlay 1 2 3
	is d ls -A mnt
	is 1 ls -A mnt/d
	unmount mnt
	unload overlay
}

@test "in a directory of one layer marks are not shown either" {
	mkdir layer
	touch layer/.wh.gone layer/.wh..wh..opq layer/file
	mknod layer/dev c 0 0
	mknod layer/null c 1 3
	load_filter overlay
	filtered overlay layer
	is $'file\nnull' ls -A mnt
	fails 'No such file' stat mnt/.wh.gone
	fails 'No such file' stat mnt/dev
	unmount mnt
	unload overlay
}

@test "what overlayfs has left elsewhere is not taken for what is here" {
	mkdir -p {1,2}/{d,moved}
	touch 1/moved/1 2/moved/2
	setfattr -n trusted.overlay.redirect -v d 1/moved
	setfattr -n trusted.overlay.redirect -v /other 2/moved
	truncate -s 100 1/d/file
	setfattr -n trusted.overlay.metacopy -v '' 1/d/file
	load_filter overlay
	filtered overlay 1 2
	fails 'Input/output error' ls mnt/moved
	fails 'Input/output error' stat mnt/moved/1
	is $'d\nmoved' ls mnt
	fails 'Input/output error' cat mnt/d/file
	is 100 stat -c %s mnt/d/file
	unmount mnt
	unload overlay
	# Where nothing is below, a redirect leads nowhere.
	writable 2
	is 2 ls mnt/moved
	unmount mnt
	gone serve
	writable 1
	for change in 'echo x >>mnt/d/file' 'chmod 600 mnt/d/file' 'truncate -s 5 mnt/d/file' \
		'ln mnt/d/file mnt/link' 'mv mnt/d/file mnt/away'; do
		fails 'Input/output error' bash -c "$change"
	done
	is '' find upper -type f
	ok rm mnt/d/file
	unmount mnt
}
