#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Filters come and go while views are in use.

load helpers

# Processes that do all that can be done in the view at mnt until the file stop is there. Errors are
# theirs to bear; that the kernel bears it is seen by what it says.
work_on() {
	local i

	for i in 1 2 3; do
		python3 - "$i" <<-'P' &
			import os, sys, random
			random.seed(int(sys.argv[1]))
			paths = [f'mnt/{a}/{b}/{c}' for a in 'abc' for b in 'abc' for c in 'abcx']
			done = 0
			while not os.path.exists('stop'):
			    for path in random.sample(paths, 10):
			        for op in (os.stat, os.listdir, os.listxattr,
			                   lambda p: open(p).read(), lambda p: os.listdir(os.path.dirname(p))):
			            try:
			                op(path)
			            except OSError:
			                pass
			            done += 1
			print('operations', done)
		P
	done
}

make_tree() {
	mkdir -p {1,2}/{a,b,c}/{a,b,c}
	for i in 1 2; do
		for d in {a,b,c}/{a,b,c}; do
			touch "$i/$d"/{a,b,c}
		done
	done
}

@test "updates under load" {
	make_tree
	: >paths
	load_filter overlay
	ok lamina filter load hide --paths paths
	filtered overlay,hide 1 2
	work_on
	for i in {1..6}; do
		printf '/%s\n' a/b/c "$([[ $((i % 2)) == 0 ]] && echo b || echo c/a)" >paths
		ok lamina filter load hide --replace --paths paths
		ok lamina filter load overlay --replace
	done
	echo /b >paths
	ok lamina filter load hide --replace --paths paths
	fails 'No such file' stat mnt/b
	ok stat mnt/c/a/a
	touch stop
	wait
	fails 'No such file' stat mnt/b/a
	ok stat mnt/a/b/c
	unmount mnt
	unload overlay hide
}

@test "a filter that is detached closes its views, under load" {
	make_tree
	mkdir other
	load_filter overlay
	load_filter hide
	filtered overlay,hide 1 2
	ok lamina mount -o lowerdir=1:2,filter=overlay other
	exec 7<mnt/a/a/a 8<mnt/a
	local view
	view=$(control mnt)/view
	work_on
	sleep 1
	ok lamina filter remove hide --detach
	touch stop
	wait
	fails 'Input/output error' ls mnt
	fails 'Input/output error' stat mnt
	fails 'Input/output error' stat mnt/a/a/a
	fails 'Input/output error' stat mnt/none
	fails 'Input/output error' cat <&7
	fails 'Input/output error' python3 -c 'import os; os.listdir(8)'
	fails 'Input/output error' stat -f mnt
	exec 7<&- 8<&-
	is 'set,closed' awk '/^state/ { print $2 }' "$view"
	ok stat other/a/a/a
	# One of the same name is another filter.
	load_filter hide
	fails 'Input/output error' ls mnt
	unmount mnt other
	unload hide overlay
}

@test "a view keeps its filter when everybody else lets go of it" {
	mkdir layer
	touch layer/{hide,pass}
	load_filter answers
	filtered answers layer
	fails '1 views have the filter' lamina filter remove answers
	rm -r /sys/fs/bpf/lamina/answers
	is pass ls mnt
	fails 'No such file' stat mnt/hide
	# It still has its name.
	fails 'cannot be registered' lamina filter load "$TOOLS/answers.bpf.o"
	unmount mnt
	wait_until lamina filter load "$TOOLS/answers.bpf.o" 2>/dev/null
	unload answers
}

@test "mounting and unmounting while filters are replaced" {
	local i

	make_tree
	load_filter overlay
	(
		while [[ ! -e stop ]]; do
			lamina filter load overlay --replace
		done
	) &
	for i in {1..10}; do
		filtered overlay 1 2
		ok stat mnt/a/a/a
		unmount mnt
	done
	touch stop
	wait
	unload overlay
}

@test "no view leaves anything behind in a filter" {
	local i

	mkdir layer
	load_filter overlay
	for i in {1..20}; do
		mkdir -p "m$i"
		ok lamina mount -o lowerdir=layer "m$i"
	done
	is 20 bash -c 'lamina filter list --json | jq ".[0].views"'
	for i in {1..20}; do
		umount "m$i"
	done
	is 0 bash -c 'lamina filter list --json | jq ".[0].views"'
	unload overlay
}
