#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# An upper on a file system that stops taking changes: frozen for a snapshot or a suspend. Changes wait
# and then happen; processes that only read are served meanwhile.

load ../lib/common

setup_file() { scene_create 768M; }

# An upper of its own, which can be frozen without the rest of the scene.
setup() {
	test_dir
	disk=$SCENE_BASE/disk
	truncate -s 256M image
	mkfs.ext4 -q -F image
	mkdir "$disk"
	mount -o loop image "$disk"
	rmdir upper work
	mkdir "$disk/upper" "$disk/work"
	ln -s "$disk/upper" "$disk/work" .
	mkdir lower/dir lower/other
	for ((i = 0; i < 100; i++)); do echo "$i" >"lower/dir/$i"; done
	mount_lamina
	frozen="" later=()
}

teardown() {
	thaw || true
	all_done || true
	umount mnt 2>/dev/null || true
	leak_check
	umount "$disk"
	rmdir "$disk"
}

freeze() {
	fsfreeze -f "$disk"
	frozen=yes
}

thaw() {
	[[ -z $frozen ]] || fsfreeze -u "$disk"
	frozen=""
}

# later COMMAND...: in the background; all_done waits for all of them. A `wait` for every child of the
# shell would wait for those of bats as well.
later() {
	"$@" &
	later+=($!)
}

all_done() {
	local pid

	for pid in "${later[@]}"; do wait "$pid" || true; done
	later=()
}

append() { echo x >>"$1"; }

# waiting N: so many of them wait in the kernel.
waiting() {
	local pid n=0

	for pid in "${later[@]}"; do
		! grep -q '^State:.[DS]' "/proc/$pid/status" 2>/dev/null || n=$((n + 1))
	done
	[[ $n -ge $1 ]]
}

# What a process does that only reads; a wait would be for ever.
read_all() {
	assert_equal "$(timeout "$(patience 60)" cat mnt/dir/99)" 99
	assert_equal "$(timeout "$(patience 60)" stat -c %s mnt/dir/98)" 3
	assert_equal "$(timeout "$(patience 60)" ls mnt/dir | wc -l)" 100
	assert_equal "$(timeout "$(patience 60)" cat "$(timeout "$(patience 60)" readlink -f mnt/dir)/97")" 97
	timeout "$(patience 60)" ls mnt/other
	timeout "$(patience 60)" getfattr -d mnt/dir/96
	timeout "$(patience 60)" df mnt >/dev/null
}

@test "lower files are read and listed while 60 processes wait to write" {
	freeze
	for ((i = 0; i < 60; i++)); do
		later append "mnt/dir/$i"
	done
	wait_until waiting 60
	read_all
	thaw
	all_done
	assert_equal "$(cat mnt/dir/{0..59} | grep -c x)" 60
}

@test "lower files are read and listed while objects wait to be made, linked, renamed and removed" {
	mkdir mnt/made
	for ((i = 0; i < 30; i++)); do echo "$i" >"mnt/made/$i"; done
	freeze
	for ((i = 0; i < 10; i++)); do
		later mkdir "mnt/made/new.$i"
		later append "mnt/made/file.$i"
		later mv "mnt/made/$i" "mnt/made/$i.moved"
		later rm "mnt/made/1$i"
		later ln "mnt/made/2$i" "mnt/made/2$i.link"
		later chmod 600 "mnt/dir/$i"
	done
	later mv mnt/made mnt/moved
	later mv mnt/other mnt/other.moved
	wait_until waiting 30
	assert_equal "$(timeout "$(patience 60)" cat mnt/dir/99)" 99
	assert_equal "$(timeout "$(patience 60)" stat -c %s mnt/dir/98)" 3
	assert_equal "$(timeout "$(patience 60)" cat mnt/dir/50 mnt/dir/51 | paste -sd' ')" "50 51"
	thaw
	all_done
	assert test -d mnt/moved -a -d mnt/other.moved
}

# A mebibyte each, by a handle from before: more than the daemon queues.
write_much() {
	touch "opened.$1"
	until [[ -e begin ]]; do sleep 0.1; done
	dd if=/dev/zero bs=1M count=1 conv=notrunc status=none 2>"said.$1"
}

all_opened() { [[ $(find . -maxdepth 1 -name "opened.*" | wc -l) -eq 120 ]]; }
refused() { grep -l "Cannot allocate memory" said.* | wc -l; }
many_refused() { [[ $(refused) -gt 20 ]]; }

# The upper is frozen, and the daemon has no room for more writes.
write_more_than_fits() {
	for ((i = 0; i < 120; i++)); do
		later write_much "$i" >"mnt/much.$i"
	done
	wait_until all_opened
	freeze
	touch begin
	# Other engines write without the daemon, and refuse nothing.
	if [[ $LAMINA_ENGINE == fuse ]]; then
		wait_until many_refused
	else
		wait_until waiting 120
	fi
}

@test "writes for which the daemon has no room fail with ENOMEM, and readers go on" {
	write_more_than_fits
	read_all
	thaw
	all_done
	complete=$(find mnt -name "much.*" -size 1024k | wc -l)
	assert_equal "$((complete + $(refused)))" 120
	assert_equal "$(find . -maxdepth 1 -name "said.*" -size +0 | wc -l)" "$(refused)"
}

@test "what was written by a mapping is not lost where the daemon has no room for writes" {
	head -c 8M /dev/zero >mnt/mapped
	later py sharing write_mapped mnt/mapped begin mapped.done
	write_more_than_fits
	# Other engines map the file of the upper, and wait.
	[[ $LAMINA_ENGINE != fuse ]] || wait_until test -e mapped.done
	later sync -f mnt
	read_all
	thaw
	all_done
	sync -f mnt
	assert_equal "$(tr -d M <"$disk/upper/mapped" | wc -c)" 0
	assert_equal "$(stat -c %s "$disk/upper/mapped")" "$((8 << 20))"
}

@test "a process that waits to change something can be killed" {
	freeze
	for ((i = 0; i < 60; i++)); do
		later append "mnt/dir/$i"
	done
	wait_until waiting 60
	# The first ones are in the file system, which no signal reaches.
	kill -KILL "${later[@]}"
	at_most_waiting() { ! waiting 41; }
	wait_until at_most_waiting
	read_all
	thaw
	all_done
	read_all
}
