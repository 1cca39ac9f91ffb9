#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Deleted names and opaque directories: the forms that are read, and the ones that are written.

load ../lib/common

DOT() { FUSE_OVERLAYFS_DISABLE_OVL_WHITEOUT=1 "$@"; }
NATIVE() { "$@"; }

long_name() { printf "%0$1d" 0 | tr 0 "${2:-n}"; }

# ---- reading whiteouts ----

# Layers a, b, c: c has names in its root and in dir; b deletes them in the way given.
# reads_whiteout MARK: MARK DIRECTORY NAME makes the whiteout.
reads_whiteout() {
	mkdir -p a/dir b/dir c/dir/gone-dir c/gone-dir
	for dir in c c/dir; do
		echo lower | tee "$dir/gone" "$dir/stays" "$dir/gone-dir/inner" >/dev/null
		"$1" "b${dir#c}" gone
		"$1" "b${dir#c}" gone-dir
	done
	LOWERS=a:b:c mount_lamina
	for dir in mnt mnt/dir; do
		assert_missing "$dir/gone"
		assert_missing "$dir/gone-dir"
		assert_missing "$dir/gone-dir/inner"
		assert_file "$dir/stays" lower
	done
	assert_names mnt dir stays
	assert_names mnt/dir stays
	umount_lamina
	# The same in the upper.
	rm -rf upper
	cp -a b upper
	LOWERS=a:c mount_lamina
	assert_names mnt dir stays
	assert_names mnt/dir stays
	assert_missing mnt/dir/gone
	umount_lamina
	# And with an object of a layer above it, which is seen.
	echo above | tee a/gone >a/dir/gone
	LOWERS=a:b:c mount_read_only
	assert_file mnt/gone above
	assert_file mnt/dir/gone above
	assert_names mnt dir stays gone
	umount_lamina
}

by_device() { mknod "$1/$2" c 0 0; }
by_dot_name() { touch "$1/.wh.$2"; }
by_trusted_xattr() {
	touch "$1/$2"
	setfattr -n trusted.overlay.whiteout -v y "$1/$2"
	setfattr -n trusted.overlay.opaque -v x "$1"
}
by_user_xattr() {
	touch "$1/$2"
	setfattr -n user.overlay.whiteout -v y "$1/$2"
	setfattr -n user.overlay.opaque -v x "$1"
}

@test "a character device 0:0 deletes a name of the layers below" {
	reads_whiteout by_device
}

@test ".wh.NAME deletes a name of the layers below" {
	reads_whiteout by_dot_name
}

@test "an empty file marked trusted.overlay.whiteout deletes a name of the layers below" {
	reads_whiteout by_trusted_xattr
}

@test "an empty file marked user.overlay.whiteout deletes a name of the layers below" {
	reads_whiteout by_user_xattr
}

@test "an empty file is one unless its directory says that some are whiteouts" {
	mkdir -p b/dir c/dir
	echo lower >c/dir/file
	touch b/dir/file
	setfattr -n trusted.overlay.whiteout -v y b/dir/file
	LOWERS=b:c mount_lamina
	assert_file mnt/dir/file ""
	umount_lamina
}

@test "a device with other numbers, and a block device 0:0, are no whiteouts" {
	mkdir b
	touch lower/char lower/block
	mknod b/char c 0 1
	mknod b/block b 0 0
	LOWERS=b:lower mount_lamina
	assert_equal "$(stat -c '%F %t:%T' mnt/char)" "character special file 0:1"
	assert_equal "$(stat -c '%F %t:%T' mnt/block)" "block special file 0:0"
	umount_lamina
}

@test ".wh.NAME hides what lies below its layer, not the object beside it" {
	mkdir -p b/dir c/dir
	echo c | tee c/file c/dir/old >/dev/null
	echo b >b/file
	touch b/.wh.file b/.wh.dir b/dir/new
	LOWERS=b:c mount_lamina
	assert_file mnt/file b
	assert_names mnt file dir
	assert_names mnt/dir new
	assert_missing mnt/dir/old
	# Removed, it stays hidden.
	rm mnt/file
	assert_missing mnt/file
	umount_lamina
}

