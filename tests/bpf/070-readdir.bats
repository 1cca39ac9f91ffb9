#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Listing directories. That positions hold, types and numbers are right and nothing comes twice is
# checked by dump, here and in the comparisons.

load helpers

@test "10,000 names from three layers" {
	local names=${NAMES:-10000}
	local tenth=$((names / 10))

	mkdir -p {1,2,3}/d
	(cd 1/d && seq -f 'a%g' $((4 * tenth)) | xargs touch)
	(cd 2/d && seq -f 'a%g' $((2 * tenth + 1)) $((6 * tenth)) | xargs touch)
	(cd 3/d && seq -f 'a%g' $((5 * tenth + 1)) "$names" | xargs touch)
	mnt 1 2 3
	is "$names" bash -c 'ls mnt/d | sort -u | wc -l'
	is "$names" bash -c 'ls -U mnt/d | wc -l'
	is 1 counter listings mnt
	sound mnt
	unmount mnt
}

@test "names are sorted out once for all who list" {
	mkdir -p {1,2}/{d,e}
	touch 1/d/{1..100} 2/d/{50..150}
	mnt 1 2
	for _ in 1 2 3; do
		is 150 bash -c 'ls mnt/d | wc -l'
	done
	is 1 counter listings mnt
	unmount mnt
}

@test "whiteouts in a directory of one layer are not listed" {
	mkdir -p 1/d/e 2
	touch 1/d/{a,b,c} 1/d/e/f
	mknod 1/d/bb c 0 0
	mknod 1/d/a0 c 0 0
	mknod 1/d/null c 1 3
	mknod 1/d/e/x c 0 0
	mnt 1 2
	is $'a\nb\nc\ne\nnull' ls mnt/d
	is f ls mnt/d/e
	sound mnt
	unmount mnt
}

@test "thousands of whiteouts in a directory of one layer" {
	mkdir -p 1/d 2
	python3 -c 'import os; [os.mknod(f"1/d/w{i}", 0o20000, 0) for i in range(1500)]'
	touch 1/d/{x,y}
	mnt 1 2
	is $'x\ny' ls mnt/d
	sound mnt
	unmount mnt
}

@test "file systems that don't tell types" {
	mkdir -p fs mnt 2/d
	truncate -s 100M disk
	mkfs.ext4 -q -O ^filetype disk
	ok mount disk fs
	mkdir -p fs/d/dir
	touch fs/d/file 2/d/other
	ln -s x fs/d/link
	mkfifo fs/d/fifo
	mknod fs/d/gone c 0 0
	mnt fs 2
	sound mnt
	is $'dir\nfifo\nfile\nlink\nother' ls mnt/d
	unmount mnt
	mnt 2 fs
	sound mnt
	unmount mnt
	mnt fs
	sound mnt
	is $'dir\nfifo\nfile\nlink' ls mnt/d
	unmount mnt fs
}

@test ". and .. have the numbers of the view" {
	mkdir -p 1/a/b 2/a/b/c 3/a
	mnt 1 2 3
	sound mnt
	is "$(stat -c %i mnt/a)" stat -c %i mnt/a/b/..
	is "$(stat -c %i mnt/a/b)" bash -c "cd mnt/a/b && ls -ia | awk '\$2 == \".\" { print \$1 }'"
	is "$(stat -c %i mnt/a)" bash -c "cd mnt/a/b && ls -ia | awk '\$2 == \"..\" { print \$1 }'"
	is "$(stat -c %i mnt/a/b)" bash -c "cd mnt/a/b/c && ls -ia | awk '\$2 == \"..\" { print \$1 }'"
	unmount mnt
}

@test "a directory that can't be read is not listed" {
	mkdir -p 1/d 2/d
	touch 1/d/1 2/d/2
	chmod 711 1/d
	mnt 1 2
	fails 'Permission denied' as 1000 ls mnt/d
	ok as 1000 stat mnt/d/2
	unmount mnt
}

@test "listing ends with a signal" {
	mkdir -p {1,2}/d
	(cd 1/d && seq -f 'a%g' 20000 | xargs touch)
	mnt 1 2
	for _ in 1 2 3; do
		timeout -s KILL 0.05 ls mnt/d >/dev/null || true
	done
	is 20000 bash -c 'ls mnt/d | wc -l'
	unmount mnt
}

@test "an open directory seeks as overlayfs' does" {
	mkdir -p {1,2}/merged 2/single 1/other
	touch {1,2}/merged/{a,b} 1/merged/c 2/merged/{d,e,f} 2/single/{x,y,z}
	mknod 1/merged/e c 0 0
	both 1 2
	for dir in merged single .; do
		ok python3 "$CHECKOUT/tests/bpf/tools/seek.py" ovl/$dir
		is "$output" python3 "$CHECKOUT/tests/bpf/tools/seek.py" mnt/$dir
		[[ $output == *'again: the same'* ]]
	done
	unmount mnt ovl
}
