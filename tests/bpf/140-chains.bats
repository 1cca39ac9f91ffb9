#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Several filters on a view, who may use which, and how views know them.

load helpers

@test "what one filter takes away is gone, whatever the order" {
	mkdir -p {1,2}/d
	touch 1/d/{hide,white,pass,listed} 2/d/{gone,hide,below,two}
	mknod 1/d/gone c 0 0
	echo /d/listed >paths
	load_filter overlay
	load_filter answers
	load_filter hide --paths paths
	for order in overlay,answers,hide hide,answers,overlay answers,hide,overlay; do
		filtered $order 1 2
		is $'below\npass\ntwo' ls -A mnt/d
		for name in hide white listed gone; do
			fails 'No such file' stat mnt/d/$name
		done
		unmount mnt
	done
	unload overlay answers hide
}

@test "hidden and opaque together are removed" {
	# answers hides "hide", overlay takes it for opaque: nothing of it is left below either.
	mkdir -p {1,2}/hide
	touch 1/hide/1 2/hide/2 1/hide/.wh..wh..opq
	load_filter overlay
	load_filter bytag
	load_filter answers
	filtered answers 1 2
	fails 'No such file' stat mnt/hide
	unmount mnt
	filtered bytag,overlay,answers 1 2
	fails 'No such file' stat mnt/hide
	is '' ls -A mnt
	unmount mnt
	unload overlay answers bytag
}

@test "the first error is the answer" {
	mkdir layer
	touch layer/{acces,n-acces,seven}
	load_filter answers
	load_filter answers --as later
	filtered answers,later layer
	fails 'Permission denied' stat mnt/acces
	fails 'Input/output error' stat mnt/seven
	is 1 counter refused mnt
	unmount mnt
	unload answers later
}

@test "layers and cookies are told apart" {
	mkdir -p {1,2}/d other
	touch 1/d/two 2/{two,other}
	load_filter bytag
	filtered bytag:3 1 2
	ok stat mnt/d/two mnt/other
	fails 'No such file' stat mnt/two
	ok lamina mount -o lowerdir=1:2,filter=bytag:9 other
	is '' ls -A other
	unmount mnt other
	unload bytag
}

@test "a link is as good as a name" {
	mkdir layer mnt
	touch layer/{hide,pass}
	load_filter answers
	ok linked mnt layer /sys/fs/bpf/lamina/answers/link
	is pass ls mnt
	unmount mnt
	fails 'filter_link' linked mnt layer "$TOOLS/view"
	unload answers
}

@test "a server gives its view filters on the device" {
	mkdir layer mnt
	touch layer/{hide,pass}
	load_filter answers
	ok linked -s mnt layer answers
	is pass ls mnt
	unmount mnt
	unload answers
}

@test "a view has each filter once, and eight at most" {
	local i names

	mkdir layer mnt
	touch layer/{hide,pass}
	for i in {1..9}; do
		load_filter answers --as "a$i"
	done
	names=a1,a2,a3,a4,a5,a6,a7,a8
	filtered $names layer
	is pass ls mnt
	is 8 bash -c "grep -c ^filter: $(control mnt)/view"
	unmount mnt
	fails 'Too many open files' lamina mount -o "lowerdir=layer,filter=${names//,/,filter=},filter=a9" mnt
	fails 'File exists' lamina mount -o lowerdir=layer,filter=a1,filter=a1 mnt
	fails "no filter 'none' is loaded" lamina mount -o lowerdir=layer,filter=none mnt
	unload a{1..9}
}

@test "a layer of a server has the credentials and ids of when it was registered" {
	mkdir layer mapped mnt
	echo text >layer/pass
	touch layer/hide
	chown 5:6 layer/pass
	chmod 600 layer/pass
	load_filter answers
	ok capsh --drop=cap_dac_override,cap_dac_read_search -- -c "PATH=$PATH linked -s mnt layer answers"
	fails 'Permission denied' cat mnt/pass
	unmount mnt
	ok linked -s mnt layer answers
	is text cat mnt/pass
	unmount mnt
	ok mount --bind -o X-mount.idmap=b:0:100000:1000 layer mapped
	ok linked -s mnt mapped answers
	unmount mapped
	is '100005 100006' stat -c '%u %g' mnt/pass
	is text as 100005 cat mnt/pass
	fails 'Permission denied' as 5 cat mnt/pass
	unmount mnt
	unload answers
}

@test "in a user namespace only filters for anyone can be used" {
	mkdir -p layer mnt
	touch layer/{two,pass}
	load_filter bytag
	load_filter answers
	chmod 777 . layer mnt
	fails 'Operation not permitted' unshare -Urm lamina mount -o lowerdir=layer,filter=answers mnt
	ok unshare -Urm sh -c 'lamina mount -o lowerdir=layer,filter=bytag mnt && ls mnt'
	[[ $output == $'pass\ntwo' ]]
	unload bytag answers
}
