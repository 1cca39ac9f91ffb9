#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Filters: what may be loaded, under which names, and that every answer is checked.

load helpers

# refused FILTER [TEXT]: must not load.
refused() {
	fails "${2:-}" lamina filter load "$TOOLS/bad-$1.bpf.o" --verbose
	is '' filters
}

@test "the kernel says that it has filters" {
	log lamina features
	[[ $output == ENGINE*$'\nbpf          yes '* ]]
	if [[ $LAMINA_FUSE_TYPE == fuse_bpf ]]; then
		ok bpftool btf dump file /sys/kernel/btf/fuse_bpf
		[[ $output == *"'bpf_struct_ops_fuse_filter_ops'"* ]]
	fi
}

@test "a filter stays until it is removed" {
	load_filter overlay
	is '[{"filter":"overlay","state":"attached","views":0}]' bash -c 'lamina filter list --json | jq -c .'
	is $'FILTER   STATE     VIEWS\noverlay  attached  0' lamina filter list
	log lamina filter show overlay
	[[ $output == *'state:  attached'* ]]
	unload overlay
	is 'FILTER  STATE  VIEWS' lamina filter list
	fails "no filter 'overlay' is loaded" lamina filter show overlay
	fails "no filter 'overlay' is loaded" lamina filter remove overlay
}

@test "a name is taken once" {
	load_filter answers
	fails 'is loaded' lamina filter load "$TOOLS/answers.bpf.o"
	load_filter answers --as other
	fails 'cannot be the name' lamina filter load overlay --as 'a/b'
	fails 'cannot be the name' lamina filter load overlay --as 0123456789abcdef
	fails "no filter 'none' is built in" lamina filter load none
	unload answers other
}

@test "a callback that sleeps doesn't load" { refused sleepy; }
@test "a callback that writes to its context doesn't load" { refused writer 'only read is supported'; }
@test "a callback that overruns its buffer doesn't load" { refused bounds; }
@test "what is no context is not taken for one" { refused forger; }
@test "a filter without callbacks doesn't load" { refused empty; }
@test "a filter with unknown operations doesn't load" { refused ops; }
@test "a filter with unknown flags doesn't load" { refused flags; }
@test "a filter that asks for unknown facts doesn't load" { refused facts; }
@test "a filter with a name that is none doesn't load" { refused noid; }
@test "a filter that asks for more than a name doesn't load" { refused slash; }

@test "other kinds of programs can't call the functions of filters" {
	fails 'not allowed' bpftool -d struct_ops register "$TOOLS/bad-foreign.bpf.o"
}

@test "each answer of the name callback is checked" {
	mkdir layer mnt
	touch layer/n-{pass,hide,acces,opaq,white,daem,seven,again,rest,min}
	load_filter answers
	filtered answers layer
	ok stat mnt/n-pass
	fails 'No such file' stat mnt/n-hide
	fails 'Permission denied' stat mnt/n-acces
	is 0 counter refused mnt
	for name in opaq white daem seven again rest min; do
		fails 'Input/output error' stat "mnt/n-$name"
	done
	is 7 counter refused mnt
	is 9 bash -c 'ls mnt | wc -l'
	is 0 bash -c 'ls mnt | grep -c hide || :'
	unmount mnt
	unload answers
}

@test "each answer of the entry callback is checked, alike in lookup and listing" {
	mkdir -p {1,2}/d mnt
	touch {1,2}/{,d/}{pass,hide,acces,white,daem,seven,again,rest,min} 2/d/opaq
	mkdir -p {1,2}/opaq
	touch 1/opaq/1 2/opaq/2
	load_filter answers
	filtered answers 1 2
	for dir in mnt mnt/d; do
		ok stat $dir/pass
		fails 'No such file' stat $dir/hide
		fails 'No such file' stat $dir/white
		fails 'Permission denied' stat $dir/acces
		for name in daem seven again rest min; do
			fails 'Input/output error' stat "$dir/$name"
		done
		is $'acces\nagain\ndaem\nmin\npass\nrest\nseven' bash -c "ls $dir | grep -vx -e d -e opaq"
	done
	is 1 ls mnt/opaq
	unmount mnt
	# The same from the listing.
	filtered answers 1 2
	log ls mnt/d
	fails 'No such file' stat mnt/d/white
	fails 'Permission denied' stat mnt/d/acces
	unmount mnt
	unload answers
}

@test "the gate stands before each operation, and each answer is checked" {
	mkdir -p layer/dir
	echo text >layer/file
	ln -s file layer/link
	setfattr -n user.x -v y layer/file
	setfacl -m u:1:r layer/file
	touch layer/f{0..99}
	load_filter gates
	filtered gates layer
	log python3 "$CHECKOUT/tests/bpf/tools/gates.py" mnt "$CHECKOUT/kernel/uapi/linux/fuse_filter.h"
	[[ $status == 0 && $output != *"not ok"* ]]
	unmount mnt
	unload gates
}

@test "the functions of filters return what is documented, also where they make no sense" {
	mkdir -p {1,2}/d
	echo text | tee 1/d/file 1/a-name-that-is-longer-than-a-few-letters >2/d/other
	setfattr -n user.x -v long 1/d/file
	load_filter misuse
	filtered misuse 1 2
	ok cat mnt/d/file mnt/d/other mnt/a-name-that-is-longer-than-a-few-letters
	ok ls -l mnt mnt/d
	is 0 counter refused mnt
	unmount mnt
	unload misuse
}

@test "no operation that nobody filters is asked about" {
	mkdir -p layer/d
	echo text >layer/d/file
	load_filter hide
	filtered hide:0 layer
	ok cat mnt/d/file
	ok ls -l mnt/d
	local before
	before=$(counter asked mnt)
	for _ in 1 2 3; do
		ok cat mnt/d/file
		ok stat mnt/d mnt/d/file
	done
	is "$before" counter asked mnt
	unmount mnt
	unload hide
}

@test "the filter that the manual shows does what it says" {
	mkdir -p {1,2}/d
	touch {1,2}/core {1,2}/d/{core,core.c,score}
	load_filter nocore
	filtered nocore 1 2
	is d ls mnt
	is $'core.c\nscore' ls mnt/d
	fails 'No such file' stat mnt/core
	fails 'No such file' stat mnt/d/core
	unmount mnt
	unload nocore
}

@test "opening for execution can be refused" {
	mkdir layer
	cp /bin/true layer/
	load_filter noexec
	filtered noexec layer
	fails 'Permission denied' mnt/true
	ok cmp mnt/true /bin/true
	unmount mnt
	unload noexec
}

@test "the module stays while a filter is loaded, and goes after" {
	need_module
	load_filter answers
	umount "$CONTROL"
	fails 'in use' rmmod fuse_bpf
	mount -t "${LAMINA_FUSE_TYPE}ctl" control "$CONTROL"
	unload answers
	umount "$CONTROL"
	unload_module
	fails '' grep -q '^fuse_bpf ' /proc/modules
	ok insmod "$MODULE"
	mount -t "${LAMINA_FUSE_TYPE}ctl" control "$CONTROL"
}
