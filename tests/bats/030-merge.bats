#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Layers merged into one tree: what a name leads to, and what a directory lists.

load ../lib/common

# layers N: directories l1 (top) to lN, each with a file and a directory of its own and common ones.
layers() {
	local i

	LOWERS=$(seq -f l%g -s: "$1")
	for ((i = 1; i <= $1; i++)); do
		mkdir -p "l$i/dir/own.$i" "l$i/own.$i"
		echo "$i" >"l$i/file"
		echo "$i" >"l$i/only.$i"
		echo "$i" >"l$i/dir/file"
		echo "$i" >"l$i/dir/only.$i"
	done
}

# The mount shows the same tree as overlayfs over the same layers.
assert_as_overlay() {
	mount_overlay "$@"
	picture mnt >expected
	umount mnt
	mount_lamina
	assert_picture expected mnt
	umount_lamina
}

# ---- what merges ----

@test "two to five layers merge into one tree, the top one wins" {
	for n in 2 3 4 5; do
		layers "$n"
		mount_lamina
		assert_file mnt/file 1
		assert_file mnt/dir/file 1
		names=(file)
		for ((i = 1; i <= n; i++)); do
			assert_file "mnt/only.$i" "$i"
			assert_file "mnt/dir/only.$i" "$i"
			names+=("only.$i" "own.$i")
		done
		assert_names mnt dir "${names[@]}"
		assert_names mnt/dir "${names[@]}"
		umount_lamina
		rm -rf l?
	done
}

@test "the upper wins over all lower layers" {
	layers 3
	mkdir upper/dir
	echo upper | tee upper/file >upper/dir/file
	mount_lamina
	assert_file mnt/file upper
	assert_file mnt/dir/file upper
	assert_file mnt/dir/only.3 3
	umount_lamina
}

@test "without an upper the same is seen" {
	layers 4
	touch -r l1 upper
	mount_lamina
	picture -t mnt >expected
	umount_lamina
	mount_read_only
	assert_picture expected -t mnt
	umount_lamina
}

@test "one lower layer alone is shown as it is" {
	cp -a /etc/skel lower/skel
	mkdir -p lower/a/b
	ln -s b lower/a/link
	mkfifo -m 0640 lower/a/fifo
	chown 12:34 lower/a/fifo
	picture -t lower >expected
	mount_read_only
	assert_picture expected -t mnt
	umount_lamina
}

@test "every pair of types over one another looks as on overlayfs" {
	mkdir top
	LOWERS=top:lower
	objects=()
	for above in file dir link fifo none; do
		for below in file dir link fifo; do
			objects+=("$above" "top/$above-over-$below" "$below" "lower/$above-over-$below")
		done
	done
	py merge objects "${objects[@]}"
	assert_as_overlay
}

@test "a file between two directories keeps the lower one out" {
	mkdir -p a/name b c/name
	touch a/name/shown b/name c/name/hidden
	LOWERS=a:b:c mount_lamina
	assert_names mnt/name shown
	umount_lamina
}

@test "a link to a directory is not merged with a directory" {
	mkdir -p top lower/dir target
	touch lower/dir/hidden lower/other
	ln -s other top/dir
	LOWERS=top:lower mount_lamina
	assert_equal "$(readlink mnt/dir)" other
	run_expect 1 stat mnt/dir/hidden
	assert_output_has "Not a directory"
	umount_lamina
}

@test "attributes of a merged directory are the top layer's" {
	mkdir -p top/dir lower/dir
	chmod 0700 top/dir
	chmod 0755 lower/dir
	chown 1:2 top/dir
	setfattr -n user.of -v top top/dir
	setfattr -n user.of -v lower -h lower/dir
	setfattr -n user.only-lower -v x lower/dir
	touch -d 2001-02-03T04:05:06.789 top/dir
	LOWERS=top:lower
	assert_as_overlay
	mount_lamina
	assert_equal "$(stat -c '%a %u:%g %y' mnt/dir)" "$(stat -c '%a %u:%g %y' top/dir)"
	assert_equal "$(getfattr -n user.of --only-values mnt/dir)" top
	run_expect 1 getfattr -n user.only-lower mnt/dir
	umount_lamina
}

@test "the root has the attributes of the top layer" {
	chmod 0711 upper
	chown 7:8 upper
	mount_lamina
	assert_equal "$(stat -c '%a %u:%g' mnt)" "711 7:8"
	umount_lamina
}

@test "redirects and metacopies that overlayfs has written are followed" {
	needs_redirects
	mkdir -p lower/a/b/c lower/other top
	echo deep >lower/a/b/c/file
	head -c 100000 /dev/zero | tr '\0' x >lower/big
	echo plain >lower/other/plain
	mount_overlay redirect_dir=on,metacopy=on
	mv mnt/a/b mnt/moved
	mv mnt/moved/c mnt/moved/renamed
	mv mnt/other mnt/another
	chmod 0600 mnt/big
	mv mnt/big mnt/large
	touch mnt/moved/new
	picture mnt >expected
	umount mnt
	mv upper top
	mkdir upper
	rm -rf work/work
	LOWERS=top/upper:lower mount_lamina
	assert_picture expected mnt
	echo more >>mnt/large
	echo more >>mnt/moved/renamed/file
	assert_file mnt/moved/renamed/file $'deep\nmore'
	assert_equal "$(stat -c '%s %a' mnt/large)" "100005 600"
	umount_lamina
}

# ---- names ----

@test "names are bytes: spaces, line feeds, no UTF-8, 255 of them" {
	mkdir top
	py merge odd_names lower
	py merge odd_names top 2
	LOWERS=top:lower mount_lamina
	py merge has_odd_names mnt lower top
	umount_lamina
}

