#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What the caller of the mount program leaves to it, and where the daemon lives afterwards.

load ../lib/common

# The one daemon of the test.
daemon() {
	local pids
	pids=$(daemons)
	assert_equal "$(wc -w <<<"$pids")" 1
	echo "$pids"
}

# status_of PID KEY: a line of /proc/PID/status.
status_of() { awk -v key="$2:" '$1 == key { print $2 }' "/proc/$1/status"; }

# limit_of PID NAME: "SOFT HARD" of a line of /proc/PID/limits.
limit_of() { sed -n "s/^$2  *\([^ ]*\)  *\([^ ]*\) .*/\1 \2/p" "/proc/$1/limits"; }

is_dead() { ! grep -q '^State:.[^Z]' "/proc/$1/status" 2>/dev/null; }

# ---- standard streams ----

@test "a standard stream that is closed at the start never becomes a layer" {
	local streams

	mkdir lower/dir
	echo one >lower/dir/file
	echo two >lower/other
	for streams in '<&-' '>&-' '2>&-' '<&- >&-' '>&- 2>&-' '<&- >&- 2>&-'; do
		eval "mount_lamina $streams"
		assert_equal "$streams $(cat mnt/dir/file mnt/other | paste -sd' ')" "$streams one two"
		echo new >mnt/new
		assert_file upper/new new
		umount_lamina
	done
}

