#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# An upper that is frozen, full, over quota, or on a disk that fails.

load helpers
load mounting

# on_disk FS [OPTION]...: a file system for upper, work and a lower layer.
on_disk() {
	local fs=$1

	shift
	mkdir fs
	truncate -s "${SIZE:-64M}" disk
	ok "mkfs.$fs" -q "$@" disk
	ok mount -o "${MOUNT:-loop}" disk fs
	directories
}

directories() {
	mkdir -p fs/{upper,work,lower/dir} mnt
	ln -s fs/upper fs/work .
	for i in {0..9}; do echo "$i" >"fs/lower/dir/$i"; done
	echo lower >fs/lower/file
}

# every FUNCTION ARGUMENT...
every() {
	local what=$1 argument

	shift
	for argument; do
		"$what" "$argument" || return
	done
}

is_stuck() { grep -q '^State:.*D' "/proc/$1/status"; }
are_stuck() { every is_stuck "${pids[@]}"; }

@test "while the upper is frozen changes wait, and everything else goes on" {
	on_disk ext4
	for i in {0..9}; do mkdir "fs/lower/$i"; done
	writable fs/lower
	for i in {0..9}; do echo "$i" >"mnt/$i/new"; done
	ok chmod 700 mnt/dir
	exec 7>>mnt/0/new
	ok fsfreeze -f fs
	pids=()
	while read -r command; do
		bash -c "exec $command" &
		pids+=($!)
	done <<-'END'
		echo x >mnt/1/made
		rm mnt/2/new
		mv mnt/3/new mnt/3/moved
		chmod 600 mnt/4/new
		setfattr -n user.x -v y mnt/5/new
		mkdir mnt/6/made
		ln mnt/7/new mnt/7/link
		truncate -s 1 mnt/8/new
		setfacl -m u:1:r mnt/9/new
		touch mnt/dir/0
		python3 -c 'import mmap; f = open("mnt/0/new", "r+b"); mmap.mmap(f.fileno(), 1)[0] = 120'
	END
	(echo x >&7) &
	pids+=($!)
	wait_until are_stuck
	is lower cat mnt/file
	is 5 cat mnt/dir/5
	is 9 cat mnt/9/new
	is new ls mnt/9
	ok stat mnt/2/new mnt/dir/0
	ok fsfreeze -u fs
	wait "${pids[@]}"
	exec 7>&-
	is $'x\nx' cat mnt/0/new
	is $'made\nnew' ls mnt/1
	is '' ls mnt/2
	is moved ls mnt/3
	is 600 stat -c %a mnt/4/new
	is 1 stat -c %s mnt/8/new
	sound mnt
	unmount mnt
	gone serve
	unmount fs
}

@test "who waits for a frozen upper when the view is aborted changes nothing any more" {
	on_disk ext4
	for i in {0..5}; do mkdir "fs/lower/$i"; done
	writable fs/lower
	for i in {0..5}; do echo "$i" >"mnt/$i/new"; done
	before=$(ls -lR fs/upper)
	ok fsfreeze -f fs
	pids=()
	while read -r command; do
		bash -c "exec $command" 2>"said.${#pids[@]}" &
		pids+=($!)
	done <<-'END'
		mkdir mnt/0/made
		rm mnt/1/new
		mv mnt/2/new mnt/2/moved
		chmod 600 mnt/3/new
		setfattr -n user.x -v y mnt/4/new
		ln mnt/5/new mnt/5/link
	END
	wait_until are_stuck
	echo 1 >"$(control mnt)/abort"
	ok fsfreeze -u fs
	for i in {0..5}; do
		! wait "${pids[i]}"
		[[ $(<"said.$i") == *'not connected'* ]]
	done
	is "$before" ls -lR fs/upper
	unmount mnt
	gone serve
	unmount fs
}

