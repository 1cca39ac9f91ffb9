#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Full disks, broken layers, too few files, and a daemon that is killed in the middle of anything:
# nothing is lost, nothing is half done, and a layer never changes.

load ../lib/common

# An ext4 file system of $1 on the directory $2, in a file beside it.
small_fs() {
	truncate -s "$1" "$2.image"
	mkfs.ext4 -q -F "$2.image"
	mkdir -p "$2"
	mount -o loop "$2.image" "$2"
}

setup() {
	test_dir
}

teardown() {
	cd /
	umount -l "$TEST_DIR/mnt" 2>/dev/null || true
	umount -l "$TEST_DIR/small" "$TEST_DIR/broken" 2>/dev/null || true
	leak_check
}

# ---- full disks ----

mount_on_small() {
	"$LAMINA_BIN/lamina-mount" \
		-o "lowerdir=lower,upperdir=small/upper,workdir=small/work,engine=$LAMINA_ENGINE" mnt
}

small_upper() {
	small_fs 12M small
	mkdir small/upper small/work
}

@test "the disk is full in the middle of a copy-up: the file is as it was" {
	small_upper
	mkdir lower/dir
	head -c 30000000 /dev/urandom >lower/dir/big
	chmod 640 lower/dir/big
	before=$(fingerprint lower)
	mount_on_small
	for change in "truncate -s +1 mnt/dir/big" "chmod 600 mnt/dir/big" "mv mnt/dir/big mnt/big" \
		"ln mnt/dir/big mnt/link" "setfattr -n user.x -v y mnt/dir/big"; do
		run_expect 1 sh -c "$change"
		assert_output_has "No space left on device"
		cmp mnt/dir/big lower/dir/big
		assert_equal "$(stat -c %a mnt/dir/big)" 640
		assert_equal "$(find small/upper -type f | wc -l)" 0
		assert_equal "$(cd small/work && ls -A work)" ""
	done
	assert_names mnt dir
	# What is cut off anyway need not be copied.
	: >mnt/dir/big
	assert_equal "$(stat -c '%s %a' mnt/dir/big)" "0 640"
	umount_lamina
	assert_equal "$(fingerprint lower)" "$before"
}

@test "the disk is full while writing: what was written before is there" {
	small_upper
	mount_on_small
	run_expect 1 sh -c 'head -c 30000000 /dev/zero >mnt/new'
	assert_output_has "No space left on device"
	size=$(stat -c %s mnt/new)
	assert test "$size" -gt 1000000
	rm mnt/new
	# There is room as soon as the last handle is closed, of which the kernel tells after close(2).
	wait_until sh -c 'echo small >mnt/new' 2>/dev/null
	assert_file mnt/new small
	umount_lamina
}

@test "the disk is full: files that are open can be removed, however many there are" {
	small_upper
	(
		ulimit -n 200
		mount_on_small
	)
	for ((i = 0; i < 150; i++)); do echo "$i" >"mnt/$i"; done
	run_expect 1 sh -c 'cat /dev/zero >mnt/rest'
	py faults remove_open mnt 150
	rm mnt/rest
	assert_names mnt
	echo new >mnt/new
	assert_file mnt/new new
	umount_lamina
}

@test "the disk is full while a directory is renamed: it is at its old place, complete" {
	small_upper
	mkdir -p lower/dir/sub
	for ((i = 0; i < 30; i++)); do head -c 1000000 /dev/urandom >"lower/dir/sub/$i"; done
	mount_on_small
	expected=$(cd lower && find . -type f -exec sha256sum {} + | sort)
	run_expect 1 mv -T mnt/dir mnt/renamed
	assert_output_has "No space left on device"
	assert_equal "$(cd mnt && find . -type f -exec sha256sum {} + | sort)" "$expected"
	assert_names mnt dir
	umount_lamina
	mount_on_small
	assert_equal "$(cd mnt && find . -type f -exec sha256sum {} + | sort)" "$expected"
	umount_lamina
}

@test "no inodes left: deleting a lower file fails with a reason, and it stays" {
	truncate -s 12M small.image
	mkfs.ext4 -q -F -N 32 small.image
	mkdir small
	mount -o loop small.image small
	mkdir small/upper small/work
	for ((i = 0; i < 60; i++)); do echo "$i" >"lower/$i"; done
	mount_on_small
	removed=0
	for ((i = 0; i < 60; i++)); do rm "mnt/$i" 2>rm-error || break; removed=$((removed + 1)); done
	assert grep -q "No space left on device" rm-error
	assert_equal "$(ls mnt | wc -l)" $((60 - removed))
	assert_file "mnt/$removed" "$removed"
	umount_lamina
}

# ---- broken layers ----

