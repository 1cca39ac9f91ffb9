#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What ordinary users may do, and whose and what the results are: as on a plain ext4, throughout.

load ../lib/common

# compare CASE ARGUMENT...: on the mount and in a plain directory, made alike by `make_CASE`. First
# with all objects in the lower layer, then in the upper.
compare() {
	local make=make_$1 layer

	for layer in lower upper; do
		mkdir plain
		chmod 0755 plain
		py permissions "$make" "$layer"
		py permissions "$make" plain
		mark_lower
		mount_lamina
		py permissions "${CASE:-$1}" mnt plain "${@:2}"
		picture plain >expected
		assert_picture expected mnt
		remount_lamina
		assert_picture expected mnt
		umount_lamina
		assert_lower_unchanged
		assert_contents work/work
		rm -rf lower upper work plain
		mkdir lower upper work
	done
}

@test "an ordinary user may read, write, run, list, make and remove what mode bits allow" {
	CASE=access_matrix compare matrix
}

@test "root may read, write, run, list, make and remove everything" {
	CASE=access_matrix_root compare matrix
}

@test "in sticky directories only owners remove and rename" {
	compare sticky
}

@test "new objects get owner, umask, a set-gid directory's group and default ACLs" {
	CASE=new_objects compare parents 022 1000
}

@test "new objects get the same with other umasks, and made by root" {
	CASE=new_objects compare parents 000 1000
	CASE=new_objects compare parents 077 1000
	CASE=new_objects compare parents 027 0
}

@test "set-id bits and capabilities are cleared by what an owner changes" {
	compare special 1000
}

@test "set-id bits and capabilities are cleared by what root changes" {
	compare special 0
}

@test "set-gid stays with members of the group alone, where that may not execute" {
	CASE=special_in_group compare special
}

@test "set-id bits are cleared unless the caller has CAP_FSETID, whoever it is" {
	CASE=special_by_capability compare special 0 without
	CASE=special_by_capability compare special 1000 with
}

@test "ACLs allow and deny, are set, changed by chmod, and removed" {
	compare acls
}

@test "with -o noacl only mode bits count" {
	py permissions make_acls lower
	mount_lamina -o noacl
	py permissions no_acls mnt
	umount_lamina
}

@test "what a user changes in lower directories belongs to whom it should" {
	py privileges make_whose lower
	mark_lower
	mount_lamina
	py privileges whose mnt upper
	umount_lamina
	assert_lower_unchanged
}

@test "access and open on a read-only mount" {
	py privileges make_whose lower
	mount_read_only
	py privileges read_only mnt
	umount_lamina
}

@test "a handle goes on when the mode forbids new ones" {
	for name in lower/file upper/own; do
		echo "content" >"$name"
		truncate -s 7 "$name"
		chown 1000:1000 "$name"
	done
	mount_lamina
	py privileges old_handles mnt/own
	py privileges old_handles mnt/file
	umount_lamina
}

@test "a thousand groups count" {
	touch lower/file
	mount_lamina
	py privileges many_groups mnt/file
	umount_lamina
}

@test "who is not in a group cannot make files set-gid for it" {
	mount_lamina
	py privileges foreign_bits mnt
	umount_lamina
}

@test "set-user-id, set-group-id and capabilities take effect, of lower and upper programs" {
	for name in suid sgid cap plain; do cp /bin/grep "lower/$name"; done
	chmod 4755 lower/suid
	chgrp 3000 lower/sgid
	chmod 2755 lower/sgid
	setcap cap_net_raw+ep lower/cap
	all=$(printf '%x' "$((16#$(awk '/^CapEff/ { print $2 }' /proc/self/status)))")
	mount_lamina
	for round in lower upper; do
		py privileges privileges mnt/suid "0:1000:$all"
		py privileges privileges mnt/sgid "1000:3000:0"
		py privileges privileges mnt/cap "1000:1000:2000"
		py privileges privileges mnt/plain "1000:1000:0"
		touch mnt/{suid,sgid,cap,plain}
	done
	umount_lamina
}

@test "with -o nosuid they do not" {
	for name in suid cap; do cp /bin/grep "lower/$name"; done
	chmod 4755 lower/suid
	setcap cap_net_raw+ep lower/cap
	mount_lamina -o nosuid
	py privileges privileges mnt/suid "1000:1000:0"
	py privileges privileges mnt/cap "1000:1000:0"
	umount_lamina
}

@test "with -o noexec nothing runs" {
	cp /bin/true lower/program
	mount_lamina -o noexec
	run_expect 126 mnt/program
	assert_output_has "Permission denied"
	umount_lamina
}
