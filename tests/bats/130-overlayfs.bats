#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What kernel overlayfs leaves in layers is understood, and it understands what we leave.

load ../lib/common

# Let overlayfs do something with the layers of the test, then take its upper as our top layer.
# overlay_does OPTIONS COMMAND...
overlay_does() {
	local options=$1
	shift
	[[ $options != *=on* ]] || needs_redirects
	mount_overlay "$options"
	"$@"
	umount mnt
}

tree() { (cd "$1" && find . -printf '%p %y %m %U:%G %s %l\n' | grep -v ' d ' | LC_ALL=C sort; find . -type f -exec sha256sum {} + | LC_ALL=C sort -k2); }

# Compare what overlayfs and what we show of the same layers, overlayfs' upper on top.
same_as_overlay() {
	local options=$1 expected
	mkdir -p overlay-mnt empty-work empty-upper
	mount -t overlay overlay -o "lowerdir=upper:lower,$options" overlay-mnt
	expected=$(tree overlay-mnt; ls -AR overlay-mnt | sed 's/overlay-mnt//')
	umount overlay-mnt
	"$LAMINA_BIN/lamina-mount" -o "lowerdir=upper:lower,engine=$LAMINA_ENGINE" mnt
	assert_equal "$(tree mnt; ls -AR mnt | sed 's/mnt//')" "$expected"
	umount_lamina
}

fill_lower() {
	mkdir -p lower/dir/sub/deep lower/other lower/into
	echo one >lower/dir/one
	echo two >lower/dir/sub/two
	echo three >lower/dir/sub/deep/three
	echo other >lower/other/file
}

@test "a directory that overlayfs renamed beside itself (redirect by name)" {
	fill_lower
	overlay_does redirect_dir=on mv mnt/dir mnt/renamed
	assert_equal "$(getfattr --only-values -n trusted.overlay.redirect upper/renamed)" dir
	same_as_overlay redirect_dir=on
}

@test "a directory that overlayfs renamed to another place (redirect by path)" {
	fill_lower
	overlay_does redirect_dir=on mv mnt/dir/sub mnt/into/moved
	assert_equal "$(getfattr --only-values -n trusted.overlay.redirect upper/into/moved)" /dir/sub
	same_as_overlay redirect_dir=on
}

twice() {
	mv mnt/dir/sub mnt/into/moved
	mv mnt/into mnt/end
	echo new >mnt/end/moved/new
	rm mnt/end/moved/two
}

@test "redirects below redirects, with changes in them" {
	fill_lower
	overlay_does redirect_dir=on twice
	same_as_overlay redirect_dir=on
}

@test "a redirected directory can be changed, renamed and removed" {
	fill_lower
	overlay_does redirect_dir=on mv mnt/dir mnt/renamed
	mount_lamina
	assert_file mnt/renamed/sub/deep/three three
	echo more >>mnt/renamed/sub/two
	mv mnt/renamed mnt/again
	assert_file mnt/again/sub/two $'two\nmore'
	assert_file mnt/again/one one
	rm -r mnt/again/sub
	assert_names mnt/again one
	mkdir mnt/renamed
	assert_names mnt/renamed
	remount_lamina
	assert_names mnt/again one
	assert_names mnt/renamed
	assert_names mnt again into other renamed
	umount_lamina
}

@test "a metacopy: attributes above, data below" {
	fill_lower
	head -c 100000 /dev/urandom >lower/big
	overlay_does metacopy=on,redirect_dir=on chmod 600 mnt/big
	getfattr -n trusted.overlay.metacopy upper/big >/dev/null
	same_as_overlay metacopy=on,redirect_dir=on
	mount_lamina
	assert_equal "$(stat -c '%a %s' mnt/big)" "600 100000"
	echo x >>mnt/big
	assert_equal "$(head -c 100000 mnt/big | sha256sum)" "$(sha256sum <lower/big)"
	assert_equal "$(stat -c %s lower/big)" 100000
	remount_lamina
	assert_equal "$(stat -c '%a %s' mnt/big)" "600 100002"
	assert_equal "$(head -c 100000 mnt/big | sha256sum)" "$(sha256sum <lower/big)"
	umount_lamina
}

renamed_metacopy() {
	chmod 600 mnt/big
	mv mnt/big mnt/into/bigger
}

@test "a metacopy that was renamed finds its data by its redirect" {
	fill_lower
	head -c 100000 /dev/urandom >lower/big
	overlay_does metacopy=on,redirect_dir=on renamed_metacopy
	same_as_overlay metacopy=on,redirect_dir=on
	mount_lamina
	cp mnt/into/bigger copy
	cmp copy lower/big
	umount_lamina
}

