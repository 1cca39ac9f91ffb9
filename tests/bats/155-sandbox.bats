#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Sandboxes (seccomp) that refuse system calls, which those that do not know a call answer with EPERM:
# each has a fallback, or the mount is refused by a sentence that names the call.

load ../lib/common

setup() {
	test_dir
	[[ $LAMINA_ENGINE != bpf ]] || skip "engine bpf needs the real root of a host, who is in no sandbox"
	mkdir -p lower/dir/sub lower/replaced lower/tree/sub lower2/dir
	echo lower | tee lower/file lower/dir/inner lower/doomed lower/moved lower/replaced/old lower/linked \
		lower/tree/sub/old lower/copied >/dev/null
	echo lower2 | tee lower2/dir/below lower2/file >/dev/null
	ln lower/linked lower/tree/linked2
	ln -s target lower/link
	mkfifo lower/fifo
	touch lower2/dir/.wh..wh..opq lower/dir/.wh.below
	setfattr -n user.test -v value lower/file
	setfattr -n trusted.overlay.opaque -v y lower/tree
	mkdir lower2/tree lower/chr
	touch lower2/tree/hidden
	LOWERS=lower:lower2
	mark_lower
}

# sandboxed ERRNO CALL[,CALL...]: mount where the calls are refused.
sandboxed() {
	"$LAMINA_TOOLS/refuse" "$1" "$2" "$LAMINA_BIN/lamina-mount" \
		-o "lowerdir=$LOWERS,upperdir=upper,workdir=work,engine=$LAMINA_ENGINE" mnt
}

# What a container does, of which each part needs other calls.
work_in_container() {
	local i masks=(0 000 077 022 007 055 027)

	echo new >mnt/new
	mkdir mnt/new-dir
	ln -s target mnt/new-link
	echo more >>mnt/file
	chmod 751 mnt/dir
	echo more >>mnt/dir/inner
	echo more >>mnt/linked
	chown -h 5:6 mnt/link mnt/fifo
	setfattr -n user.new -v value mnt/file
	rm mnt/new mnt/doomed
	echo again >mnt/new
	echo again >mnt/doomed
	rm -r mnt/replaced
	mkdir mnt/replaced
	echo new >mnt/replaced/inner
	mv mnt/tree/sub mnt/tree/sub2
	mv mnt/tree mnt/tree2
	mkdir mnt/tree
	mv mnt/moved mnt/moved2
	ln mnt/link mnt/link2
	cp mnt/copied mnt/dir/copy
	cp --reflink=never mnt/file mnt/file2
	python3 -c 'import os, sys
os.copy_file_range(os.open("mnt/file", 0), os.open("mnt/ranged", os.O_RDWR | os.O_CREAT), 5)'
	truncate -s 3 mnt/copied
	# Masks of several processes at once, and owners.
	for i in 1 2 3 4 5 6; do
		(umask "${masks[i]}" && for j in 1 2 3 4 5 6 7 8; do : >"mnt/new-dir/$i.$j"; done) &
	done
	wait
	chmod 777 mnt/new-dir
	as_user sh -c 'umask 027; echo user >mnt/new-dir/user; mkdir mnt/new-dir/user-dir'
	assert_missing mnt/dir/below
	assert_missing mnt/tree/hidden
	test -w mnt/file
}

