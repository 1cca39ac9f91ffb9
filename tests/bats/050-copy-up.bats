#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Copy-up: what a change of a lower object makes of it, and what it leaves as it was.

load ../lib/common

# Looking at the plain trees must not change their access times.
setup_file() {
	scene_create 512M
	mount -o remount,noatime "$SCENE"
}

# ---- objects of every type, compared with the same change on a plain ext4 ----

# operate OPERATION: on all objects of lower, through the mount.
operate() {
	mkdir plain
	py copyup populate lower
	py copyup populate plain
	mark_lower
	mount_lamina
	py copyup operate "$1" mnt plain result
	remount_lamina
	py copyup operated mnt result
	umount_lamina
	assert_lower_unchanged
	assert_contents work/work
}

@test "chmod changes the mode and nothing else, of every type" { operate chmod; }
@test "chown clears what ext4 clears and keeps the rest, of every type" { operate chown; }
@test "chgrp clears what ext4 clears and keeps the rest, of every type" { operate chgrp; }
@test "utimes sets both times to the nanosecond, of every type" { operate utimes; }
@test "setxattr adds an attribute, of every type" { operate setxattr; }
@test "removexattr takes one attribute away, of every type" { operate removexattr; }
@test "setting an ACL changes the mode with it" { operate setacl; }
@test "appending keeps what was there" { operate write; }
@test "overwriting keeps what is around" { operate overwrite; }
@test "truncate keeps the beginning" { operate truncate; }
@test "extending fills with zeros" { operate extend; }
@test "O_TRUNC keeps everything but the data" { operate empty; }
@test "link gives an object of every type a second name" { operate link; }
@test "rename moves an object of every type" { operate rename; }

@test "reading, listing and failing changes copy nothing up" {
	py copyup populate lower
	mark_lower
	mount_lamina
	picture -t mnt >/dev/null
	getfattr -R -h -d -m - mnt >/dev/null
	run_expect 1 mkdir mnt/dir/sub
	run_expect 1 chmod 0600 mnt/dir/sub/missing
	run_expect 1 setfattr -x trusted.missing mnt/dir/sub/file
	cat mnt/dir/sub/file >/dev/null
	assert_contents upper
	umount_lamina
	assert_lower_unchanged
}

@test "a copy-up makes the directories above with all that they have, and no more" {
	mkdir -p plain
	py copyup populate lower
	py copyup populate plain
	mount_lamina
	chmod 0600 mnt/dir/sub/file
	assert_contents upper "d dir" "d dir/sub" "f dir/sub/file"
	chmod 0600 plain/dir/sub/file
	umount_lamina
	mount_overlay
	picture -t plain/dir >expected
	assert_picture expected -t mnt/dir
	umount mnt
}

@test "a copy-up does not change the times of the directory" {
	mkdir lower/dir
	touch lower/dir/{a,b}
	touch -d 2001-02-03T04:05:06.789 lower/dir
	mount_lamina
	echo more >>mnt/dir/a
	assert_equal "$(stat -c %y mnt/dir)" "$(stat -c %y lower/dir)"
	remount_lamina
	chmod 0600 mnt/dir/b
	assert_equal "$(stat -c %y mnt/dir)" "$(stat -c %y lower/dir)"
	umount_lamina
}

@test "nothing that is done through the mount changes a lower access time" {
	mount -o remount,strictatime "$SCENE"
	mkdir lower/dir
	echo lower | tee lower/dir/file lower/file >/dev/null
	ln -s file lower/link
	find lower -exec touch -h -a -d 2001-02-03T04:05:06.789 {} +
	before=$(cd lower && stat -c '%n %x' . dir dir/file file link)
	mount_lamina
	ls -R mnt >/dev/null
	cat mnt/link mnt/dir/file
	readlink mnt/link
	echo more >>mnt/file
	mv mnt/dir mnt/moved
	umount_lamina
	assert_equal "$(cd lower && stat -c '%n %x' . dir dir/file file link)" "$before"
	mount -o remount,noatime "$SCENE"
}

# ---- data ----

@test "a big file is copied up whole" {
	head -c 67108864 /dev/urandom >lower/big
	cp lower/big expected
	mount_lamina
	echo end | tee -a expected >>mnt/big
	cmp mnt/big expected
	remount_lamina
	cmp mnt/big expected
	umount_lamina
	rm expected
}

@test "holes are kept" {
	py copyup make_sparse lower/sparse
	mount_lamina
	chmod 0600 mnt/sparse
	umount_lamina
	py copyup same_extents upper/sparse lower/sparse
	assert [ "$(stat -c %b upper/sparse)" -le 64 ]
}

@test "holes are kept from a lower layer on another file system" {
	mkdir other
	mount -t tmpfs tmpfs other
	py copyup make_sparse other/sparse
	LOWERS=other mount_lamina
	chmod 0600 mnt/sparse
	umount_lamina
	py copyup same_extents upper/sparse other/sparse
	assert [ "$(stat -c %b upper/sparse)" -le 64 ]
	umount other
}