@test "a metacopy whose data are missing is an I/O error, not an empty file" {
	fill_lower
	head -c 100000 /dev/urandom >lower/big
	overlay_does metacopy=on,redirect_dir=on chmod 600 mnt/big
	rm lower/big
	mount_lamina
	run_expect 1 cat mnt/big
	assert_output_has "Input/output error"
	umount_lamina
}

@test "an unlinked metacopy that is open can be read and written to the end" {
	fill_lower
	head -c 100000 /dev/urandom >lower/big
	overlay_does metacopy=on,redirect_dir=on chmod 600 mnt/big
	mount_lamina
	exec 7<>mnt/big
	rm mnt/big
	assert_equal "$(sha256sum <&7)" "$(sha256sum <lower/big)"
	exec 7>&-
	umount_lamina
}

change_everything() {
	rm mnt/dir/one
	rm -r mnt/dir/sub
	mkdir mnt/dir/sub
	echo fresh >mnt/dir/sub/fresh
	echo changed >>mnt/other/file
	ln mnt/other/file mnt/other/link
	mv mnt/into mnt/outof
}

@test "overlayfs shows our upper as we do" {
	fill_lower
	mount_lamina
	change_everything
	expected=$(tree mnt; ls -AR mnt)
	umount_lamina
	mount_overlay
	assert_equal "$(tree mnt; ls -AR mnt)" "$expected"
	umount mnt
}

@test "we show overlayfs' upper as it does, and go on with it" {
	local redirects=redirect_dir=on
	[[ $LAMINA_ENGINE != bpf ]] || redirects=redirect_dir=off # see needs_redirects
	fill_lower
	mount_overlay "$redirects"
	change_everything
	expected=$(tree mnt; ls -AR mnt)
	umount mnt
	mount_lamina
	assert_equal "$(tree mnt; ls -AR mnt)" "$expected"
	rm -r mnt/dir
	echo last >mnt/dir
	umount_lamina
	mount_overlay "$redirects"
	assert_file mnt/dir last
	umount mnt
}

@test "turns: each driver changes what the other left, five times" {
	fill_lower
	for round in 1 2 3 4 5; do
		mount_lamina
		echo "$round" >"mnt/dir/sub/by-lamina-$round"
		rm -f "mnt/dir/sub/by-overlay-$((round - 1))"
		mv mnt/dir/sub mnt/dir/tmp
		mv mnt/dir/tmp mnt/dir/sub
		umount_lamina
		mount_overlay
		assert_file "mnt/dir/sub/by-lamina-$round" "$round"
		assert_missing "mnt/dir/sub/by-overlay-$((round - 1))"
		echo "$round" >"mnt/dir/sub/by-overlay-$round"
		rm -f "mnt/dir/sub/by-lamina-$round"
		umount mnt
	done
	mount_lamina
	assert_names mnt/dir/sub by-overlay-5 deep two
	umount_lamina
}

@test "a kernel overlayfs works with our mount as its lower layer" {
	fill_lower
	mount_lamina
	mkdir over-upper over-work over-mnt
	mount -t overlay overlay -o lowerdir=mnt,upperdir=over-upper,workdir=over-work over-mnt
	assert_file over-mnt/dir/sub/deep/three three
	echo changed >>over-mnt/dir/one
	assert_file over-mnt/dir/one $'one\nchanged'
	assert_file mnt/dir/one one
	umount over-mnt
	umount_lamina
}

@test "a mount of ours works with another one of ours as its lower layer" {
	fill_lower
	mount_lamina
	mkdir over-upper over-work over-mnt
	"$LAMINA_BIN/lamina-mount" \
		-o "lowerdir=mnt,upperdir=over-upper,workdir=over-work,engine=$LAMINA_ENGINE" over-mnt
	assert_file over-mnt/dir/sub/deep/three three
	rm -r over-mnt/dir/sub
	assert_names over-mnt/dir one
	assert_names mnt/dir one sub
	umount over-mnt
	umount_lamina
}

@test "a layer on kernel overlayfs is read and copied up" {
	fill_lower
	mkdir top
	echo top >top/file
	mkdir merged
	mount -t overlay overlay -o lowerdir=top:lower merged
	LOWERS=merged mount_lamina
	assert_file mnt/file top
	echo more >>mnt/dir/one
	assert_file mnt/dir/one $'one\nmore'
	assert_file mnt/dir/sub/two two
	umount_lamina
	umount merged
}