# works_without CALL[,CALL...] [ERRNO...]: all is as it is where no call is refused.
works_without() {
	local calls=$1 answer

	shift
	[[ $# -gt 0 ]] || set -- EPERM ENOSYS
	mount_lamina
	work_in_container
	picture mnt >expected
	remount_lamina
	picture mnt | diff -u expected - >&2
	umount_lamina
	for answer; do
		rm -r upper work
		mkdir upper work
		run_expect 0 sandboxed "$answer" "$calls"
		assert_equal "$output" ""
		work_in_container
		assert_picture expected mnt
		umount_lamina
		sandboxed "$answer" "$calls"
		assert_picture expected mnt
		umount_lamina
		# What was made there is what is made anywhere.
		mount_lamina
		assert_picture expected mnt
		umount_lamina
		assert_lower_unchanged
	done
}

@test "without openat2" { works_without openat2; }
@test "without statx" { works_without statx; }
@test "without faccessat2" { works_without faccessat2; }
@test "without renameat2" { works_without renameat2; }
@test "without name_to_handle_at" { works_without name_to_handle_at; }
@test "without getxattrat and listxattrat" { works_without getxattrat,listxattrat; }
@test "without copy_file_range" { works_without copy_file_range; }
@test "without close_range" {
	works_without close_range
	# Nothing that the mounter has open stays open.
	rm -r upper work
	mkdir upper work
	for answer in EPERM ENOSYS; do
		sandboxed "$answer" close_range 9<lower 23<lower
		run_expect 0 find "/proc/$(daemons)/fd/" -lname "*/lower"
		assert_equal "$output" ""
		umount_lamina
	done
}
@test "without getrandom" { works_without getrandom; }
@test "without open_tree" { works_without open_tree; }
@test "without mount_setattr" { works_without mount_setattr; }
@test "without unshare" { works_without unshare; }
@test "without prctl" { works_without prctl; }
@test "without prctl, capset, setfsuid and setfsgid" { works_without prctl,capset,setfsuid,setfsgid; }
@test "without clone3" { works_without clone3 ENOSYS; }

# Without one call of the mount API, which passthrough needs to be tried.
mounts_without() {
	local answer

	if [[ $LAMINA_ENGINE == fuse ]]; then
		works_without "$1"
		return
	fi
	for answer in EPERM ENOSYS; do
		run_expect 1 sandboxed "$answer" "$1"
		assert_one_sentence "engine passthrough" "$1(2)" "refused"
		# And auto takes another engine.
		LAMINA_ENGINE=auto sandboxed "$answer" "$1"
		echo more >>mnt/file
		umount_lamina
	done
}

@test "without fsopen" { mounts_without fsopen; }
@test "without fsconfig" { mounts_without fsconfig; }
@test "without fsmount" { mounts_without fsmount; }
@test "without move_mount" { mounts_without move_mount; }

@test "options of the mount are the same without the mount API" {
	LAMINA_ENGINE=fuse
	for options in nosuid,nodev,noexec suid,dev,relatime ro,nodiratime; do
		mount_lamina -o "$options"
		expected=$(findmnt -n -o FSTYPE,SOURCE,OPTIONS mnt)
		umount_lamina
		"$LAMINA_TOOLS/refuse" EPERM fsopen "$LAMINA_BIN/lamina-mount" \
			-o "lowerdir=lower,upperdir=upper,workdir=work,engine=fuse,$options" mnt
		assert_equal "$(findmnt -n -o FSTYPE,SOURCE,OPTIONS mnt)" "$expected"
		umount_lamina
	done
}

@test "where nothing can mount, a sentence names the calls" {
	LAMINA_ENGINE=fuse
	for answer in EPERM ENOSYS; do
		run_expect 1 sandboxed "$answer" fsopen,mount
		assert_output_has "fsopen(2) and mount(2) are refused"
		refute mountpoint -q mnt
	done
	run_expect 1 sandboxed EPERM clone3
	assert_one_sentence "clone3(2)"
	refute mountpoint -q mnt
	run_expect 1 sandboxed EPERM clone3,fsopen
	refute mountpoint -q mnt
}

@test "hard links that are known by file handles are not lost where handles are refused" {
	mount_lamina
	echo more >>mnt/linked
	umount_lamina
	run_expect 1 sandboxed EPERM name_to_handle_at
	assert_one_sentence "name_to_handle_at(2)"
	mount_lamina
	assert_file mnt/tree/linked2 $'lower\nmore'
	umount_lamina
	# An upper that has none is used by numbers as long as it has some.
	rm -r upper work
	mkdir upper work
	sandboxed EPERM name_to_handle_at
	echo more >>mnt/linked
	umount_lamina
	mount_lamina
	assert_file mnt/tree/linked2 $'lower\nmore'
	rm mnt/linked mnt/tree/linked2
	remount_lamina
	umount_lamina
	assert_contents work/lamina-index
}

@test "a layer is not left by a link, a mount or .. without openat2" {
	mkdir -p lower/sub/mounted outside/secret
	echo secret | tee outside/file outside/secret/file >/dev/null
	ln -s ../outside lower/escape
	ln -s / lower/root
	mkdir upper/moved
	for redirect in /../../outside/secret /escape/secret /root/etc; do
		setfattr -n trusted.overlay.redirect -v "$redirect" upper/moved
		sandboxed EPERM openat2
		ls mnt/moved >names 2>&1 || true
		refute grep -qE "file|passwd" names
		umount_lamina
	done
	rm -r upper/moved
	mkdir -p upper/sub/mounted
	mount --bind outside upper/sub/mounted
	# A clone of the mount would not show it.
	sandboxed EPERM openat2,open_tree
	run_expect 2 ls mnt/sub/mounted
	assert_output_has "cross-device"
	run_expect 1 touch mnt/sub/mounted/new
	umount_lamina
	umount upper/sub/mounted
	assert_missing outside/new
}