@test "what a user has in the upper counts for the user, and ends at the quota" {
	modprobe -q quota_v2 || true
	MOUNT=loop,usrquota on_disk ext4 -b 1024 -O quota -E quotatype=usrquota
	mkdir -m 777 fs/lower/open
	head -c 100K /dev/zero >fs/lower/big
	chown 1000 fs/lower/big
	writable fs/lower
	device=$(findmnt -no SOURCE fs)
	quota() { ok python3 "$CHECKOUT/tests/bpf/tools/quota.py" "$device" "$@"; }
	quota 1000 300 10
	ok as 1000 bash -c 'head -c 150K /dev/zero >mnt/open/own'
	quota 1000
	[[ $output == $((250 * 1024))' 2' ]]
	fails 'quota exceeded' as 1000 bash -c 'head -c 150K /dev/zero >mnt/open/more'
	rm mnt/open/more
	# Whose it is counts, not who writes.
	fails 'quota exceeded' bash -c 'head -c 150K /dev/zero >>mnt/open/own'
	truncate -s 150K mnt/open/own
	ok bash -c 'head -c 1M /dev/zero >mnt/open/of-root'
	fails 'quota exceeded' chown 1000 mnt/open/of-root
	fails 'quota exceeded' as 1000 fallocate -l 1M mnt/open/own
	fails 'quota exceeded' as 1000 bash -c 'for i in {1..10}; do touch mnt/open/$i || exit; done'
	fails 'quota exceeded' as 1000 python3 -c 'import os; os.open("mnt/open", os.O_TMPFILE | os.O_RDWR)'
	# What is copied up counts, too.
	ok as 1000 bash -c 'rm -rf mnt/open/*; echo x >>mnt/big'
	quota 1000
	[[ $output == $((201 * 1024))' 2' ]]
	unmount mnt
	gone serve
	unmount fs
}

@test "a full upper: what fails has not happened, and removing makes room" {
	SIZE=16M on_disk ext4 -N 64
	mkdir other
	head -c 20M /dev/urandom >other/big
	LOWERS=fs/lower:other mounts
	fails 'No space left' bash -c 'echo x >>mnt/big'
	ok cmp other/big mnt/big
	is '' ls -A work/work
	fails 'No space left' bash -c 'head -c 20M /dev/zero >mnt/new'
	fails 'No space left' bash -c 'echo x >>mnt/big'
	ok rm mnt/new mnt/big
	ok bash -c 'head -c 1M /dev/zero >mnt/new'
	fails 'No space left' bash -c 'for i in {1..100}; do echo >mnt/n$i || exit; done'
	fails 'No space left' mkdir mnt/made
	fails 'No space left' bash -c 'echo x >>mnt/dir/1'
	fails 'No space left' mv mnt/dir mnt/moved
	is 1 cat mnt/dir/1
	is 10 bash -c 'ls mnt/dir | wc -l'
	sound mnt
	rm mnt/n*
	ok mv mnt/dir mnt/moved
	unmounts
	unload overlay policy
	unmount fs
}

device() {
	ok python3 "$CHECKOUT/tests/bpf/tools/device.py" "$@"
}

# Both servers there are: the tests' own, which leaves data to the kernel, and Lamina's.
begin() {
	case $1 in
	serve) writable lower ;;
	lamina) mounts ;;
	esac
}

end() {
	unmount mnt
	wait_until nobody_left
	gone serve
}

@test "a disk that fails while something is copied up loses nothing" {
	modprobe -q dm_mod || true
	truncate -s 64M disk
	loop=$(losetup -f --show disk)
	device make lamina-broken "$loop"
	disk=$output
	mkdir fs lower
	echo lower >lower/file
	for i in {0..9}; do head -c 300K /dev/urandom >"lower/big$i"; done
	ok mkfs.ext4 -q "$disk"
	ok mount "$disk" fs
	directories
	for server in serve lamina; do
		begin "$server"
		ok touch mnt/first
		sync -f fs
		device fail lamina-broken
		for i in {0..9}; do
			log dd if=/dev/zero of="mnt/big$i" bs=4K count=1 conv=notrunc,fsync status=none
			[[ $status != 0 ]]
		done
		log touch mnt/new
		is lower cat mnt/file
		end
		unmount fs
		device make lamina-broken "$loop"
		ok mount "$disk" fs
		begin "$server"
		for i in {0..9}; do
			cmp -s "lower/big$i" "mnt/big$i" && continue
			ok cmp <(head -c 4K /dev/zero) <(head -c 4K "mnt/big$i")
			ok cmp -i 4K "lower/big$i" "mnt/big$i"
		done
		ok bash -c 'echo new >mnt/new && rm mnt/big*'
		end
		rm -rf fs/upper/* fs/work/*
	done
	unload overlay policy
	unmount fs
	device remove lamina-broken
	losetup -d "$loop"
}
