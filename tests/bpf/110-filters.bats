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
	[[ $output == 'bpf          works'* ]]
	if [[ $LAMINA_FUSE_TYPE == fuse_bpf ]]; then
		ok bpftool btf dump file /sys/kernel/btf/fuse_bpf
		[[ $output == *"'bpf_struct_ops_fuse_filter_ops'"* ]]
	fi
}

@test "a filter stays until it is removed" {
	load_filter overlay
	is 'overlay          attached  0 views' lamina filter list
	log lamina filter show overlay
	[[ $output == *'state: attached'* ]]
	unload overlay
	is '' lamina filter list
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

@test "the gate stands before each operation" {
	local op names

	need_module
	mkdir layer
	echo text >layer/file
	ln -s file layer/link
	setfattr -n user.x -v y layer/file
	load_filter gates
	filtered gates layer
	refuse() {
		local number

		number=$(grep -cE "^	FUSE_FILTER_" <(sed -n '/^enum fuse_filter_op /,/FUSE_FILTER_'"$1"'[,;]/p' \
			"$CHECKOUT/kernel/uapi/linux/fuse_filter.h"))
		bpftool map update pinned /sys/fs/bpf/lamina/gates/variables key 0 0 0 0 \
			value "$((number - 1))" 0 0 0
	}
	# refuses OP COMMAND...: works, but not when the operation is refused.
	refuses() {
		local op=$1

		shift
		bpftool map update pinned /sys/fs/bpf/lamina/gates/variables key 0 0 0 0 value 0 0 0 0
		ok "$@"
		refuse "$op"
		fails 'not permitted' "$@"
	}
	refuses GETATTR stat mnt/file
	refuses READLINK python3 -c 'import os; os.readlink("mnt/link")'
	refuses STATFS stat -f mnt
	refuses GETXATTR python3 -c 'import os; os.getxattr("mnt/file", "user.x")'
	refuses LISTXATTR python3 -c 'import os; os.listxattr("mnt/file")'
	refuses OPEN cat mnt/file
	refuses OPENDIR ls mnt
	refuses READDIR python3 -c 'import os; os.listdir("mnt")'
	refuses READ cat mnt/file
	refuses READ python3 -c 'import os; os.sendfile(1, os.open("mnt/file", 0), 0, 4)'
	refuses MMAP python3 -c 'import mmap, os; mmap.mmap(os.open("mnt/file", 0), 4, mmap.MAP_SHARED, mmap.PROT_READ)'
	refuses LSEEK python3 -c 'import os; os.lseek(os.open("mnt/file", 0), 0, os.SEEK_END)'
	refuses FADVISE python3 -c 'import os; os.posix_fadvise(os.open("mnt/file", 0), 0, 0, 3)'
	refuses FSYNC python3 -c 'import os; os.fsync(os.open("mnt/file", 0))'
	refuse RELEASE
	ok cat mnt/file
	bpftool map update pinned /sys/fs/bpf/lamina/gates/variables key 0 0 0 0 value 0 0 0 0
	unmount mnt
	unload gates
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