@test ".. leads up again, also after a directory was moved" {
	mkdir -p lower/a/b/c lower/z
	mount_lamina
	assert_equal "$(stat -c %i mnt/a/b/..)" "$(stat -c %i mnt/a)"
	assert_equal "$(stat -c %i mnt/a/b/c/../../..)" "$(stat -c %i mnt)"
	mv mnt/a/b mnt/z
	assert_equal "$(stat -c %i mnt/z/b/..)" "$(stat -c %i mnt/z)"
	py merge dot_dot mnt/z/b mnt/z
	py merge dot_dot mnt/z/b/c mnt/z/b
	umount_lamina
}

@test "'..' is listed rightly when a directory that was listed before moves to another one" {
	mkdir -p upper/a/dir lower/b/dir lower/c
	mount_lamina
	py merge dot_dot mnt/a/dir mnt/a
	py merge dot_dot mnt/b/dir mnt/b
	mv mnt/a/dir mnt/c/moved
	py merge dot_dot mnt/c/moved mnt/c
	py merge exchange mnt/c/moved mnt/b/dir
	py merge dot_dot mnt/c/moved mnt/c
	py merge dot_dot mnt/b/dir mnt/b
	umount_lamina
}

@test "300 levels of directories work, with paths that no single call can name" {
	py merge make_deep lower 300
	mount_lamina
	py merge use_deep mnt 300
	py merge check_deep upper 300
	remount_lamina
	py merge check_deep mnt 300
	py merge remove_deep mnt 300
	assert_names mnt
	umount_lamina
	# Neither bats nor rm can be relied upon for that.
	py merge remove_deep lower 300
}

# ---- listings ----

@test "5,000 names over three layers are listed once each" {
	for layer in a b c; do mkdir -p "$layer/dir"; done
	py merge fill a/dir 0 2000
	py merge fill b/dir 1500 3500
	py merge fill c/dir 3000 5000
	for size in 300 4096 65536; do
		LOWERS=a:b:c mount_lamina
		py merge lists mnt/dir 0 5000 "$size"
		umount_lamina
	done
}

@test "names deleted in upper layers are not listed among 5,000" {
	for layer in a b c; do mkdir -p "$layer/dir"; done
	py merge fill b/dir 1500 3500
	py merge fill c/dir 0 5000
	for ((i = 0; i < 5000; i += 100)); do
		mknod "a/dir/name.$i" c 0 0
	done
	LOWERS=a:b:c mount_lamina
	py merge lists_some mnt/dir 5000 100
	umount_lamina
}

@test "telldir, seekdir and rewinddir lead to where they should" {
	mkdir -p top/dir lower/dir
	py merge fill top/dir 0 700
	py merge fill lower/dir 500 1500
	LOWERS=top:lower mount_lamina
	py merge seek mnt/dir
	echo new >mnt/dir/new
	py merge seek mnt/dir
	umount_lamina
}

@test "while names come and go, those that stay are listed once each" {
	mkdir -p top/dir lower/dir
	py merge fill top/dir 0 1000
	py merge fill lower/dir 500 2000
	LOWERS=top:lower mount_lamina
	py merge changing mnt/dir 2000
	umount_lamina
}

@test "a name created is listed, one removed is not, also by who has the directory open" {
	mkdir lower/dir
	touch lower/dir/old
	mount_lamina
	py merge news mnt/dir
	umount_lamina
}

@test "types in listings are those of the objects" {
	mkdir top
	LOWERS=top:lower
	objects=()
	for type in file dir link fifo socket char; do
		objects+=("$type" "lower/$type" "$type" "top/top-$type" "$type" "upper/upper-$type")
	done
	py merge objects "${objects[@]}"
	mount_lamina
	py merge types mnt
	umount_lamina
}

@test "inode numbers in listings are those that stat shows" {
	layers 3
	echo one >l2/link1
	ln l2/link1 l2/link2
	mount_lamina
	py merge numbers mnt
	echo more >>mnt/only.2
	echo more >>mnt/link2
	rm mnt/only.3
	echo new >mnt/new
	mv mnt/dir mnt/moved
	ln mnt/only.1 mnt/moved/linked
	py merge numbers mnt
	remount_lamina
	py merge numbers mnt
	umount_lamina
}

@test "inode numbers in listings are those that stat shows, with layers on two file systems" {
	layers 3
	mkdir other
	mount -t tmpfs tmpfs other
	mv l2 other
	LOWERS=l1:other/l2:l3 mount_lamina
	py merge numbers mnt
	echo more >>mnt/only.2
	echo more >>mnt/only.3
	mv mnt/dir mnt/moved
	py merge numbers mnt
	LOWERS=l1:other/l2:l3 remount_lamina
	py merge numbers mnt
	umount_lamina
	umount other
}

# ---- link counts of directories ----

@test "a directory of one layer counts its subdirectories, a merged one shows 1 as on overlayfs" {
	mkdir -p lower/single/{a,b,c} lower/merged/a upper/merged/b
	mount_overlay
	expected=$(cd mnt && stat -c '%n %h' single merged single/a)
	umount mnt
	mount_lamina
	assert_equal "$(cd mnt && stat -c '%n %h' single merged single/a)" "$expected"
	mkdir -p mnt/new/{x,y}
	assert_equal "$(stat -c %h mnt/new)" 4
	rmdir mnt/new/x
	assert_equal "$(stat -c %h mnt/new)" 3
	umount_lamina
}

@test "static_nlink: every directory has one link" {
	mkdir -p lower/single/{a,b}
	mount_lamina -o static_nlink
	mkdir -p mnt/new/x
	assert_equal "$(stat -c %h mnt/single mnt/new mnt | paste -sd' ')" "1 1 1"
	umount_lamina
}
