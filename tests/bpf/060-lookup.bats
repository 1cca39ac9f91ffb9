#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Looking up names: identity, what is remembered, and what it costs.

# Lists of numbers are meant to be split.
# shellcheck disable=SC2046

load helpers

# layers N: directories 1 to N, each with a directory d with a file of its number.
layers() {
	local i

	eval "mkdir -p {1..$1}/d"
	for ((i = 1; i <= $1; i++)); do
		: >"$i/d/$i"
	done
}

# numbers N: the directories of layers N.
numbers() {
	seq -s ' ' "$1"
}

@test "hard links are one inode" {
	mkdir -p 1/a 1/b 2/a
	echo text >1/a/file
	ln 1/a/file 1/b/link
	ln 1/a/file 1/link
	mnt 1 2
	is 1 bash -c 'stat -c %i mnt/a/file mnt/b/link mnt/link | sort -u | wc -l'
	is 3 stat -c %h mnt/link
	exec 7<mnt/a/file
	is "$(stat -c %i mnt/b/link)" stat -Lc %i /proc/self/fd/7
	# A lock on one name holds for another.
	ok flock -n mnt/a/file flock -n -E 9 mnt/b/link true || [[ $status == 9 ]]
	exec 7<&-
	unmount mnt
}

@test "a merged directory has one link, others as many as they have" {
	mkdir -p 1/merged/{a,b} 2/merged 1/single/{a,b,c}
	mnt 1 2
	is 1 stat -c %h mnt/merged
	is 5 stat -c %h mnt/single
	is 1 stat -c %h mnt
	unmount mnt
}

@test "a name that was looked up is not looked up again" {
	layers 3
	mnt $(numbers 3)
	stat mnt/d/1 mnt/d/3
	fails 'No such file' stat mnt/d/none
	before=$(counter lookups mnt)
	for _ in 1 2 3; do
		stat mnt/d/1 mnt/d/3
		fails 'No such file' stat mnt/d/none
	done
	is "$before" counter lookups mnt
	unmount mnt
}

@test "a warm path is walked in rcu-walk to its end, whether the name is there or not" {
	layers 3
	mnt $(numbers 3)
	cached() {
		python3 "$CHECKOUT/tests/bpf/tools/cached.py" "$W"/mnt/d/{1,none}
	}
	is $'EAGAIN\nEAGAIN' cached
	stat mnt/d/1
	fails 'No such file' stat mnt/d/none
	is $'there\nENOENT' cached
	unmount mnt
}

@test "names are forgotten under memory pressure, and found again" {
	layers 3
	mnt $(numbers 3)
	ok find mnt
	before=$(counter lookups mnt)
	echo 3 >/proc/sys/vm/drop_caches
	ok find mnt
	ok stat mnt/d/1
	[[ $(counter lookups mnt) -gt $before ]]
	unmount mnt
}

@test "500 layers are merged" {
	layers 500
	mkdir -p 500/d/bin 1/d/bin
	cp /bin/cat 500/d/bin/
	echo deep >499/d/text
	mnt $(numbers 500)
	is 502 bash -c 'ls mnt/d | wc -l'
	is deep mnt/d/bin/cat mnt/d/text
	fails 'Read-only' touch mnt/d/text
	ok stat mnt/d/1 mnt/d/250 mnt/d/500
	fails 'No such file' stat mnt/d/501
	is 500 bash -c "grep -c ^layer: $(control mnt)/view"
	unmount mnt
	fails EMFILE view mnt $(numbers 500) "$W"
}

@test "once a directory was listed, only layers that have a name are asked" {
	layers 50
	mnt $(numbers 50)
	ls mnt/d >list
	before=$(counter layer_lookups mnt)
	for i in 1 7 50; do
		stat mnt/d/$i
	done
	is $((before + 3)) counter layer_lookups mnt
	for i in {1..20}; do
		fails 'No such file' stat "mnt/d/none$i"
	done
	is $((before + 3)) counter layer_lookups mnt
	unmount mnt
}

@test "many lookups don't cost more with many layers, listed or not" {
	layers 100
	mnt $(numbers 100)
	before=$(counter layer_lookups mnt)
	for i in {1..1000}; do
		[[ ! -e mnt/d/none$i ]]
	done
	is 1 counter listings mnt
	asked=$(($(counter layer_lookups mnt) - before))
	echo "$asked layers were asked for 1000 names"
	((asked < 6000))
	unmount mnt
}

@test "a few lookups don't make a listing" {
	layers 5
	touch 5/d/{1..2000}
	mnt $(numbers 5)
	stat mnt/d/1 mnt/d/5
	is 0 counter listings mnt
	unmount mnt
}

@test "a listing doesn't bring back what is removed" {
	mkdir -p 1/d 2/d 3/d
	touch 2/d/{a,b} 3/d/{a,b,c}
	mknod 1/d/a c 0 0
	mknod 2/d/c c 0 0
	mnt 1 2 3
	is b ls mnt/d
	fails 'No such file' stat mnt/d/a
	fails 'No such file' stat mnt/d/c
	is "$(stat -c %i 2/d/b)" stat -c %i mnt/d/b
	unmount mnt
}

@test "a name that is too long is refused" {
	mkdir 1
	mnt 1
	fails 'File name too long' stat "mnt/$(printf '%0256d' 0)"
	fails 'No such file' stat "mnt/$(printf '%0255d' 0)"
	unmount mnt
}

@test "many look up and list one directory at a time" {
	layers 20
	for _ in 1 2 3; do
		mnt $(numbers 20)
		for j in {1..8}; do
			(
				for i in {1..20}; do
					[[ -e mnt/d/$i && ! -e mnt/d/no$j$i ]] || echo wrong
				done
				[[ $(ls mnt/d | wc -l) == 20 ]] || echo wrong
			) &
		done >result
		wait
		is '' cat result
		unmount mnt
	done
}

@test "a directory that is moved in a layer is not two" {
	mkdir -p 1/a/sub 2/a
	touch 1/a/sub/file
	mnt 1 2
	ok stat mnt/a/sub/file
	mv 1/a 1/b
	log stat mnt/b/sub/file
	log stat mnt/a/sub/file
	log ls -lR mnt
	unmount mnt
}
