#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Files: see tools/files.c for what is done with them.

load helpers

# A layer with the files that the tool wants.
make_layer() {
	mkdir -p "$1/dir/sub/deep"
	touch "$1/empty" "$1/dir/sub/deep/file"
	head -c 3M /dev/urandom >"$1/data"
	# A hole, where the file system has them.
	fallocate -p -o 1M -l 512K "$1/data"
}

# use FILES_OF: the tool on two views of this layer.
use() {
	mkdir -p v1 v2 scratch 2
	ok view v1 "$1"
	ok view v2 "$1" 2
	log files "$W/v1" "$W/v2" "$W/$1" "$W/scratch"
	umount v1 v2
	[[ $status == 0 && $output != *"not ok"* ]]
}

@test "files of a layer on ext4" {
	make_layer layer
	use layer
}

@test "files of a layer on xfs" {
	need_fs xfs
	mkdir fs
	truncate -s 400M disk
	mkfs.xfs -q disk
	ok mount disk fs
	make_layer fs/layer
	use fs/layer
	unmount fs
}

@test "files of a layer on btrfs" {
	need_fs btrfs
	mkdir fs
	truncate -s 400M disk
	mkfs.btrfs -q disk
	ok mount disk fs
	make_layer fs/layer
	use fs/layer
	unmount fs
}

@test "programs run, and scripts, and from a merged directory" {
	mkdir -p 1/bin 2/bin
	cp /bin/ls 1/bin/
	cp /bin/cat 2/bin/
	printf '#!%s\n' "$W/mnt/bin/cat" >2/bin/script
	chmod +x 2/bin/script
	chmod -x 2/bin/cat
	mnt 1 2
	ok mnt/bin/ls mnt/bin
	fails 'Permission denied' mnt/bin/cat
	unmount mnt
	chmod +x 2/bin/cat
	mnt 1 2
	is "$(cat 2/bin/script)" mnt/bin/script
	mkfifo pipe
	mnt/bin/cat <pipe 3>&- &
	exec 7>pipe
	# It is a shell until it was executed.
	until [[ $(readlink /proc/$!/exe) == */cat ]]; do
		:
	done
	is "$W/mnt/bin/cat" readlink /proc/$!/exe
	exec 7>&-
	wait $!
	unmount mnt
}

@test "what is open in a view keeps its content while the layer is removed" {
	mkdir layer
	echo text >layer/file
	mnt layer
	exec 7<mnt/file
	rm layer/file
	is text cat <&7
	exec 7<&-
	unmount mnt
}

@test "pipes, sockets and devices" {
	mkdir layer
	mkfifo layer/pipe
	mknod layer/null c 1 3
	mknod layer/zero c 1 5
	mnt layer
	(echo through >mnt/pipe) &
	is through cat mnt/pipe
	wait
	ok bash -c 'echo x >mnt/null'
	is 5 bash -c 'head -c 5 mnt/zero | wc -c'
	ok mount -o remount,bind,nodev mnt
	fails 'Permission denied' head -c 5 mnt/zero
	unmount mnt
}

@test "a uprobe on a file of a view is one on the layer's file" {
	mkdir layer
	cp /bin/true layer/prog
	mnt layer
	events=/sys/kernel/tracing
	[[ -w $events/uprobe_events ]] || skip "no $events/uprobe_events"
	entry=$(readelf -h layer/prog | awk '/Entry point/ { print $4 }')
	echo "p:lamina $W/mnt/prog:$entry" >$events/uprobe_events
	echo 1 >$events/events/uprobes/lamina/enable
	echo >$events/trace
	mnt/prog
	layer/prog
	hits=$(grep -c lamina: $events/trace)
	echo 0 >$events/events/uprobes/lamina/enable
	echo >$events/uprobe_events
	is 2 echo "$hits"
	unmount mnt
}

@test "a view can be swapped of, dumped and archived" {
	mkdir -p layer/d
	head -c 2M /dev/urandom >layer/d/file
	mnt layer
	is "$(sha256sum <layer/d/file)" bash -c 'tar -C mnt -c . | tar -xO ./d/file | sha256sum'
	ok cp -a mnt copy
	ok diff -r layer copy
	unmount mnt
}
