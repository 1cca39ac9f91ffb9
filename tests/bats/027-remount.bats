#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Remounting: read-only and back, and the other flags of a mount, while its server goes on.

load ../lib/common

# The flags of the mount and of its superblock, as far as they can be changed.
flags() {
	findmnt -n -o VFS-OPTIONS,FS-OPTIONS mnt | tr -s ' ,' '\n' |
		grep -xE 'ro|rw|nosuid|nodev|noexec|noatime|relatime|nosymfollow' | paste -sd' '
}

assert_read_only() {
	run_expect 1 touch mnt/new
	assert_output_has "Read-only file system"
	assert_file mnt/file lower
}

assert_writable() {
	echo new >mnt/new
	rm mnt/new
	echo changed >mnt/other
}

setup() {
	test_dir
	echo lower >lower/file
	echo other >lower/other
}

@test "lamina-mount -o remount makes a mount read-only and writable again" {
	mount_lamina -o nosuid
	before=$(flags)
	for ((i = 0; i < 3; i++)); do
		"$LAMINA_BIN/lamina-mount" -o remount,ro mnt
		assert_read_only
		assert_equal "$(flags)" "${before//rw/ro}"
		"$LAMINA_BIN/lamina-mount" -o remount,rw mnt
		assert_writable
		assert_equal "$(flags)" "$before"
	done
	assert_equal "$(grep -c " $PWD/mnt " /proc/self/mountinfo)" 1
	umount_lamina
}

# The folder in which mount(8) looks for programs, with those of ours: for this test alone.
install_helpers() {
	local type

	mkdir helpers
	cp "$LAMINA_BIN"/lamina{,-mount} helpers
	for type in fuse.lamina-mount fuse_bpf; do
		ln -s lamina-mount "helpers/mount.$type"
	done
	mount -t overlay -o "lowerdir=$PWD/helpers:/usr/sbin" overlay /usr/sbin
}

@test "mount(8) mounts, and remounts read-only and back" {
	local options=lowerdir=$PWD/lower,upperdir=$PWD/upper,workdir=$PWD/work,engine=$LAMINA_ENGINE

	install_helpers
	mount -t fuse.lamina-mount -o "$options" overlay mnt
	if [[ $LAMINA_ENGINE != bpf ]]; then
		server=$("$LAMINA_BIN/lamina" ps --json | jq ".[] | select(.target == \"$PWD/mnt\") | .server")
		assert grep -q "^/sbin/mount.fuse.lamina-mount" "/proc/$server/cmdline"
	fi
	mount -o remount,ro mnt
	assert_read_only
	mount -o remount,rw mnt
	assert_writable
	umount mnt
	wait_daemons_gone
	# What mount(8) only tries is no mount.
	mount --fake -n -v -t fuse.lamina-mount -o "$options" overlay mnt
	refute mountpoint -q mnt
	umount /usr/sbin
}

@test "only the flags that are named change" {
	mount_lamina -o nosuid,nodev
	"$LAMINA_BIN/lamina-mount" -o remount,noexec,suid mnt
	assert_equal "$(flags)" "rw nodev noexec noatime rw"
	"$LAMINA_BIN/lamina-mount" -o remount,exec,noatime mnt
	assert_equal "$(flags)" "rw nodev noatime rw"
	# Those that another program has set, too.
	mount -i -o remount,bind,nosymfollow,nodev,noatime mnt
	"$LAMINA_BIN/lamina-mount" -o remount,ro mnt
	assert_equal "$(flags)" "ro nodev noatime nosymfollow ro"
	ln -s file upper/link
	run_expect 1 cat mnt/link
	assert_output_has "Too many levels of symbolic links"
	"$LAMINA_BIN/lamina-mount" -o remount,rw,symfollow mnt
	assert_file mnt/link lower
	# What a line of fstab repeats about the layers means nothing.
	"$LAMINA_BIN/lamina-mount" -o "remount,ro,lowerdir=/nowhere,upperdir=/nowhere,workdir=/nowhere" mnt
	assert_read_only
	umount_lamina
}

@test "access times are those of the mount, or change with a remount" {
	local word

	mount_lamina -o relatime
	for word in noatime strictatime nodiratime; do
		if [[ $LAMINA_ENGINE == bpf ]]; then
			"$LAMINA_BIN/lamina-mount" -o "remount,$word" mnt
		else
			run_expect 1 "$LAMINA_BIN/lamina-mount" -o "remount,$word" mnt
			assert_one_sentence "cannot change the access times of 'mnt'"
			assert_equal "$(flags)" "rw nodev relatime rw"
		fi
	done
	"$LAMINA_BIN/lamina-mount" -o remount,ro,relatime,diratime mnt
	assert_equal "$(flags)" "ro nodev relatime ro"
	umount_lamina
}

@test "a mount with files open for writing does not become read-only" {
	mount_lamina
	exec 9>>mnt/file
	run_expect 1 "$LAMINA_BIN/lamina-mount" -o remount,ro mnt
	assert_one_sentence "cannot make 'mnt' read-only while files are open for writing"
	echo more >&9
	exec 9>&-
	ro() { "$LAMINA_BIN/lamina-mount" -o remount,ro mnt 2>/dev/null; }
	wait_until ro # the kernel closes a file in its own time
	run_expect 1 touch mnt/new
	umount_lamina
}

@test "a mount without an upper does not become writable" {
	lamina_mount -o "lowerdir=lower,engine=$LAMINA_ENGINE" mnt
	if [[ $LAMINA_ENGINE != bpf ]]; then
		run_expect 1 "$LAMINA_BIN/lamina-mount" -o remount,rw mnt
		assert_one_sentence "mounted without an upper directory" "Read-only file system"
	fi
	mount -i -o remount,rw mnt 2>/dev/null || true
	assert_read_only
	umount_lamina
}

@test "only mounts of Lamina are remounted" {
	mkdir other
	mount -t tmpfs tmpfs other
	run_expect 1 "$LAMINA_BIN/lamina-mount" -o remount,ro other
	assert_one_sentence "'other' is no mount of lamina-mount"
	touch other/file
	umount other
	mount_lamina
	mkdir mnt/dir
	run_expect 1 "$LAMINA_BIN/lamina-mount" -o remount,ro mnt/dir
	assert_one_sentence "'mnt/dir' is no mount of lamina-mount"
	umount_lamina
}