@test "copy-ups of one file by many at once make one copy" {
	head -c 200000 /dev/zero | tr '\0' x >lower/file
	mark_lower
	mount_lamina
	py copyup at_once mnt/file
	umount_lamina
	assert_lower_unchanged
	assert_contents work/work
}

# An upper of 2 MiB over a lower file of 16.
small_upper() {
	mkdir small
	mount -t tmpfs -o size=2m tmpfs small
	mkdir small/upper small/work
	head -c 16777216 /dev/urandom >lower/file
	mark_lower
	"$LAMINA_BIN/lamina-mount" mnt \
		-o "lowerdir=lower,upperdir=small/upper,workdir=small/work,engine=$LAMINA_ENGINE"
}

@test "a copy-up without room fails and changes nothing" {
	small_upper
	py copyup no_room mnt/file 28 # ENOSPC
	assert_contents small/upper
	(cd small/work && assert_contents work)
	umount_lamina
	assert_lower_unchanged
	umount small
}

@test "what is truncated anyway is not copied" {
	small_upper
	: >mnt/file
	assert_file mnt/file ""
	echo new >mnt/file
	assert_file mnt/file new
	umount_lamina
	rm -rf small/upper small/work
	mkdir small/upper small/work
	"$LAMINA_BIN/lamina-mount" mnt \
		-o "lowerdir=lower,upperdir=small/upper,workdir=small/work,engine=$LAMINA_ENGINE"
	py copyup truncate mnt/file 1000000
	assert_equal "$(sha256sum <mnt/file)" "$(head -c 1000000 lower/file | sha256sum)"
	umount_lamina
	assert_lower_unchanged
	umount small
}

# ---- open handles ----

@test "a handle opened for reading gives what is written after the copy-up" {
	echo "lower file" >lower/file
	mark_lower
	mount_lamina
	py copyup handles mnt/file
	umount_lamina
	assert_lower_unchanged
}

@test "what one handle writes another one reads" {
	echo "lower file" >lower/file
	mark_lower
	mount_lamina
	py copyup two_writers mnt/file
	umount_lamina
	assert_lower_unchanged
}

@test "a mapping of a file that is written after" {
	echo "lower file" >lower/file
	mark_lower
	mount_lamina
	py copyup mapped mnt/file "$LAMINA_ENGINE"
	umount_lamina
	assert_lower_unchanged
}

@test "the first write reaches the upper" {
	echo "lower file" >lower/file
	mark_lower
	mount_lamina
	py copyup first_write mnt/file upper/file
	umount_lamina
	assert_lower_unchanged
}

# ---- hard links ----

@test "names of one lower file stay one file when it is copied up by any of them" {
	py copyup make_link_groups lower
	mark_lower
	mount_lamina
	py copyup trigger_links mnt
	remount_lamina
	py copyup link_groups mnt
	umount_lamina
	assert_lower_unchanged
}

# change_opened CHANGE: the first one, then all. overlayfs with an index is the model.
change_opened() {
	py copyup make_links lower 3
	mark_lower
	mount_overlay index=on
	py links change_opened mnt "$1"
	umount mnt
	rm -r upper work
	mkdir upper work
	mount_lamina
	py links change_opened mnt "$1"
	umount_lamina
	assert_lower_unchanged
}

@test "open by one name, written to by another: all names show what has changed" {
	change_opened "append by another"
}

@test "open by one name, chmod by the same: all names show what has changed" {
	change_opened "chmod by the opened"
}

@test "open by one name, truncated by another: all names show what has changed" {
	change_opened "truncate by another"
}

@test "open by one name, which is renamed: all names show what has changed" {
	change_opened "rename of the opened"
}

@test "names of one lower file go one by one, and the count with them" {
	py copyup make_links lower 6
	mark_lower
	mount_lamina
	# Three before any copy-up, then the others.
	py copyup unlink_links mnt 6 1 4
	py copyup links mnt 6 1 4
	remount_lamina
	py copyup links mnt 6 1 4
	echo more >>mnt/0
	py copyup links mnt 6 1 4
	py copyup unlink_links mnt 6 2 0
	py copyup links mnt 6 0 1 2 4
	remount_lamina
	py copyup links mnt 6 0 1 2 4
	py copyup unlink_links mnt 6 3 5
	assert_contents work/lamina-index
	umount_lamina
	assert_lower_unchanged
	mount_lamina
	assert_equal "$(find mnt -type f)" ""
	umount_lamina
}

@test "names of one lower file go without a copy-up" {
	py copyup make_links lower 4
	mount_lamina
	py copyup unlink_links mnt 4
	assert_contents upper "w 0" "w 3" "d sub" "w sub/1" "d sub/sub" "w sub/sub/2"
	assert_contents work/lamina-index
	umount_lamina
}

@test "what was open when the last of several names went is used on and has no names" {
	py copyup make_links lower 4
	mark_lower
	mount_lamina
	# A view has no place for a copy without a name: docs/compatibility.md.
	py links "$([[ $LAMINA_ENGINE == bpf ]] && echo keep || echo change)_unlinked" mnt 4
	assert_contents work/lamina-index
	umount_lamina
	assert_lower_unchanged
}

