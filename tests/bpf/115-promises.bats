#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What filters promise of their own answers, so that they are asked less: see FUSE_FILTER_BY_STATE,
# BY_FACTS and WATCHES. Who is asked is seen in the view's counter.

load helpers

# asks_nobody COMMAND...: works, and no filter is asked.
asks_nobody() {
	local before

	before=$(counter asked mnt)
	ok "$@"
	is "$before" counter asked mnt
}

# asks COMMAND...: works, and a filter is.
asks() {
	local before

	before=$(counter asked mnt)
	ok "$@"
	[[ $(counter asked mnt) -gt $before ]]
}

@test "a promise about what isn't asked for doesn't load" {
	for bad in state promise watcher; do
		fails 'Invalid argument' lamina filter load "$TOOLS/bad-$bad.bpf.o"
	done
	is '' filters
}

@test "a name is asked about for its listing or its lookup, unless it is a directory" {
	mkdir -p {1,2}/dir/sub
	touch 1/dir/{a,core} 2/dir/b
	load_filter nocore
	filtered nocore 1 2
	is $'a\nb\nsub' ls mnt/dir
	asks_nobody stat mnt/dir/a mnt/dir/b
	fails 'No such file' stat mnt/dir/core
	asks stat mnt/dir/sub
	# Until there is another word of it.
	ok lamina filter load --replace "$TOOLS/nocore.bpf.o"
	asks stat mnt/dir/a mnt/dir/b
	is $'a\nb\nsub' ls mnt/dir
	unmount mnt
	unload nocore
}

@test "overlay isn't asked about ordinary names in ordinary directories" {
	mkdir -p {1,2}/{plain,marked}/sub
	touch {1,2}/plain/{a,b} 2/marked/{a,b} 1/plain/.wh.gone
	mknod 1/marked/b c 0 0
	load_filter overlay
	filtered overlay 1 2
	asks_nobody stat mnt/plain/a mnt/plain/sub
	fails 'No such file' stat mnt/plain/none
	asks_nobody ls mnt/marked/sub
	asks ls mnt/marked
	asks ls mnt/plain
	is $'a\nsub' ls -A mnt/marked
	is $'a\nb\nsub' ls -A mnt/plain
	asks_nobody ls -A mnt/marked mnt/plain
	unmount mnt
	unload overlay
}

@test "hide is only asked on the way to what it hides" {
	mkdir -p layer/{way/inner,other/inner}
	touch layer/{way,other}/inner/{a,b}
	echo /way/inner/a >paths
	load_filter hide --paths paths
	filtered hide layer
	asks ls mnt mnt/way mnt/way/inner
	asks stat mnt/other
	asks_nobody ls -lR mnt/other
	fails 'No such file' stat mnt/other/none
	asks_nobody stat mnt/other/inner/a
	fails 'No such file' stat mnt/way/inner/a
	is b ls mnt/way/inner
	# Another list, other ways.
	echo /other/inner/b >paths
	ok lamina filter load hide --replace --paths paths
	asks ls mnt/other mnt/other/inner
	is a ls mnt/other/inner
	is $'a\nb' ls mnt/way/inner
	asks_nobody ls -lR mnt/way
	unmount mnt
	unload hide
}

@test "with filters, a warm path is walked in rcu-walk, until they change" {
	mkdir -p {1,2}/d/sub
	touch {1,2}/d/sub/file 1/d/listed 1/d/sub/.wh.gone 2/d/sub/gone
	echo /d/listed >paths
	load_filter overlay
	load_filter hide --paths paths
	filtered overlay,hide 1 2
	cached() {
		python3 "$CHECKOUT/tests/bpf/tools/cached.py" "$W/mnt/d/sub/"{file,none,gone} "$W/mnt/d/listed"
	}
	warm() {
		stat mnt/d/sub/{file,none,gone} mnt/d/listed >/dev/null 2>&1 || true
	}
	is $'EAGAIN\nEAGAIN\nEAGAIN\nEAGAIN' cached
	warm
	asks_nobody cached
	is $'there\nENOENT\nENOENT\nENOENT' cached
	ok lamina filter load hide --replace --paths paths
	is $'EAGAIN\nEAGAIN\nEAGAIN\nEAGAIN' cached
	warm
	is $'there\nENOENT\nENOENT\nENOENT' cached
	unmount mnt
	unload overlay hide
}

@test "a promise that isn't kept costs the filter its say, and nobody else" {
	local dir

	mkdir -p {1,2}/{on,off}/{ch,mk,plain} 1/{on,off}/ch/child
	touch {1,2}/{on,off}/{x,listed} 1/{on,off}/{file,n-file,sib-x} 2/{on,off}/plain/{child,y}
	setfattr -n user.mark -v 1 1/on/mk 1/off/mk
	mknod 1/on/dev c 1 3
	mknod 1/off/dev c 1 3
	printf '/%s/listed\n' on off >paths
	load_filter liar
	load_filter hide --paths paths
	filtered liar,hide 1 2
	# It would hide all of these, and is asked about none; "listed" is hidden by who is asked.
	is $'ch\nfile\nmk\nn-file\nplain\nx' ls mnt/off
	# With a state it is asked about names.
	is $'ch\nfile\nmk\nplain\nx' ls mnt/on
	for dir in on off; do
		is y ls mnt/$dir/plain
		# These have facts: the layer has them hidden.
		for name in ch mk x; do
			is "$(stat -c %i 2/$dir/$name)" stat -c %i mnt/$dir/$name
		done
		fails 'No such file' stat mnt/$dir/dev
		fails 'No such file' stat mnt/$dir/sib-x
		fails 'No such file' stat mnt/$dir/plain/child
		fails 'No such file' stat mnt/$dir/listed
		ok stat mnt/$dir/file
	done
	ok stat mnt/off/n-file
	fails 'No such file' stat mnt/on/n-file
	unmount mnt
	unload liar hide
}

@test "what only watches changes nothing, and isn't asked for listings" {
	mkdir -p {1,2}/d
	touch 1/d/{a,b} 2/d/{b,c}
	echo text >2/d/c
	load_filter watcher
	filtered watcher 1 2
	asks cat mnt/d/c
	asks ls -l mnt/d
	is $'a\nb\nc' ls mnt/d
	is text cat mnt/d/c
	is 0 counter refused mnt
	sound mnt
	# 10 names cost no more questions than a few.
	touch 1/d/{0..9}
	unmount mnt
	filtered watcher 1 2
	local before
	before=$(counter asked mnt)
	python3 -c 'import os; assert len(os.listdir("mnt/d")) == 13'
	[[ $(counter asked mnt) -lt $((before + 10)) ]]
	# A view that nobody watches any more is closed like any other.
	ok lamina filter remove watcher --detach
	fails 'Input/output error' ls mnt
	unmount mnt
}
