#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The command line in all forms in which podman, buildah, containerd and people use it.

load ../lib/common

# Mount with the given words; succeeds if the layers' file is seen, and unmounts.
mounts() {
	echo hello >lower/file
	run_expect 0 "$LAMINA_BIN/lamina-mount" "$@"
	assert_file mnt/file hello
	umount_lamina
}

OPTS() { echo "lowerdir=lower,upperdir=upper,workdir=work,engine=$LAMINA_ENGINE"; }

@test "-o LIST MOUNTPOINT, as containers/storage calls it" {
	mounts -o "$(OPTS)" mnt
}

@test "several -o add up" {
	mounts -o lowerdir=lower -o upperdir=upper,workdir=work -o "engine=$LAMINA_ENGINE" mnt
}

@test "SOURCE MOUNTPOINT -o LIST, as mount.fuse3 calls it" {
	mounts overlay mnt -o "$(OPTS),dev,suid"
}

@test "MOUNTPOINT before its options" {
	mounts mnt -o "$(OPTS)"
}

@test "-oLIST in one word" {
	mounts "-o$(OPTS)" mnt
}

@test "mount.fuse3 runs it as a type" {
	echo hello >lower/file
	PATH=$LAMINA_BIN:$PATH run_expect 0 mount.fuse3 overlay "$PWD/mnt" -t lamina-mount \
		-o "lowerdir=$PWD/lower,upperdir=$PWD/upper,workdir=$PWD/work,engine=$LAMINA_ENGINE"
	assert_file mnt/file hello
	umount_lamina
}

@test "empty options are passed over, wherever they stand" {
	mounts -o ",,$(OPTS),,volatile," mnt
	assert_equal "$output" ""
}

@test "an unknown option is warned about and does no harm" {
	mounts -o "$(OPTS),no-such-option,other=thing" mnt
	assert_output_has "unknown option ignored: no-such-option"
	assert_output_has "unknown option ignored: other=thing"
}

@test "a quoted value may hold commas" {
	mounts -o "$(OPTS),context=\"system_u:object_r:container_file_t:s0:c1,c2\",volatile" mnt
	assert_equal "$output" ""
}

@test "a quote without an end is an error" {
	run_expect 1 "$LAMINA_BIN/lamina-mount" -o "$(OPTS),context=\"s0" mnt
	assert_one_sentence "quote without an end"
}

@test "backslashes escape colons, commas and themselves in layer paths" {
	mkdir 'a:b' 'c,d' 'e\f'
	echo 1 >'a:b/one'
	echo 2 >'c,d/two'
	echo 3 >'e\f/three'
	run_expect 0 "$LAMINA_BIN/lamina-mount" -o 'lowerdir=a\:b:c\,d:e\\f' mnt
	assert_names mnt one two three
	umount_lamina
}

@test "options of fuse-overlayfs without a meaning here are accepted silently" {
	mounts -o "$(OPTS),threaded=1,fast_ino=1,xino=auto,redirect_dir=off,private,default_permissions,max_write=1048576,noatime" mnt
	assert_equal "$output" ""
}

@test "an option that needs a value says so" {
	run_expect 1 "$LAMINA_BIN/lamina-mount" -o "lowerdir" mnt
	assert_one_sentence "option lowerdir needs a value"
}

@test "a bad value names the option, the value and what was expected" {
	run_expect 1 "$LAMINA_BIN/lamina-mount" -o "$(OPTS),timeout=soon" mnt
	assert_one_sentence "timeout=soon" "a number of seconds"
	run_expect 1 "$LAMINA_BIN/lamina-mount" -o "$(OPTS),uidmapping=0:1" mnt
	assert_one_sentence "uidmapping=0:1"
	run_expect 1 "$LAMINA_BIN/lamina-mount" -o "$(OPTS),engine=steam" mnt
	assert_one_sentence "engine=steam"
}

@test "fsname= is shown as the mount's source" {
	mount_lamina -o fsname=my-image
	assert_equal "$(findmnt -n -o SOURCE mnt)" my-image
	umount_lamina
}

@test "without fsname the source is lamina, the type fuse.lamina-mount" {
	mount_lamina
	assert_equal "$(findmnt -n -o SOURCE,FSTYPE mnt)" "lamina fuse.lamina-mount"
	umount_lamina
}

@test "statfs shows FUSE's magic number and a device of its own" {
	mount_lamina
	assert_equal "$(stat -f -c %t mnt)" 65735546
	[[ $(stat -c %d mnt) != "$(stat -c %d .)" ]]
	umount_lamina
}

@test "without an upper the mount is read-only" {
	echo hello >lower/file
	mount_read_only
	assert_file mnt/file hello
	run_expect 1 touch mnt/new
	assert_output_has "Read-only file system"
	run_expect 1 rm mnt/file
	assert_output_has "Read-only file system"
	umount_lamina
}

@test "-o ro makes it read-only although there is an upper" {
	mount_lamina -o ro
	run_expect 1 touch mnt/new
	assert_output_has "Read-only file system"
	umount_lamina
}

@test "mount flags reach the mount" {
	mount_lamina -o nosuid,noexec,nodev
	for flag in nosuid noexec nodev; do
		assert_equal "$(findmnt -n -o VFS-OPTIONS mnt | tr , '\n' | grep -cx $flag)" 1
	done
	umount_lamina
}

@test "root gets a mount that others may use and that keeps set-uid" {
	mount_lamina
	run_expect 0 findmnt -n -o OPTIONS mnt
	assert_output_has allow_other
	refute grep -q nosuid <<<"$output"
	umount_lamina
}

@test "--version prints name and version" {
	run_expect 0 "$LAMINA_BIN/lamina-mount" --version
	[[ ${lines[0]} =~ ^lamina-mount:\ version\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
	run_expect 0 "$LAMINA_BIN/lamina-mount" -V
}

@test "--help lists every option that has a meaning" {
	run_expect 0 "$LAMINA_BIN/lamina-mount" --help
	for option in lowerdir upperdir workdir engine uidmapping gidmapping squash_to_root \
		squash_to_uid squash_to_gid xattr_permissions volatile timeout noxattrs noacl \
		static_nlink fsname context; do
		assert_output_has "$option"
	done
}

@test "no mountpoint, too many words, an unknown switch: refused" {
	run_expect 1 "$LAMINA_BIN/lamina-mount" -o "$(OPTS)"
	assert_one_sentence "no mountpoint"
	run_expect 1 "$LAMINA_BIN/lamina-mount" -o "$(OPTS)" a b c
	assert_one_sentence "too many arguments"
	run_expect 1 "$LAMINA_BIN/lamina-mount" --no-such-switch mnt
}

@test "lamina features names a reason for every engine that does not work" {
	run_expect 0 "$LAMINA_BIN/lamina" features --json
	echo "$output" | jq -e '.engines | to_entries | all(.value.works or (.value.why | length > 0))'
	echo "$output" | jq -e '.engines.fuse.works'
	assert_equal "$(echo "$output" | jq -r '.engines | keys | sort | join(" ")')" \
		"bpf fuse passthrough"
}

@test "lamina features and engine=auto agree" {
	best=$("$LAMINA_BIN/lamina" features --json | jq -r .auto)
	assert_equal "$("$LAMINA_BIN/lamina" features | awk '$1 == "auto" { print $2 }')" "$best"
	echo hello >lower/file
	"$LAMINA_BIN/lamina-mount" -o "lowerdir=lower,upperdir=upper,workdir=work" mnt
	assert_file mnt/file hello
	umount_lamina
}