# pairs WHAT: of many lower files one name goes while it is written to by the other.
pairs() {
	py links make_pairs lower 80
	mark_lower
	mount_lamina
	py links "$1" mnt 80
	picture -t mnt >before
	remount_lamina
	assert_picture before -t mnt
	rm mnt/*
	assert_contents work/lamina-index
	umount_lamina
	assert_lower_unchanged
}

@test "a name of an open lower file is unlinked while it is written to by the other" {
	pairs unlink_while_written
}

@test "a name of an open lower file is replaced while it is written to by the other" {
	pairs replace_while_written
}

@test "names of one lower file are replaced one by one" {
	py copyup make_links lower 4
	mark_lower
	mount_lamina
	py copyup replace_links mnt 4
	assert_contents work/lamina-index
	umount_lamina
	assert_lower_unchanged
}

@test "a new name of a linked lower file is one more" {
	py copyup make_links lower 3
	mount_lamina
	ln mnt/0 mnt/new
	assert_equal "$(stat -c %h mnt/sub/1)" 4
	assert_equal "$(stat -c %i mnt/sub/1)" "$(stat -c %i mnt/new)"
	remount_lamina
	assert_equal "$(stat -c %h mnt/new mnt/sub/sub/2 | paste -sd' ')" "4 4"
	rm mnt/0 mnt/sub/1 mnt/sub/sub/2
	assert_equal "$(stat -c %h mnt/new)" 1
	assert_file mnt/new linked
	remount_lamina
	assert_equal "$(stat -c %h mnt/new)" 1
	rm mnt/new
	assert_contents work/lamina-index
	umount_lamina
}

@test "a rename of one name onto another of the same lower file does nothing" {
	py copyup make_links lower 2
	mount_lamina
	py copyup rename_onto_own_link mnt
	umount_lamina
}

@test "a directory with some names of a linked file is renamed, they stay one file" {
	py copyup make_links lower 6
	mark_lower
	mount_lamina
	mv mnt/sub mnt/moved
	assert_equal "$(stat -c %i mnt/0 mnt/3 mnt/moved/1 mnt/moved/sub/2 | sort -u | wc -l)" 1
	assert_equal "$(stat -c %h mnt/0 mnt/moved/sub/5 | paste -sd' ')" "6 6"
	echo more >>mnt/moved/sub/2
	assert_file mnt/0 $'linked\nmore'
	remount_lamina
	assert_equal "$(stat -c %h mnt/0 mnt/moved/sub/5 | paste -sd' ')" "6 6"
	assert_equal "$(cat mnt/0 mnt/3 mnt/moved/1 mnt/moved/4 | sort | uniq -c | tr -d ' ')" \
		$'4linked\n4more'
	rm -r mnt/moved
	assert_equal "$(stat -c %h mnt/0)" 2
	umount_lamina
	assert_lower_unchanged
}

@test "links and fifos with two names stay one object" {
	py copyup link_special lower
	mark_lower
	mount_lamina
	py copyup linked_special mnt
	umount_lamina
	assert_lower_unchanged
}

@test "a file with 3,000 names is copied up once and loses them one by one" {
	py copyup make_links lower 3000
	mark_lower
	mount_lamina
	chmod 0600 mnt/0
	py copyup links mnt 3000
	assert_equal "$(find upper -type f | wc -l)" 1
	py copyup unlink_links mnt 3000
	assert_contents work/lamina-index
	umount_lamina
	assert_lower_unchanged
}

@test "names in several layers are several files" {
	mkdir top
	py copyup make_links top 2
	py copyup make_links lower 5
	LOWERS=top:lower mount_lamina
	assert_equal "$(stat -c %h mnt/0 mnt/sub/1 | paste -sd' ')" "2 2"
	assert_equal "$(stat -c %i mnt/0)" "$(stat -c %i mnt/sub/1)"
	refute [ "$(stat -c %i mnt/0)" = "$(stat -c %i mnt/sub/sub/2)" ]
	echo top >>mnt/0
	echo lower >>mnt/3
	assert_file mnt/sub/1 $'linked\ntop'
	assert_file mnt/sub/sub/2 $'linked\nlower'
	umount_lamina
}

@test "of a file with several names, each that was looked up is in the upper after a write" {
	mkdir -p lower/a/deep lower/b
	echo lower >lower/a/deep/one
	ln lower/a/deep/one lower/b/two
	ln lower/a/deep/one lower/three
	mark_lower
	mount_lamina
	stat mnt/b/two mnt/a/deep/one >/dev/null
	echo more >>mnt/b/two
	assert_equal "$(cat upper/a/deep/one)" $'lower\nmore'
	assert_equal "$(cat upper/b/two)" $'lower\nmore'
	run ! test -e upper/three
	# Written to by a name that was not known before, it is there by that one too.
	echo again >>mnt/three
	assert_equal "$(cat upper/three)" $'lower\nmore\nagain'
	assert_equal "$(stat -c %h mnt/three)" 3
	remount_lamina
	assert_equal "$(cat mnt/a/deep/one)" $'lower\nmore\nagain'
	assert_equal "$(stat -c %h mnt/three)" 3
	umount_lamina
	assert_lower_unchanged
}
