#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Ids that are not those of the layers: mappings, squashing, and owners kept in attributes.

load ../lib/common

owners() { (cd "$1" && stat -c '%n %u:%g' "${@:2}" | paste -sd' '); }

# Files of several owners in the lower layer.
populate() {
	local id

	for id in 0 1 999 1000 1001 1999 100000 100500; do
		touch "lower/$id"
		chown "$id:$((id + 1))" "lower/$id"
	done
	mkdir lower/dir
	chown 1000:1001 lower/dir
	ln -s 1000 lower/link
	chown -h 1000:1001 lower/link
	mark_lower
}

# Disk 100000 is container 0 as podman writes it: CONTAINER:HOST:COUNT, with a colon in front. On
# disk are container ids, processes see host ids.
MAPPED=uidmapping=:0:100000:1000:1000:500:2,gidmapping=:0:200000:65536

# ---- mappings ----

@test "ids are shown by the mapping, those without one as the overflow id" {
	populate
	mount_lamina -o "$MAPPED"
	assert_equal "$(owners mnt 0 1 999 1000 1001 1999 100000)" \
		"0 100000:200001 1 100001:200002 999 100999:201000 1000 500:201001 1001 501:201002 1999 65534:202000 100000 65534:65534"
	assert_equal "$(owners mnt dir link)" "dir 500:201001 link 500:201001"
	umount_lamina
	assert_lower_unchanged
}

@test "without the colon in front the mapping is the same" {
	populate
	mount_lamina -o "uidmapping=0:100000:1000:1000:500:2,gidmapping=0:200000:65536"
	assert_equal "$(owners mnt 1 1001)" "1 100001:200002 1001 501:201002"
	umount_lamina
}

# What is said of an id that has no mapping: by the kernel's mapping of a mount's ids, or by ours.
no_id() { [[ $LAMINA_ENGINE == bpf ]] && echo "Value too large" || echo "Invalid argument"; }

@test "ids are stored by the mapping, those without one are refused" {
	populate
	mount_lamina -o "$MAPPED"
	chown 100007:200008 mnt/0
	chown 501 mnt/1
	chgrp 265535 mnt/999
	assert_equal "$(owners mnt 0 1 999)" "0 100007:200008 1 501:200002 999 100999:265535"
	assert_equal "$(owners upper 0 1 999)" "0 7:8 1 1001:2 999 999:65535"
	for owner in 0 5 101000 502 4294967294 :5 :265536; do
		run_expect 1 chown "$owner" mnt/1000
		assert_output_has "$(no_id)"
	done
	assert_equal "$(owners mnt 1000)" "1000 500:201001"
	umount_lamina
	assert_lower_unchanged
}

@test "a copy-up keeps what is on disk, mapped or not" {
	local copied=(0 1 999 1000 1001 dir link)

	populate
	mount_lamina -o "$MAPPED"
	before=$(owners mnt .)
	for file in "${copied[@]}"; do touch -h "mnt/$file"; done
	for file in 1999 100000 100500; do
		# The kernel changes nothing of who has no id.
		if [[ $LAMINA_ENGINE == bpf ]]; then
			run_expect 1 touch "mnt/$file"
		else
			touch "mnt/$file"
			copied+=("$file")
		fi
	done
	assert_equal "$(owners upper "${copied[@]}")" "$(owners lower "${copied[@]}")"
	assert_equal "$(owners mnt .)" "$before"
	umount_lamina
}

@test "new objects belong to the caller; who has no mapping can make none" {
	mkdir lower/dir
	chmod 0777 lower/dir
	mount_lamina -o "$MAPPED"
	py ids make_as mnt/dir 100005 200006
	assert_equal "$(owners upper/dir file dir link fifo tmpfile)" \
		"file 5:6 dir 5:6 link 5:6 fifo 5:6 tmpfile 5:6"
	assert_equal "$(owners mnt/dir file dir link fifo tmpfile)" \
		"file 100005:200006 dir 100005:200006 link 100005:200006 fifo 100005:200006 tmpfile 100005:200006"
	py ids cannot_make_as mnt/dir 5 6
	umount_lamina
}

