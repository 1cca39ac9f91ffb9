# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# The layers that upcalls are about: lower, and top over it.

fill_layers() {
	mkdir -p lower/dir/sub lower/lower-dir lower/merged lower/tree/merged lower/tree/deep/er top/merged top/tree
	echo "data of a file" >lower/dir/sub/file
	chown 7:8 lower/dir/sub/file
	chmod 4751 lower/dir/sub/file
	setfattr -n user.demo -v value lower/dir/sub/file
	setfattr -n user.demo -v of-dir lower/dir/sub
	ln -s "../somewhere else" lower/dir/sub/link
	mkfifo -m 640 lower/dir/fifo
	mknod -m 600 lower/dir/device b 7 200
	: >lower/dir/empty
	echo top >lower/top
	echo linked >lower/linked-a
	ln lower/linked-a lower/dir/linked-b
	ln lower/linked-a lower/linked-c
	echo in >lower/lower-dir/in
	printf lower >lower/merged/of-lower
	printf lower >lower/merged/of-both
	printf top >top/merged/of-both
	chmod 711 top/merged
	printf lower >lower/tree/merged/of-lower
	printf gone >lower/tree/merged/gone
	printf deep >lower/tree/deep/er/file
	printf d >lower/tree/linked-d
	ln lower/tree/linked-d lower/tree/linked-e
	printf top >top/tree/of-top
	find lower top -depth -exec touch -h -d '2001-02-03 04:05:06.789' {} +
}