@test "a layer that cannot be read: the reader gets EIO, a copy-up fails, the rest works" {
	mkdir broken
	"$LAMINA_TOOLS/faultyfs" broken &
	for ((i = 0; i < 500; i++)); do mountpoint -q broken && break; sleep 0.01; done
	LOWERS=broken mount_lamina
	assert_file mnt/good good
	assert_equal "$(stat -c %s mnt/bad)" 100000
	run_expect 1 sh -c 'cat mnt/bad >/dev/null'
	assert_output_has "Input/output error"
	for change in "dd if=/dev/zero of=mnt/bad bs=1 count=1 conv=notrunc" 'chmod 600 mnt/bad' 'mv mnt/bad mnt/worse' \
		'ln mnt/bad mnt/worse'; do
		run_expect 1 sh -c "$change"
		assert_output_has "Input/output error"
	done
	assert_equal "$(find upper -type f | wc -l)" 0
	assert_equal "$(ls -A work/work)" ""
	# A name that cannot be looked up is not a name that is missing.
	run_expect 1 cat mnt/gone
	assert_output_has "Input/output error"
	run_expect 1 mkdir mnt/gone
	refute test -d upper/gone
	echo more >>mnt/good
	assert_file mnt/good $'good\nmore'
	rm mnt/bad
	assert_whiteout upper/bad
	umount_lamina
	umount broken
}

# ---- too few files ----

@test "a limit of open files that is too low for the layers is said so" {
	layers=lower
	for ((i = 0; i < 60; i++)); do mkdir "l$i"; layers+=:l$i; done
	run_expect 1 sh -c "ulimit -n 40; exec '$LAMINA_BIN/lamina-mount' \
		-o 'lowerdir=$layers,upperdir=upper,workdir=work' mnt"
	assert_one_sentence "lower directory 'l" "Too many open files"
}

@test "hundreds of files are open at once under a low limit of open files" {
	for ((i = 0; i < 300; i++)); do echo "$i" >"lower/$i"; done
	sh -c "ulimit -n 80; exec '$LAMINA_BIN/lamina-mount' \
		-o 'lowerdir=lower,upperdir=upper,workdir=work,engine=$LAMINA_ENGINE' mnt"
	py faults many_open mnt 300
	umount_lamina
}

# ---- killed daemons ----

# Everything that may be found after a kill: the old state or the new one, and nothing else.
work_of() {
	case $1 in
	write) echo changed >mnt/dir/sub/file ;;
	append) echo more >>mnt/dir/sub/file ;;
	chmod) chmod 600 mnt/dir/sub/file ;;
	unlink) rm mnt/dir/sub/file ;;
	rename) mv mnt/dir/sub/file mnt/dir/other ;;
	rename_dir) mv -T mnt/dir/sub mnt/moved ;;
	rmdir) rm -r mnt/dir/sub ;;
	recreate) rm -r mnt/dir/sub && mkdir mnt/dir/sub && echo new >mnt/dir/sub/new ;;
	unlink_linked) rm mnt/linked-b ;;
	replace_linked) mv mnt/dir/sub/file mnt/linked-b ;;
	link) ln mnt/dir/sub/file mnt/link ;;
	hardlink) echo changed >mnt/linked-a ;;
	esac
}

state() {
	(
		cd "$1" || exit
		find . | LC_ALL=C sort | while read -r path; do
			stat -c '%n %F %a' "$path"
			# A directory has as many links as are known of its subdirectories.
			[[ ! -f $path ]] || { stat -c 'links %h' "$path" && cat "$path"; }
		done
	) 2>&1
}

fill() {
	mkdir -p lower/dir/sub
	echo content >lower/dir/sub/file
	echo two >lower/dir/sub/two
	echo three >lower/linked-a
	ln lower/linked-a lower/linked-b
}

# The states between the steps of a work that is several system calls of the caller.
between() {
	case $1 in
	write)
		: >mnt/dir/sub/file
		state mnt
		;;
	rmdir | recreate)
		# rm takes them in whichever order the directory lists them.
		mv mnt/dir/sub/two two
		state mnt
		echo "=="
		mv two mnt/dir/sub/two
		rm mnt/dir/sub/file
		state mnt
		echo "=="
		rm mnt/dir/sub/two
		state mnt
		echo "=="
		rmdir mnt/dir/sub
		state mnt
		[[ $1 == rmdir ]] && return
		echo "=="
		mkdir mnt/dir/sub
		state mnt
		echo "=="
		: >mnt/dir/sub/new
		state mnt
		;;
	hardlink)
		: >mnt/linked-a
		state mnt
		;;
	esac
}

# A fresh upper, mounted.
anew() {
	rm -rf upper work
	mkdir upper work
	mount_lamina "$@"
}

