#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The commands of the bpf engine.

load helpers

@test "mount uses the filter overlay, and loads it if need be" {
	mkdir -p {1,2,mnt}
	touch 2/{gone,kept}
	mknod 1/gone c 0 0
	is '' filters
	ok lamina mount --engine bpf -o lowerdir=1:2 mnt
	is kept ls mnt
	is overlay filters
	unmount mnt
	ok lamina mount -o lowerdir=1:2,marks=none mnt
	is $'gone\nkept' ls mnt
	unmount mnt
	unload overlay
}

@test "mounts that begin at once load the filter once, and none fails" {
	local i mounts=()

	mkdir layer mnt{1..6}
	touch layer/file
	for i in {1..6}; do
		lamina mount -o lowerdir=layer "mnt$i" 3>&- &
		mounts+=($!)
	done
	for i in {1..6}; do
		wait "${mounts[i - 1]}"
		is file ls "mnt$i"
		unmount "mnt$i"
	done
	is overlay filters
	unload overlay
}

@test "a folder that somebody who was killed has left is in nobody's way" {
	mkdir -p /sys/fs/bpf/lamina/overlay
	fails "no filter 'overlay' is loaded" lamina filter remove overlay
	load_filter overlay
	fails "a filter 'overlay' is loaded" lamina filter load overlay
	unload overlay
}

@test "mount says what is wrong" {
	mkdir layer mnt
	fails 'a mountpoint is missing' lamina mount -o lowerdir=layer
	fails 'lowerdir= is missing' lamina mount mnt
	fails "cannot open the layer 'none': No such file" lamina mount -o lowerdir=none mnt
	fails "cannot mount on 'none': No such file" lamina mount -o lowerdir=layer,marks=none none
	ln -s none 'a link'
	fails "cannot open the layer 'a link': No such file" lamina mount -o 'lowerdir=a link' mnt
	fails 'is mounted by lamina-mount' lamina mount -o lowerdir=layer,upperdir=mnt mnt
	fails "option 'what' is unknown" lamina mount -o lowerdir=layer,what=x mnt
	fails "engine 'fuse'" lamina mount --engine fuse -o lowerdir=layer mnt
	fails "'x' is no number" lamina mount -o lowerdir=layer,filter=hide:x mnt
	# That is loaded before the mount fails.
	unload overlay
}

@test "layers with colons, commas and spaces in their names" {
	mkdir -p mnt 'a:b' 'c,d' 'e f'
	touch 'a:b/1' 'c,d/2' 'e f/3'
	ok lamina mount -o 'lowerdir=a\:b:c\,d:e f,marks=none,fsname=x\,y' mnt
	is $'1\n2\n3' ls mnt
	is x,y findmnt -no SOURCE mnt
	unmount mnt
}

@test "ps lists views with layers, filters and counters" {
	mkdir -p layer 'm t'
	load_filter overlay
	ok lamina mount -o lowerdir=layer,filter=overlay:7 'm t'
	log lamina ps
	[[ $output == *"bpf     $W/m t"* && $output == 'ENGINE  TARGET'* ]]
	log lamina ps --long
	[[ $output == *"bpf          $W/m t"* && $output == *"root=${W#/scratch}/layer"* ]]
	[[ $output == *'overlay cookie=0x7'* && $output == *'requests=0'* ]]
	log bash -c 'lamina ps --json | jq -c ".[] | [.engine, .target, .state, .counters.requests, (.layers | length), .filters]"'
	[[ $output == "[\"bpf\",\"$W/m t\",\"set\",0,1,[\"overlay cookie=0x7\"]]" ]]
	log lamina filter show overlay
	[[ $output == *"view:   $W/m t"* ]]
	is "[\"$W/m t\"]" bash -c 'lamina filter show --json overlay | jq -c .views'
	unmount 'm t'
	is '' bash -c "lamina ps | grep -F '$W' || :"
	unload overlay
}

# start_trace: lamina trace on mnt into the file events, from when it is known to read.
start_trace() {
	# bats waits for who has its descriptor 3.
	lamina trace --follow --json mnt >events 2>lost 3>&- &
	tracer=$!
	until [[ -s events ]]; do
		stat -f mnt >/dev/null
	done
}

# end_trace: all that was done before is in the file.
end_trace() {
	kill -INT $tracer
	wait $tracer
}

@test "trace tells of every operation, and of nothing when nobody reads" {
	mkdir -p layer/d
	echo text >layer/d/file
	load_filter trace
	filtered trace layer
	ok cat mnt/d/file
	start_trace
	ok cat mnt/d/file
	ok stat mnt/d/none || true
	ok ls mnt/d
	end_trace
	ok stat -f mnt
	cat events
	for event in '.comm == "cat" and .op == "open"' '.op == "read" and .pos == 0 and .len > 0' '.op == "release"' \
		'.op == "lookup" and .name == "none"' '.comm == "ls" and .op == "opendir"' '.op == "readdir"' '.op == "getattr"'; do
		jq -se "any(.[]; $event)" events
	done
	is '' cat lost
	# Of another view nothing is told.
	mkdir -p other
	ok lamina mount -o lowerdir=layer,filter=trace other
	start_trace
	ok cat other/d/file
	end_trace
	fails '' grep '"open\|"read' events
	# What there was is printed, and then it ends.
	ok lamina trace mnt
	[[ $output == TIME* && $output == *' read '* ]]
	ok lamina trace --json
	jq -se 'any(.[]; .op == "read")' <<<"$output"
	fails "no filter 'none' is loaded" lamina trace --filter none
	unmount mnt other
	unload trace
}

# read_often N: so many reads of the file, at different positions, on both processors.
read_often() {
	python3 - "$1" <<-'P'
		import os, sys
		fd = os.open("mnt/file", os.O_RDONLY)
		for cpu in os.sched_getaffinity(0):
		    os.sched_setaffinity(0, {cpu})
		    for i in range(int(sys.argv[1])):
		        os.pread(fd, 1, i)
	P
}

@test "trace tells each read once, whatever processor it was on" {
	mkdir layer
	truncate -s 1M layer/file
	load_filter trace
	filtered trace layer
	start_trace
	ok read_often 600
	end_trace
	is '' cat lost
	jq 'select(.op == "read") | "\(.pos)+\(.len)"' events >reads
	is "$(nproc)" bash -c 'sort -n reads | uniq -c | awk "{ print \$1 }" | sort -u'
	is 600 bash -c 'sort -u reads | wc -l'
	unmount mnt
	unload trace
}

@test "a reader that is late is told how much was lost" {
	mkdir layer
	truncate -s 1M layer/file
	load_filter trace
	filtered trace layer
	start_trace
	kill -STOP $tracer
	ok read_often 5000
	kill -CONT $tracer
	end_trace
	log cat lost
	[[ $output == *'events were lost' ]]
	local reads=$((5000 * $(nproc)))
	awk -v reads="$reads" -v lost="$(tr -cd 0-9 <lost)" '
		/"op":"read"/ { told++ }
		END { print told, lost; exit !(told >= 1000 && told + lost >= reads && told + lost <= reads + 100) }' events
	unmount mnt
	unload trace
}

@test "features tells why there is no engine" {
	need_module
	umount "$CONTROL"
	unload_module
	log lamina features
	local without=$output
	insmod "$MODULE"
	mount -t "${LAMINA_FUSE_TYPE}ctl" control "$CONTROL"
	[[ $without == *$'\nbpf          no     the kernel has no FUSE-BPF; is the module fuse_bpf loaded?'* ]]
	is true bash -c 'lamina features --json | jq .engines.bpf.works'
}
