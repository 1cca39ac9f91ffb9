#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Extended attributes: the calls, their limits, and the names that are nobody's business.

load ../lib/common

# Objects of the lower layer and of the upper, each with attributes.
populate() {
	local layer

	mkdir plain
	for layer in lower upper plain; do
		touch "$layer/$layer-file"
		mkdir "$layer/$layer-dir"
		ln -s target "$layer/$layer-link"
		mkfifo "$layer/$layer-fifo"
	done
	for name in file dir; do
		cp -a "plain/plain-$name" "plain/lower-$name"
		cp -a "plain/plain-$name" "plain/upper-$name"
		setfattr -n user.given -v value {lower,plain}/lower-$name {upper,plain}/upper-$name
	done
	cp -a plain/plain-link plain/lower-link
	cp -a plain/plain-link plain/upper-link
	cp -a plain/plain-fifo plain/lower-fifo
	cp -a plain/plain-fifo plain/upper-fifo
	rm -r plain/plain-*
	setfattr -h -n trusted.given -v value lower/lower-* upper/upper-* plain/*
	mark_lower
}

@test "attributes are set, got, listed and removed as on ext4" {
	populate
	mount_lamina
	py xattrs calls mnt plain
	picture plain >expected
	assert_picture expected mnt
	remount_lamina
	assert_picture expected mnt
	umount_lamina
	assert_lower_unchanged
}

@test "an ordinary user sees and sets what it may on ext4" {
	populate
	chown -h 1000 lower/* upper/* plain/*
	mark_lower
	mount_lamina
	py xattrs calls_of_user mnt plain
	picture plain >expected
	assert_picture expected mnt
	umount_lamina
	assert_lower_unchanged
}

@test "values of all sizes up to what the layer's file system holds" {
	populate
	mount_lamina
	py xattrs sizes mnt plain
	picture plain >expected
	assert_picture expected mnt
	umount_lamina
}

@test "values of 64 KiB and lists of hundreds of names, where the file system holds them" {
	mkdir big
	mount -t tmpfs tmpfs big
	mkdir big/lower big/upper big/work
	touch big/lower/file
	py xattrs fill big/lower/file
	mark_lower big/lower
	"$LAMINA_BIN/lamina-mount" mnt \
		-o "lowerdir=big/lower,upperdir=big/upper,workdir=big/work,engine=$LAMINA_ENGINE"
	py xattrs filled mnt/file
	touch mnt/new
	py xattrs fill mnt/new
	py xattrs filled mnt/new
	chmod 0600 mnt/file
	py xattrs filled mnt/file
	py xattrs too_big mnt/file
	umount_lamina
	py xattrs filled big/upper/file
	assert_lower_unchanged big/lower
	umount big
}

@test "attributes of a link are its own, never its target's" {
	echo target >lower/target
	ln -s target lower/link
	setfattr -h -n trusted.of -v link lower/link
	setfattr -n trusted.of -v target lower/target
	mount_lamina
	py xattrs links mnt
	remount_lamina
	py xattrs links_changed mnt
	umount_lamina
	assert_equal "$(getfattr -n trusted.of --only-values lower/target)" target
	assert_equal "$(getfattr -h -n trusted.of --only-values lower/link)" link
}

@test "attributes are copied up with everything, and not before" {
	populate
	mount_lamina
	getfattr -h -d -m - mnt/* >/dev/null
	run_expect 1 setfattr -x user.missing mnt/lower-file
	run_expect 1 setfattr -h -x trusted.missing mnt/lower-link
	assert_names upper upper-dir upper-fifo upper-file upper-link
	touch -h mnt/lower-*
	for name in file dir link fifo; do
		assert_equal "$(getfattr -h -n trusted.given --only-values "upper/lower-$name")" value
	done
	umount_lamina
}

# ---- names that are kept from containers ----

PRIVATE=(user.fuseoverlayfs.opaque user.fuseoverlayfs.x user.lamina.origin user.lamina.x
	trusted.lamina.origin trusted.lamina.x security.fuseoverlayfs.override_stat
	user.containers.override_stat user.containers.override_x)

@test "private names are neither seen nor settable" {
	touch lower/file upper/own
	for name in "${PRIVATE[@]}" user.overlay.x trusted.overlay.x; do
		case $name in
		*override_stat) ;;
		*) setfattr -n "$name" -v private lower/file upper/own ;;
		esac
	done
	setfattr -n user.shown -v value lower/file upper/own
	mark_lower
	mount_lamina
	py xattrs private mnt "${PRIVATE[@]}"
	chmod 0600 mnt/file
	py xattrs private mnt "${PRIVATE[@]}"
	umount_lamina
	assert_lower_unchanged
}

@test "what is similar to a private name is an attribute like any other" {
	touch lower/file
	mount_lamina
	py xattrs similar mnt/file
	remount_lamina
	py xattrs similar mnt/file
	umount_lamina
}

@test "overlay names are stored one level deeper, in both directions" {
	touch lower/file
	setfattr -n trusted.overlay.x -v own lower/file
	setfattr -n trusted.overlay.overlay.y -v inner lower/file
	setfattr -n user.overlay.overlay.overlay.z -v innermost lower/file
	mark_lower
	mount_lamina
	py xattrs escaped mnt/file
	umount_lamina
	py xattrs escaped_on_disk upper/file
	mount_overlay
	py xattrs escaped_shown mnt/file
	umount mnt
	assert_lower_unchanged
}

@test "an overlayfs over directories of the mount sees what was set there, also after a remount" {
	local lamina="$LAMINA_BIN/lamina-mount inner"
	# Engine bpf reads no whiteouts in attributes, and no redirects.
	[[ $LAMINA_ENGINE != bpf ]] || lamina+=" -o engine=fuse"
	mkdir inner lower/low
	mount_lamina
	py xattrs make_overlay_layers mnt
	for round in 1 2; do
		for program in "mount -t overlay overlay inner" "$lamina"; do
			$program -o lowerdir=mnt/top:mnt/low,redirect_dir=off
			assert_names inner/opaque
			assert_names inner/whiteouts shown
			umount inner
		done
		mount -t overlay overlay inner -o lowerdir=mnt/top:mnt/low,redirect_dir=follow
		assert_names inner/redirected moved
		umount inner
		$lamina -o lowerdir=mnt/top:mnt/low
		assert_names inner/redirected moved
		umount inner
		# The mount itself is not impressed.
		assert_names mnt/top/whiteouts hidden
		assert_names mnt/top/redirected
		remount_lamina
	done
	umount_lamina
}

@test "an overlayfs and a Lamina with their lower layer on the mount work" {
	mkdir -p lower/dir/sub u w inner
	echo lower | tee lower/file lower/dir/file lower/dir/sub/file >/dev/null
	mount_lamina
	echo outer >>mnt/dir/file
	for program in "mount -t overlay overlay inner" "$LAMINA_BIN/lamina-mount inner"; do
		$program -o lowerdir=mnt,upperdir=u,workdir=w
		echo inner >>inner/file
		rm inner/dir/sub/file
		mkdir inner/new
		assert_file inner/file $'lower\ninner'
		assert_file inner/dir/file $'lower\nouter'
		assert_names inner/dir/sub
		umount inner
		rm -rf u w
		mkdir u w
	done
	assert_file mnt/file lower
	umount_lamina
}

# ---- options ----

@test "with -o noxattrs there are none" {
	touch lower/file
	setfattr -n user.x -v y lower/file
	mount_lamina -o noxattrs
	py xattrs none mnt/file
	umount_lamina
	mount_lamina -o noxattrs=1
	py xattrs none mnt/file
	umount_lamina
	mount_lamina -o noxattrs=0
	assert_equal "$(getfattr -n user.x --only-values mnt/file)" y
	umount_lamina
}

@test "on a read-only mount none can be changed" {
	touch lower/file
	setfattr -n user.x -v y lower/file
	mount_read_only
	assert_equal "$(getfattr -n user.x --only-values mnt/file)" y
	py xattrs read_only mnt/file
	umount_lamina
}