# All states that WORK may leave, each as a file in states/.
allowed_states() {
	rm -rf states
	mkdir states
	anew
	state mnt >states/old
	between "$1" | csplit -s -z -f states/between- - '/^==$/' '{*}' || true
	sed -i '/^==$/d' states/*
	umount_lamina
	anew
	work_of "$1"
	state mnt >states/new
	umount_lamina
}

# What the daemon is started by: for one without the privilege to ignore modes.
STARTER=()

# The daemon under strace, with the given words, while WORK is done.
traced() {
	local work=$1
	shift
	rm -rf upper work
	mkdir upper work
	# The leak checker cannot work under a tracer; leaks are looked for in all other tests.
	ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 \
		strace -qq -f "$@" "${STARTER[@]}" "$LAMINA_BIN/lamina-mount" -f \
		-o "lowerdir=lower,upperdir=upper,workdir=work,engine=$LAMINA_ENGINE" mnt &
	local tracer=$!

	# It may be killed before it has mounted.
	while ! mountpoint -q mnt && kill -0 "$tracer" 2>/dev/null; do sleep 0.005; done
	if mountpoint -q mnt; then
		(work_of "$work") 2>/dev/null || true
		umount -l mnt
	fi
	wait "$tracer" 2>/dev/null || true
}

# System calls that change what lies on disk.
CHANGES=mkdirat,linkat,renameat,renameat2,unlinkat,setxattr,removexattr,utimensat,fchownat,chmod,mknodat
CHANGES+=,copy_file_range,ftruncate,truncate,symlinkat,pwrite64,fsync

# Kill the daemon at the Nth call of SYSCALL while it does WORK and see what is found then.
kill_at() {
	local work=$1 syscall=$2 n=$3 found allowed
	traced "$work" -o /dev/null -e "trace=$syscall" -e "inject=$syscall:signal=SIGKILL:when=$n"
	mount_lamina
	found=$(state mnt)
	umount_lamina
	for allowed in states/*; do
		[[ $found != "$(cat "$allowed")" ]] || return 0
	done
	printf 'killed at %s %d of %s; found:\n%s\n' "$syscall" "$n" "$work" "$found" >&2
	head -100 states/* >&2
	return 1
}

# At every call that changes something: before it, which is after the one before.
kill_everywhere() {
	local work=$1 count syscall n kills=0
	# Minutes for each in the VM; and what a server does is the same without a kernel that asks.
	[[ $LAMINA_ENGINE != bpf ]] || skip "tests/upcall/020-killed.bats kills the server of engine bpf at every call"
	[[ -e lower/dir ]] || fill
	before=$(fingerprint lower)
	allowed_states "$work"
	traced "$work" -o calls -e "trace=$CHANGES"
	while read -r count syscall; do
		for ((n = 1; n <= count; n++)); do
			kill_at "$work" "$syscall" "$n"
			kills=$((kills + 1))
		done
	done < <(sed -nE 's/^[0-9]+ +([a-z0-9_]+)\(.*/\1/p' calls | sort | uniq -c)
	echo "killed $kills times"
	assert test "$kills" -gt 5
	assert_equal "$(fingerprint lower)" "$before"
}

# In directories of mode 0555 a daemon that owns them, and has no privilege, is permitted to write for a
# moment.
kill_unprivileged_everywhere() {
	local caps="-dac_override,-dac_read_search"

	STARTER=(setpriv "--inh-caps=$caps" "--bounding-set=$caps")
	fill
	setfattr -n user.test -v value lower/dir/sub lower/dir/sub/file
	chmod 444 lower/dir/sub/file
	chmod 555 lower/dir/sub lower/dir
	kill_everywhere "$1"
}

@test "killed anywhere while a lower file is overwritten" { kill_everywhere write; }
@test "killed anywhere while a lower file is appended to" { kill_everywhere append; }
@test "killed anywhere while a lower file changes its mode" { kill_everywhere chmod; }
@test "killed anywhere while a lower file is deleted" { kill_everywhere unlink; }
@test "killed anywhere while a lower file is renamed" { kill_everywhere rename; }
@test "killed anywhere while a lower directory is renamed" { kill_everywhere rename_dir; }
@test "killed anywhere while a lower directory is removed" { kill_everywhere rmdir; }
@test "killed anywhere while a lower directory is replaced" { kill_everywhere recreate; }
@test "killed anywhere while a lower file gets a link" { kill_everywhere link; }
@test "killed anywhere while a lower hard link is written" { kill_everywhere hardlink; }
@test "killed anywhere while a lower hard link is deleted" { kill_everywhere unlink_linked; }
@test "killed anywhere while a lower hard link is replaced" { kill_everywhere replace_linked; }
@test "killed anywhere without privileges, while a read-only file changes its mode" { kill_unprivileged_everywhere chmod; }
@test "killed anywhere without privileges, while a read-only directory is renamed" { kill_unprivileged_everywhere rename_dir; }
@test "killed anywhere without privileges, while a read-only directory is replaced" { kill_unprivileged_everywhere recreate; }