@test "what root without a mapping makes is nobody's, until root gives it away" {
	[[ $LAMINA_ENGINE != bpf ]] || skip "the kernel opens nothing of who has no id there: docs/compatibility.md"
	mkdir lower/dir
	chown 100:100 lower/dir
	mount_lamina -o "$MAPPED"
	py ids make_as mnt/dir 0 0
	assert_equal "$(owners upper/dir file dir link fifo tmpfile)" \
		"file 65534:65534 dir 65534:65534 link 65534:65534 fifo 65534:65534 tmpfile 65534:65534"
	chown -h 100005:200006 mnt/dir/link
	assert_equal "$(owners upper/dir link)" "link 5:6"
	umount_lamina
}

@test "permissions are those of the ids that are shown" {
	populate
	chmod 0600 lower/*
	mount_lamina -o "$MAPPED"
	py ids opens mnt/1 100001 200001 success
	py ids opens mnt/1 1 1 EACCES
	py ids opens mnt/1000 500 500 success
	py ids opens mnt/1999 1999 1999 EACCES
	umount_lamina
}

@test "a set-gid directory hands down its group" {
	mkdir lower/dir
	chown 0:1234 lower/dir
	chmod 2777 lower/dir
	mount_lamina -o "$MAPPED"
	py ids make_as mnt/dir 100005 200006
	assert_equal "$(owners mnt/dir file dir)" "file 100005:201234 dir 100005:201234"
	assert_equal "$(owners upper/dir file dir)" "file 5:1234 dir 5:1234"
	umount_lamina
}

@test "ids in ACLs are mapped in both directions, and refused without a mapping" {
	touch lower/file
	mkdir lower/dir
	setfacl -m u:7:rw,g:8:r,u:5000:r lower/file
	setfacl -d -m u:7:rwx lower/dir
	mount_lamina -o "$MAPPED"
	run_expect 0 getfacl -n mnt/file
	assert_output_has "user:100007:rw-"
	# Nobody, or no id at all, as of a file system on a mount with mapped ids.
	assert_output_has "user:$([[ $LAMINA_ENGINE == bpf ]] && echo 4294967295 || echo 65534):r--"
	assert_output_has "group:200008:r--"
	run_expect 0 getfacl -n mnt/dir
	assert_output_has "default:user:100007:rwx"
	chmod 0777 mnt/dir
	py ids make_as mnt/dir 100005 200006
	run_expect 0 getfacl -n mnt/dir/dir
	assert_output_has "default:user:100007:rwx"
	assert_output_has "user:100007:rwx"
	setfacl -b mnt/file
	setfacl -m u:501:rw,g:200009:w mnt/file
	run_expect 0 getfacl -n upper/file
	assert_output_has "user:1001:rw-"
	assert_output_has "group:9:-w-"
	run_expect 1 setfacl -m u:7:rw mnt/file
	assert_output_has "Invalid argument"
	py ids opens mnt/file 501 501 success
	umount_lamina
}

@test "340 ranges are taken, one more is refused" {
	touch lower/file
	chown 339:0 lower/file
	ranges=$(for i in {0..339}; do printf ':%d:%d:1' "$i" $((i * 2 + 1000)); done)
	mount_lamina -o "uidmapping=$ranges"
	assert_equal "$(stat -c %u mnt/file)" $((339 * 2 + 1000))
	umount_lamina
	run_expect 1 mount_lamina -o "uidmapping=$ranges:5000:5000:1"
	assert_one_sentence "uidmapping" "fewer ranges"
}

@test "a mapping that cannot be meant is refused" {
	for map in 0 0:1 0:1:0 a:b:c 0:1:2:3 -1:0:1 0:0:4294967296 4294967295:0:2 ""; do
		run_expect 1 mount_lamina -o "uidmapping=$map"
		assert_one_sentence uidmapping
	done
}

# ---- squashing ----

@test "squash_to_root: everything is root's, and a chown does nothing" {
	populate
	mount_lamina -o squash_to_root
	assert_equal "$(owners mnt 0 1000 dir link)" "0 0:0 1000 0:0 dir 0:0 link 0:0"
	chown 5:6 mnt/1000
	assert_equal "$(owners mnt 1000)" "1000 0:0"
	echo new >mnt/new
	assert_equal "$(owners upper new)" "new 0:0"
	echo more >>mnt/100000
	assert_equal "$(owners upper 100000)" "100000 100000:100001"
	umount_lamina
}

@test "squash_to_uid and squash_to_gid: everything is theirs" {
	populate
	mkdir lower/open
	chmod 0777 lower/open
	mount_lamina -o squash_to_uid=1234,squash_to_gid=5678
	assert_equal "$(owners mnt . 0 1000 link)" ". 1234:5678 0 1234:5678 1000 1234:5678 link 1234:5678"
	# A file without a name is nobody's but its owner's to link.
	py ids make_as mnt/open 42 43 4
	assert_equal "$(owners mnt/open file dir link)" \
		"file 1234:5678 dir 1234:5678 link 1234:5678"
	assert_equal "$(owners upper/open file dir)" "file 1234:5678 dir 1234:5678"
	umount_lamina
}

# ---- owners and modes in attributes ----

# xattr_permissions N ATTRIBUTE
keeps() {
	local attribute=$2

	mkdir -p lower/dir
	echo lower >lower/file
	chown 12:34 lower/file
	chmod 4751 lower/file
	mark_lower
	mount_lamina -o "dev,xattr_permissions=$1"
	py ids keeps mnt
	picture mnt >before
	assert_equal "$(stat -c '%a %u:%g' mnt/file)" "4751 12:34"
	chmod 0640 mnt/file
	chown 56:78 mnt/file
	assert_equal "$(stat -c '%a %u:%g' mnt/file)" "640 56:78"
	assert_equal "$(getfattr -n "$attribute" --only-values upper/file)" "56:78:640:file"
	assert_equal "$(getfattr -n "$attribute" --only-values upper/made/file)" "11:22:4711:file"
	assert_equal "$(getfattr -n "$attribute" --only-values upper/made/dir)" "33:44:1753:dir"
	assert_equal "$(getfattr -n "$attribute" --only-values upper/made/fifo)" "0:0:600:pipe"
	assert_equal "$(getfattr -n "$attribute" --only-values upper/made/socket)" "0:0:755:socket"
	assert_equal "$(getfattr -n "$attribute" --only-values upper/made/char)" "5:6:666:char-1-3"
	assert_equal "$(getfattr -n "$attribute" --only-values upper/made/block)" "0:0:600:block-259-70000"
	# On disk they are the daemon's own, and can be used by it.
	for name in file dir fifo socket char block; do
		assert_equal "$(stat -c %u:%g "upper/made/$name")" 0:0
		[[ $name == dir ]] || assert_equal "$(stat -c %F "upper/made/$name" | cut -c1-7)" regular
	done
	assert_equal "$(getfattr -h -d -m - mnt/made/file mnt/made/dir mnt/file mnt 2>/dev/null)" ""
	py ids kept mnt
	chmod 4751 mnt/file
	chown 12:34 mnt/file
	chmod 4751 mnt/file
	# The upper's root says how it is written: the option is not needed again.
	remount_lamina -o dev
	assert_picture before mnt
	py ids kept mnt
	umount_lamina
	assert_lower_unchanged
	# And neither as a lower layer.
	mkdir upper2 work2
	"$LAMINA_BIN/lamina-mount" mnt \
		-o "dev,lowerdir=upper:lower,upperdir=upper2,workdir=work2,engine=$LAMINA_ENGINE"
	assert_picture before mnt
	py ids kept mnt
	echo more >>mnt/made/file
	chmod 0700 mnt/made/dir
	assert_equal "$(stat -c '%a %u:%g' upper2/made/dir)" "700 33:44"
	assert_equal "$(stat -c '%u:%g' upper2/made/file)" "11:22"
	umount_lamina
}

@test "xattr_permissions=1 keeps owner, mode and device in a security attribute" {
	keeps 1 security.fuseoverlayfs.override_stat
}

@test "xattr_permissions=2 keeps owner, mode and device in a user attribute" {
	keeps 2 user.containers.override_stat
}

@test "set-id bits are cleared as without the attribute" {
	for mode in 1 2; do
		mount_lamina -o "xattr_permissions=$mode"
		py ids clears mnt
		umount_lamina
		rm -rf upper work
		mkdir upper work
	done
}

@test "xattr_permissions=2 keeps security attributes aside, the layers' own are not shown" {
	touch lower/file upper/own
	setfattr -n security.lower -v lower lower/file
	mount_lamina -o xattr_permissions=2
	py ids security mnt
	umount_lamina
	assert_equal "$(getfattr -n user.containers.override_security.new --only-values upper/file)" new
	assert_equal "$(getfattr -n user.containers.override_security.lower --only-values upper/file)" \
		lower
	assert_equal "$(getfattr -d -m '^security' upper/file upper/made 2>/dev/null)" ""
	mount_lamina
	py ids security_kept mnt
	umount_lamina
}

@test "a lower layer written by fuse-overlayfs, in all three attributes, reads back" {
	for attribute in security.fuseoverlayfs.override_stat user.containers.override_stat \
		user.fuseoverlayfs.override_stat; do
		mkdir -p layer/dir
		echo target >layer/file
		printf target >layer/link
		touch layer/{fifo,socket,char,block,none}
		setfattr -n "$attribute" -v 0:0:755:dir layer
		setfattr -n "$attribute" -v 1:2:2750 layer/dir
		setfattr -n "$attribute" -v 3:4:4711 layer/file
		setfattr -n "$attribute" -v 5:6:777:symlink layer/link
		setfattr -n "$attribute" -v 7:8:644:pipe layer/fifo
		setfattr -n "$attribute" -v 0:0:600:socket layer/socket
		setfattr -n "$attribute" -v 0:0:600:char-5-1 layer/char
		setfattr -n "$attribute" -v 0:6:660:block-8-0 layer/block
		for form in with without; do
			if [[ $form == with ]]; then
				LOWERS=layer mount_lamina -o dev
				touch -h mnt/*
			fi
			assert_equal "$(cd mnt && stat -c '%n %F %a %u:%g %t:%T' *)" \
				"block block special file 660 0:6 8:0
char character special file 600 0:0 5:1
dir directory 2750 1:2 0:0
fifo fifo 644 7:8 0:0
file regular file 4711 3:4 0:0
link symbolic link 777 5:6 0:0
none regular empty file 644 0:0 0:0
socket socket 600 0:0 0:0"
			assert_equal "$(readlink mnt/link)" target
			assert_file mnt/file target
		done
		umount_lamina
		assert_equal "$(readlink upper/link)" target
		assert_equal "$(stat -c '%F %t:%T' upper/char)" "character special file 5:1"
		rm -rf layer upper work
		mkdir upper work
	done
}

@test "listings tell the types that the attributes say" {
	mkdir layer
	touch layer/{fifo,file}
	printf target >layer/link
	setfattr -n user.containers.override_stat -v 0:0:755:dir layer
	setfattr -n user.containers.override_stat -v 0:0:644:pipe layer/fifo
	setfattr -n user.containers.override_stat -v 0:0:777:symlink layer/link
	LOWERS=layer mount_lamina
	assert_equal "$(find mnt -mindepth 1 -type p -o -mindepth 1 -type l | sort | paste -sd' ')" \
		"mnt/fifo mnt/link"
	umount_lamina
}

@test "mappings and attributes together: the attribute holds what the mapping stores" {
	touch lower/file
	chown 5:6 lower/file
	mount_lamina -o "xattr_permissions=2,$MAPPED"
	assert_equal "$(owners mnt file)" "file 100005:200006"
	chown 100007:200008 mnt/file
	assert_equal "$(owners mnt file)" "file 100007:200008"
	umount_lamina
	assert_equal "$(getfattr -n user.containers.override_stat --only-values upper/file)" \
		"7:8:644:file"
}