@test "a whiteout ends the search also for layers that have the name again" {
	mkdir -p 1 2 3/dir 4/dir 5
	touch 4/dir/hidden 3/dir/hidden 5/file
	mknod 2/dir c 0 0
	mkdir 1/dir
	touch 1/dir/shown
	LOWERS=1:2:3:4:5 mount_lamina
	assert_names mnt/dir shown
	assert_missing mnt/dir/hidden
	umount_lamina
}

@test "a whiteout of a name that no layer has does no harm" {
	mkdir b
	mknod b/none c 0 0
	touch b/.wh.nothing lower/file
	LOWERS=b:lower mount_lamina
	assert_names mnt file
	assert_missing mnt/none
	echo new >mnt/none
	echo new >mnt/nothing
	assert_names mnt file none nothing
	umount_lamina
}

@test "no mark of any form is seen or can be reached by its own name" {
	mkdir -p b/dir c/dir
	touch c/file c/dir/file b/.wh.file b/dir/.wh..wh..opq c/only
	mknod b/only c 0 0
	LOWERS=b:c mount_lamina
	assert_names mnt dir
	assert_names mnt/dir
	for name in .wh.file only dir/.wh..wh..opq dir/file .wh.absent; do
		assert_missing "mnt/$name"
	done
	umount_lamina
}

# ---- reading opaque directories ----

# reads_opaque COMMAND...: it marks the directory given as its last word.
reads_opaque() {
	mkdir -p a/dir/sub b/dir/sub c/dir/sub
	touch a/dir/a b/dir/b c/dir/c a/dir/sub/a b/dir/sub/b c/dir/sub/c
	"$@" b/dir
	LOWERS=a:b:c mount_lamina
	assert_names mnt/dir a b sub
	assert_names mnt/dir/sub a b
	assert_missing mnt/dir/c
	assert_missing mnt/dir/sub/c
	umount_lamina
	"$@" a/dir
	LOWERS=a:b:c mount_lamina
	assert_names mnt/dir a sub
	assert_names mnt/dir/sub a
	assert_missing mnt/dir/sub/b
	umount_lamina
	rm -rf upper
	cp -a b upper
	LOWERS=c mount_lamina
	assert_names mnt/dir b sub
	assert_missing mnt/dir/c
	umount_lamina
}

@test "trusted.overlay.opaque cuts off the layers below" {
	reads_opaque setfattr -n trusted.overlay.opaque -v y
}

@test "user.overlay.opaque cuts off the layers below" {
	reads_opaque setfattr -n user.overlay.opaque -v y
}

@test "user.fuseoverlayfs.opaque cuts off the layers below" {
	reads_opaque setfattr -n user.fuseoverlayfs.opaque -v y
}

opaque_by_name() { touch "$1/.wh..wh..opq"; }

@test ".wh..wh..opq cuts off the layers below" {
	reads_opaque opaque_by_name
}

@test "an attribute with another value than y does not make a directory opaque" {
	mkdir -p b/dir c/dir
	touch c/dir/file
	setfattr -n trusted.overlay.opaque -v n b/dir
	LOWERS=b:c mount_lamina
	assert_names mnt/dir file
	umount_lamina
}

@test "an opaque root hides the layers below it" {
	mkdir b c
	touch b/b c/c b/.wh..wh..opq
	LOWERS=b:c mount_lamina
	assert_names mnt b
	assert_missing mnt/c
	umount_lamina
}

# ---- writing ----