@test "lamina and lamina-hook work with every standard stream closed, and print nothing into files" {
	local program

	echo precious >file
	for program in "lamina ps" "lamina features" "lamina-hook --version" "lamina-mount --version"; do
		# The next file that the program opens would have the number of a stream.
		# shellcheck disable=SC2086
		run_expect 0 bash -c 'exec "$@" <&- >&- 2>&-' - "$LAMINA_BIN/${program%% *}" ${program#* }
	done
	assert_file file precious
}

# ---- limits ----

@test "the caller's soft limits of file size, CPU time and memory are not the daemon's" {
	local name pid

	(
		ulimit -S -f 1000 -t 1
		# AddressSanitizer takes terabytes of address space before main().
		[[ $LAMINA_BIN == */sanitize/* ]] || ulimit -S -v 400000 -d 400000
		mount_lamina
	)
	pid=$(daemon)
	for name in "Max file size" "Max cpu time" "Max address space" "Max data size"; do
		read -r soft hard < <(limit_of "$pid" "$name")
		assert_equal "$name $soft" "$name $hard"
	done
	head -c 4M /dev/zero >mnt/large
	assert_equal "$(stat -c %s mnt/large)" 4194304
	umount_lamina
}

@test "a write beyond a hard limit of file size fails with EFBIG and the mount goes on" {
	# Hard limits are left only by processes that may not raise them.
	run setpriv --bounding-set -sys_resource --inh-caps -sys_resource bash -c \
		'ulimit -f 1000; exec "$@"' - "$LAMINA_BIN/lamina-mount" \
		-o "lowerdir=lower,upperdir=upper,workdir=work,engine=$LAMINA_ENGINE" mnt
	assert_equal "$status $output" "0 "
	echo here >mnt/small
	if [[ $LAMINA_ENGINE != fuse ]]; then
		# The kernel writes new files by itself, as the caller.
		head -c 4M /dev/zero >mnt/large
	else
		run_expect 1 dd if=/dev/zero of=mnt/large bs=1M count=4
		assert_output_has "File too large"
	fi
	assert_file mnt/small here
	umount_lamina
}

@test "a user that may have no more processes is told so" {
	mkdir -m 777 shared shared/{lower,upper,work,mnt}
	cp "$LAMINA_BIN/lamina-mount" shared/lamina-mount
	run_expect 1 as_user prlimit --nproc=1:1 shared/lamina-mount -o \
		lowerdir=shared/lower,upperdir=shared/upper,workdir=shared/work,engine=fuse shared/mnt
	assert_one_sentence "Resource temporarily unavailable" "this user may have no more processes"
}

# ---- signals, timers, and the rest of a process ----

@test "no signal is blocked or ignored by the daemon because the caller did so" {
	py inherited with_signals "$LAMINA_BIN/lamina-mount" \
		"lowerdir=lower,upperdir=upper,workdir=work,engine=$LAMINA_ENGINE" mnt
	pid=$(daemon)
	# SIGPIPE and SIGXFSZ are ignored by the daemon itself; SIGTERM, SIGINT and SIGHUP are taken from a
	# descriptor, for which they are blocked.
	# The keeper of a view takes SIGCHLD that way, too.
	# What nohup and shells ignore, SIGHUP and SIGINT, stays as it is.
	assert_equal "$((0x$(status_of "$pid" SigIgn) & ~3))" $((1 << 12 | 1 << 24))
	blocked=$((1 << 0 | 1 << 1 | 1 << 14))
	[[ $LAMINA_ENGINE != bpf ]] || blocked=$((blocked | 1 << 16))
	assert_equal "$(status_of "$pid" SigBlk)" "$(printf %016x "$blocked")"
	umount_lamina
}

@test "an alarm that the caller has set does not end a mount in the foreground" {
	py inherited with_alarm "$LAMINA_BIN/lamina-mount" \
		"lowerdir=lower,upperdir=upper,workdir=work,engine=$LAMINA_ENGINE" mnt
}

@test "the caller's umask has no effect on what is made, in the mount and in the work directory" {
	(
		umask 0777
		mount_lamina
	)
	(umask 022 && mkdir mnt/dir && echo x >mnt/file)
	assert_equal "$(stat -c %a mnt/dir mnt/file | paste -sd' ')" "755 644"
	assert_equal "$(stat -c %a work/work work/lamina-index | paste -sd' ')" "700 700"
	umount_lamina
}

@test "a personality, realtime scheduling and protection from the OOM killer end with the caller" {
	chrt --fifo 1 setarch --addr-no-randomize --read-implies-exec bash -c \
		'echo -500 >/proc/self/oom_score_adj; exec "$@"' - "$LAMINA_BIN/lamina-mount" \
		-o "lowerdir=lower,upperdir=upper,workdir=work,engine=$LAMINA_ENGINE" mnt
	pid=$(daemon)
	assert_equal "$(cat "/proc/$pid/personality")" 00000000
	assert_equal "$(cat "/proc/$pid/oom_score_adj")" 0
	assert_equal "$(chrt --pid "$pid" | sed -n 's/.*policy: //p')" SCHED_OTHER
	umount_lamina
}

@test "priorities, CPUs and cgroup stay those of the caller" {
	taskset 1 nice -n 5 ionice -c 2 -n 6 "$LAMINA_BIN/lamina-mount" \
		-o "lowerdir=lower,upperdir=upper,workdir=work,engine=$LAMINA_ENGINE" mnt
	pid=$(daemon)
	assert_equal "$(ps -o nice= -p "$pid" | tr -d ' ')" 5
	assert_equal "$(ionice -p "$pid")" "best-effort: prio 6"
	assert_equal "$(status_of "$pid" Cpus_allowed_list)" 0
	assert_equal "$(cat "/proc/$pid/cgroup")" "$(cat /proc/self/cgroup)"
	umount_lamina
}

# ---- the mount namespace ----

@test "the daemon is in a mount namespace of its own, in which nothing is mounted but /proc" {
	mount_lamina
	pid=$(daemon)
	refute [ "$(readlink "/proc/$pid/ns/mnt")" = "$(readlink /proc/self/ns/mnt)" ]
	assert_equal "$(cut -d' ' -f5 "/proc/$pid/mountinfo" | paste -sd' ')" "/proc /"
	refute touch "/proc/$pid/root/file"
	umount_lamina
}

@test "the daemon makes no mount of its caller busy but those of upper and work" {
	mkdir other run
	mount -t tmpfs tmpfs other
	mkdir other/lower
	echo hello >other/lower/file
	cp "$LAMINA_BIN/lamina-mount" . # it may lie below what is covered
	unshare -m --propagation private bash -euc '
		mount --bind /proc "$1/other"
		mount -t tmpfs tmpfs /run
		cd "$1/other"
		"$2" -o "lowerdir=$1/lower,upperdir=$1/upper,workdir=$1/work,engine=$3" "$1/mnt"
		cd /
		umount "$1/other"
		umount /run
		umount "$1/mnt"' - "$PWD" "$PWD/lamina-mount" "$LAMINA_ENGINE"
	umount other
	wait_daemons_gone
}

@test "the daemon ends when the last process of its caller's mount namespace does" {
	echo hello >lower/file
	# shellcheck disable=SC2016
	unshare -m --propagation private bash -euc '
		"$1" -o "lowerdir=lower,upperdir=upper,workdir=work,engine=$2" mnt
		[[ $(<mnt/file) == hello ]]; echo new >mnt/new' - "$LAMINA_BIN/lamina-mount" "$LAMINA_ENGINE"
	wait_daemons_gone
	assert_file upper/new new
}

@test "a process that pivots into the mount goes on being served, with /proc and without it" {
	local with_proc

	py inherited busybox_root lower
	for with_proc in "" yes; do
		run_expect 0 unshare -m --propagation private bash -euc '
			"$1" -o "lowerdir=lower,upperdir=upper,workdir=work,engine=$2" mnt
			cd mnt
			pivot_root . old
			cd /
			exec /bin/busybox sh /test "$3"' - "$LAMINA_BIN/lamina-mount" "$LAMINA_ENGINE" "$with_proc"
		assert_equal "$output" $'file link\n1 x\ndone'
		wait_daemons_gone
		rm -rf upper work
		mkdir upper work
	done
}

# What needs a path to a descriptor: a write and a mode of a lower file, an attribute, a directory.
change_all() {
	echo x >>mnt/dir/file
	chmod 600 mnt/other
	setfattr -n user.a -v b mnt/other
	mkdir mnt/new
	mv mnt/dir mnt/moved
	assert_file mnt/moved/file $'1\nx'
}

@test "changes work when /proc was covered or unmounted after the start" {
	mkdir lower/dir
	echo 1 >lower/dir/file
	ln lower/dir/file lower/dir/link
	echo 2 >lower/other
	mount_lamina
	# The runner has a mount namespace of its own, in which no other file runs meanwhile.
	mount -t tmpfs tmpfs /proc
	change_all 2>said || echo failed >>said
	umount /proc
	assert_file said ""
	umount_lamina
}

@test "a mount is made and works where /proc is covered" {
	[[ $LAMINA_BIN != */sanitize/* ]] || skip "AddressSanitizer itself needs /proc at the start"
	mkdir lower/dir
	echo 1 >lower/dir/file
	ln lower/dir/file lower/dir/link
	echo 2 >lower/other
	mount -t tmpfs tmpfs /proc
	{ mount_lamina && change_all; } 2>said || echo failed >>said
	umount /proc
	assert_file said ""
	umount_lamina
}

@test "SIGTERM detaches the mount in the namespace of the caller" {
	# shellcheck disable=SC2016
	run_expect 0 unshare -m --propagation private bash -euc '
		"$1" -o "lowerdir=lower,upperdir=upper,workdir=work,engine=$2" mnt
		mapfile -t daemons < <("$3" list "TEST_DIR=$TEST_DIR" lamina-keeper lamina-mount)
		kill -TERM "${daemons[@]}"
		. "$4/scripts/patience.bash"
		detached() { ! mountpoint -q mnt; }
		wait_until detached' - "$LAMINA_BIN/lamina-mount" "$LAMINA_ENGINE" "$LAMINA_TOOLS/tasks" "$LAMINA_ROOT"
	wait_daemons_gone
}

@test "relative paths are those of the directory in which the program was started" {
	mkdir -p deep/er deep/lower
	echo right >deep/lower/file
	echo wrong >lower/file
	cd deep/er
	mount_lamina -o lowerdir=../lower,upperdir=../../upper,workdir=../../work ../../mnt
	assert_file ../../mnt/file right
	cd ../..
	umount_lamina
}
