#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# A container in a container: an inner mount whose upper and work directory lie on an outer one.

load ../lib/common

setup() {
	test_dir
	# A view needs an upper that is no FUSE file system, so no view lies on another one.
	INNER_ENGINE=${LAMINA_ENGINE/bpf/fuse}
	mkdir -p lower/store/upper lower/store/work inner inner-lower/{dir/sub,tree/deep,empty,other}
	echo lower | tee inner-lower/{file,moved,over,hidden,dir/gone,dir/sub/file,tree/deep/file,other/file} >/dev/null
	echo linked >inner-lower/linked
	ln inner-lower/linked inner-lower/other/linked
	ln -s target inner-lower/link
}

teardown() {
	cd /
	umount -l "$TEST_DIR/inner" "$TEST_DIR/mnt" 2>/dev/null || true
	leak_check
}

mount_inner() {
	OUTER=$(daemons)
	"$LAMINA_BIN/lamina-mount" \
		-o "lowerdir=inner-lower,upperdir=mnt/store/upper,workdir=mnt/store/work,engine=$INNER_ENGINE" inner
}

outer_alone() { [[ $(daemons) == "$OUTER" ]]; }

umount_inner() {
	umount inner
	wait_until outer_alone
}

mount_both() {
	mount_lamina
	mount_inner
}

umount_both() {
	umount_inner
	umount_lamina
}

# kept: the inner mount shows the same after remounts of it, and of both. Nothing is mounted then.
kept() {
	picture -t inner >before
	umount_inner
	picture mnt >outer-before
	mount_inner
	assert_picture before -t inner
	umount_both
	mount_both
	assert_picture before -t inner
	umount_inner
	assert_picture outer-before mnt
	umount_lamina
	assert_contents upper/store/work/work
}

# assert_marked DIRECTORY NAME: a whiteout of the inner mount, in its upper as the outer shows it.
assert_marked() {
	assert_equal "$(stat -c '%F' "mnt/store/upper/$1/$2")" "regular empty file"
	assert_equal "$(getfattr --only-values -n "trusted.overlay.whiteout" "mnt/store/upper/$1/$2")" y
	assert_equal "$(getfattr --only-values -n "trusted.overlay.opaque" "mnt/store/upper/$1")" x
}

@test "names are deleted by marked files, which the outer mount keeps one level deeper" {
	mount_both
	rm inner/file inner/dir/gone inner/link
	rmdir inner/empty
	for name in file empty link; do
		assert_missing "inner/$name"
		assert_marked . "$name"
	done
	assert_marked dir gone
	assert_names inner dir tree other moved over hidden linked
	assert_names inner/dir sub
	assert_equal "$(getfattr --only-values -n trusted.overlay.overlay.whiteout upper/store/upper/file)" y
	assert_equal "$(getfattr --only-values -n trusted.overlay.overlay.opaque upper/store/upper)" x
	run_expect 1 getfattr -n trusted.overlay.opaque upper/store/upper
	kept
}

@test "a directory made where one of a lower layer was is empty and opaque" {
	mount_both
	rm -r inner/dir inner/tree/deep
	mkdir inner/dir inner/tree/deep
	echo new >inner/dir/new
	assert_names inner/dir new
	assert_names inner/tree/deep
	for dir in dir tree/deep; do
		assert_equal "$(getfattr --only-values -n trusted.overlay.opaque "mnt/store/upper/$dir")" y
	done
	rm -r inner/dir
	assert_missing inner/dir
	assert_marked . dir
	kept
}

@test "files and links are renamed, also over what a lower layer has" {
	mount_both
	mv inner/moved inner/moved2
	mv inner/link inner/tree/link
	mv inner/file inner/over
	mv inner/linked inner/other/file
	echo new >inner/new
	mv inner/new inner/hidden
	mv inner/tree/deep/file inner/moved # over a whiteout
	assert_names inner dir tree empty other moved moved2 over hidden
	assert_file inner/moved2 lower
	assert_equal "$(readlink inner/tree/link)" target
	assert_file inner/over lower
	assert_file inner/hidden new
	assert_names inner/tree/deep
	assert_equal "$(stat -c %h inner/other/file)" 2
	echo more >>inner/other/linked
	assert_file inner/other/file $'linked\nmore'
	kept
}

@test "directories are renamed, also over what a lower layer has" {
	mount_both
	mv inner/tree inner/tree2
	mv inner/dir inner/other/dir
	mv -T inner/tree2/deep inner/empty # over an empty one
	mkdir inner/tree
	rm inner/file
	mv -T inner/other inner/file # over a whiteout
	assert_names inner tree tree2 empty file moved over hidden linked link
	assert_names inner/tree
	assert_names inner/tree2
	assert_names inner/empty file
	assert_file inner/file/dir/sub/file lower
	run_expect 1 mv -T inner/tree inner/file
	assert_output_has "not empty"
	kept
}

@test "names are exchanged" {
	mount_both
	py rename exchange_two inner/dir inner/tree
	py rename exchange_two inner/file inner/empty
	assert_names inner/tree sub gone
	assert_names inner/dir deep
	assert_names inner/file
	assert_file inner/empty lower
	kept
}

@test "marks of the inner mount hide nothing of the outer one's layers" {
	mkdir -p lower/store/upper/{tree,dir,other}
	echo outer | tee lower/store/upper/{tree/outer,dir/outer,other/outer} >/dev/null
	mount_both
	rm inner/dir/gone        # marks dir
	mv inner/tree inner/tree2 # makes it opaque
	rm inner/other/outer
	assert_names inner/dir outer sub
	assert_names inner/tree2 outer deep
	assert_names mnt/store/upper/dir outer gone
	assert_names inner/other file linked
	kept
}

@test "a layer with marked files is read as overlayfs reads it, and can be an upper elsewhere" {
	mount_both
	rm -r inner/file inner/dir inner/tree/deep
	mkdir inner/dir
	mv inner/other inner/other2
	picture inner >before
	umount_inner
	cp -a mnt/store/upper layer
	umount_lamina
	LOWERS=layer:inner-lower mount_read_only inner
	assert_picture before inner
	umount_lamina inner
	mount -t overlay overlay -o lowerdir=layer:inner-lower inner
	assert_picture before inner
	umount inner
	# As an upper that gets devices.
	rm -r upper
	mv layer upper
	LOWERS=inner-lower mount_lamina
	assert_picture before mnt
	mkdir mnt/tree/deep mnt/new
	mv -T mnt/tree/deep mnt/file
	mv -T mnt/dir mnt/other
	rm mnt/moved
	echo again >mnt/dir
	assert_names mnt/tree
	assert_names mnt/file
	assert_names mnt/other
	picture mnt >before
	LOWERS=inner-lower remount_lamina
	assert_picture before mnt
	umount_lamina
	# overlayfs looks for marked files in lower layers only.
	mount -t overlay overlay -o lowerdir=upper:inner-lower mnt
	assert_picture before mnt
	umount mnt
}

@test "an upper that can record no deleted name is refused by a sentence" {
	mount_lamina -o noxattrs=1 # of the outer mount
	run_expect 1 mount_inner
	assert_one_sentence "cannot record deleted names" "mnt/store/upper" "volume"
	refute mountpoint -q inner
	umount_lamina
}