# Files and directories of three layers, of which some will be deleted.
populate() {
	mkdir -p top/dir/sub lower/dir/sub lower/tree/{a,b/c} lower/keep
	echo lower | tee lower/file lower/dir/file lower/dir/low lower/dir/sub/low \
		lower/tree/file lower/tree/b/c/file lower/other >/dev/null
	echo top | tee top/dir/top top/dir/file >/dev/null
	LOWERS=top:lower
}

@test "a deleted lower name becomes a device 0:0, a deleted upper one leaves nothing" {
	populate
	mark_lower
	mount_lamina
	touch mnt/new mnt/dir/new
	rm mnt/file mnt/new mnt/dir/file mnt/dir/new
	rm -r mnt/tree
	assert_contents upper "w file" "d dir" "w dir/file" "w tree"
	assert_missing mnt/file
	assert_kept
	assert_lower_unchanged
}

@test "with FUSE_OVERLAYFS_DISABLE_OVL_WHITEOUT names are deleted by .wh. files alone" {
	populate
	mark_lower
	DOT mount_lamina
	touch mnt/new
	echo changed >mnt/dir/low
	rm mnt/file mnt/new mnt/dir/file mnt/dir/low
	rm -r mnt/tree
	mv mnt/other mnt/moved
	assert_contents upper "f .wh.file" "d dir" "f dir/.wh.file" "f dir/.wh.low" "f .wh.tree" \
		"f .wh.other" "f moved"
	assert_equal "$(stat -c %s upper/.wh.file)" 0
	picture -t mnt >before
	DOT remount_lamina
	assert_picture before -t mnt
	remount_lamina
	assert_picture before -t mnt
	umount_lamina
	assert_lower_unchanged
}

# Over whiteouts of all types something of any type can be made, and what was there stays away.
recreates() {
	local form=$1 type

	for type in file dir link fifo socket hardlink tmpfile; do
		mkdir -p "lower/over-$type/sub"
		touch "lower/over-$type/hidden"
	done
	mark_lower
	"$form" mount_lamina
	rm -r mnt/over-*
	echo linked >mnt/source
	py whiteouts make_all mnt
	assert_names mnt/over-dir
	touch mnt/over-dir/new
	rm mnt/over-dir/new
	mkdir mnt/over-dir/sub
	assert_names mnt/over-dir/sub
	py whiteouts check_all mnt
	picture -t mnt >before
	"$form" remount_lamina
	assert_picture before -t mnt
	py whiteouts check_all mnt
	umount_lamina
	assert_lower_unchanged
}

@test "anything can be made over a whiteout, a directory is opaque then" {
	recreates NATIVE
	assert_equal "$(find upper -type c | wc -l)" 0
	assert_equal "$(getfattr -n trusted.overlay.opaque --only-values upper/over-dir)" y
	mount_overlay
	assert_picture before -t mnt
	umount mnt
}

@test "anything can be made over a .wh. whiteout" {
	recreates DOT
	assert_equal "$(find upper -name '.wh.over-*' ! -name .wh.over-dir | wc -l)" 0
}

@test "no whiteout is left in an opaque directory" {
	mkdir -p lower/dir/sub
	touch lower/dir/file lower/dir/sub/file
	mount_lamina
	rm -r mnt/dir
	mkdir mnt/dir
	touch mnt/dir/file
	mkdir mnt/dir/sub
	touch mnt/dir/sub/file
	rm -r mnt/dir/file mnt/dir/sub
	assert_contents upper "d dir"
	assert_names mnt/dir
	assert_kept
}

@test "a directory that has become opaque by a rename holds no whiteouts" {
	mkdir -p lower/dir/sub
	touch lower/dir/file lower/dir/sub/{a,b} lower/dir/stays
	mount_lamina
	rm mnt/dir/file mnt/dir/sub/a
	mv mnt/dir mnt/moved
	assert_contents upper "w dir" "d moved" "f moved/stays" "d moved/sub" "f moved/sub/b"
	assert_kept
}

@test "deleting and making again a hundred times leaves one object" {
	echo lower >lower/file
	mkdir lower/dir
	touch lower/dir/file
	mount_lamina
	for i in {1..100}; do
		rm mnt/file
		rm -r mnt/dir
		echo "$i" >mnt/file
		mkdir mnt/dir
	done
	assert_file mnt/file 100
	assert_names mnt/dir
	assert_contents upper "f file" "d dir"
	assert_contents work/work
	assert_kept
}

@test "a device 0:0 cannot be made by hand" {
	mount_lamina -o dev
	run_expect 1 mknod mnt/whiteout c 0 0
	assert_output_has "Operation not permitted"
	assert_names mnt
	umount_lamina
}

# ---- names ----

@test "names that begin with .wh. are refused in every operation" {
	mkdir lower/dir
	touch lower/file
	mount_lamina
	py whiteouts refused mnt
	assert_equal "$(find upper work -name '.wh*')" ""
	umount_lamina
	DOT mount_lamina
	py whiteouts refused mnt
	umount_lamina
}

@test "names of 255 bytes are made and deleted, statfs says so, longer ones are refused" {
	touch "lower/$(long_name 255 l)"
	mount_lamina
	assert_equal "$(stat -f -c %l mnt)" 255
	py whiteouts longest mnt 255
	rm "mnt/$(long_name 255 l)"
	assert_names mnt
	assert_whiteout "upper/$(long_name 255 l)"
	assert_kept
}

@test "in the .wh. form names have 251 bytes, statfs says so, longer ones are refused" {
	touch "lower/$(long_name 251 l)"
	DOT mount_lamina
	assert_equal "$(stat -f -c %l mnt)" 251
	py whiteouts longest mnt 251
	rm "mnt/$(long_name 251 l)"
	assert_names mnt
	assert_contents upper "f .wh.$(long_name 251 l)"
	umount_lamina
}

@test "in the .wh. form a longer lower name can be used, but not deleted" {
	echo lower >"lower/$(long_name 255 l)"
	DOT mount_lamina
	assert_file "mnt/$(long_name 255 l)" lower
	echo more >>"mnt/$(long_name 255 l)"
	run_expect 1 rm "mnt/$(long_name 255 l)"
	assert_output_has "File name too long"
	run_expect 1 mv "mnt/$(long_name 255 l)" mnt/short
	assert_output_has "File name too long"
	assert_names mnt "$(long_name 255 l)"
	assert_file "mnt/$(long_name 255 l)" $'lower\nmore'
	umount_lamina
}

# ---- what overlayfs has written ----

@test "an upper that overlayfs has written is shown as overlayfs shows it" {
	populate
	mkdir lower/replaced
	touch lower/replaced/old
	mount_overlay
	rm mnt/file mnt/dir/top
	rm -r mnt/tree mnt/replaced
	mkdir mnt/replaced
	touch mnt/replaced/new
	echo again >mnt/tree
	mv mnt/other mnt/moved
	picture -t mnt >before
	umount mnt
	mount_lamina
	assert_picture before -t mnt
	echo more >>mnt/moved
	rm mnt/dir/file mnt/tree
	rm -r mnt/dir/sub mnt/replaced
	assert_kept
}

@test "the layers of an image as containers/storage unpacks them are merged" {
	mkdir -p 1/etc 2/data/dir 3/data/dir/sub 3/etc
	echo 3 | tee 3/data/dir/f1 3/data/dir/sub/f 3/data/gone 3/etc/motd >/dev/null
	touch 2/data/dir/.wh.f1 2/data/.wh.gone 2/.wh.none
	touch 1/etc/.wh.motd 1/etc/.wh..wh..opq
	echo 1 >1/etc/new
	LOWERS=1:2:3 mount_lamina
	assert_names mnt data etc
	assert_names mnt/etc new
	assert_names mnt/data dir
	assert_names mnt/data/dir sub
	umount_lamina
}
