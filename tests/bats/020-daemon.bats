#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The daemon's life: how it starts, what it holds, when it leaves, and what a kill leaves behind.

load ../lib/common

OPTS() { echo "lowerdir=lower,upperdir=upper,workdir=work,engine=$LAMINA_ENGINE"; }

# The one daemon of the test.
daemon() {
	local pids
	pids=$(daemons)
	assert_equal "$(wc -w <<<"$pids")" 1
	echo "$pids"
}

is_mounted() { mountpoint -q "${1:-mnt}"; }
not_mounted() { ! is_mounted "$@"; }
is_dead() { ! grep -q '^State:.[^Z]' "/proc/$1/status" 2>/dev/null; }

# ---- starting ----

@test "the mount answers when the program has returned" {
	echo hello >lower/file
	for i in {1..20}; do
		mount_lamina
		assert_file mnt/file hello
		umount_lamina
	done
}

@test "a mount that fails after forking is reported by the exit status, in one sentence" {
	run_expect 1 "$LAMINA_BIN/lamina-mount" -o "$(OPTS)" missing
	assert_one_sentence "cannot open the mountpoint 'missing'" "No such file or directory"
	touch plain
	run_expect 1 "$LAMINA_BIN/lamina-mount" -o "$(OPTS)" plain
	assert_one_sentence "cannot open the mountpoint 'plain'" "Not a directory"
	assert_equal "$(daemons)" ""
}

@test "standard streams of the daemon are /dev/null" {
	mount_lamina
	pid=$(daemon)
	for fd in 0 1 2; do
		assert_equal "$(readlink "/proc/$pid/fd/$fd")" /dev/null
	done
	umount_lamina
}

@test "pipes on stdout and stderr end when the program does" {
	py daemon streams_end "$LAMINA_BIN/lamina-mount" "$(OPTS)" mnt
	is_mounted
	umount_lamina
}

@test "inherited descriptors are closed" {
	exec 9>inherited 200>inherited-too
	mount_lamina
	exec 9>&- 200>&-
	run_expect 0 find "/proc/$(daemon)/fd" -lname "*inherited*"
	assert_equal "$output" ""
	umount_lamina
}

@test "the daemon works in /proc and in a session of its own, without a terminal" {
	mount_lamina
	pid=$(daemon)
	assert_equal "$(readlink "/proc/$pid/cwd")" /proc
	assert_equal "$(ps -o sid= -p "$pid" | tr -d ' ')" "$(ps -o pgid= -p "$pid" | tr -d ' ')"
	refute [ "$(ps -o sid= -p "$pid")" = "$(ps -o sid= -p $$)" ]
	assert_equal "$(ps -o tty= -p "$pid" | tr -d ' ')" "?"
	umount_lamina
}

@test "-f stays in the foreground and leaves with status 0 when unmounted" {
	"$LAMINA_BIN/lamina-mount" -f -o "$(OPTS)" mnt 3>&- &
	pid=$!
	wait_until is_mounted
	assert_equal "$(daemons)" "$pid"
	umount mnt
	wait "$pid"
}

@test "-d stays in the foreground and prints requests with their results" {
	echo hello >lower/file
	"$LAMINA_BIN/lamina-mount" -d -o "$(OPTS)" mnt 2>log 3>&- &
	pid=$!
	wait_until is_mounted
	run_expect 1 cat mnt/missing
	assert_file mnt/file hello
	rm mnt/file
	umount mnt
	wait "$pid"
	run_expect 0 cat log
	if [[ $LAMINA_ENGINE == bpf ]]; then
		# Only what the kernel leaves to the server is a request, and objects have paths, not nodes.
		assert_equal "$(grep -c '^op .* -> ' <<<"$output")" 1
		assert_output_has "op 19521 node 0 file -> ok"
	else
		# FUSE's operation 1 is LOOKUP, 10 UNLINK, node 1 the root.
		assert_output_has "op 1 node 1 file -> ok"
		assert_output_has "op 1 node 1 missing -> "
		assert_output_has "op 10 node 1 file -> ok"
	fi
}

# ---- leaving ----

@test "umount ends the daemon, and leaves an empty mountpoint that can be replaced" {
	touch lower/file
	mount_lamina
	pid=$(daemon)
	umount mnt
	wait_until is_dead "$pid"
	assert_names mnt
	mkdir mnt.1
	py daemon rename mnt.1 mnt
}

@test "fusermount3 -u ends the daemon" {
	mount_lamina
	pid=$(daemon)
	fusermount3 -u mnt
	wait_until is_dead "$pid"
	not_mounted
}

@test "umount -l ends the daemon as soon as nothing is open any more" {
	echo hello >lower/file
	mount_lamina
	pid=$(daemon)
	exec 9<>mnt/file
	umount -l mnt
	not_mounted
	assert_equal "$(cat <&9)" hello
	echo more >&9
	kill -0 "$pid"
	exec 9>&-
	wait_until is_dead "$pid"
	assert_file upper/file $'hello\nmore'
}

@test "a copy of the mount in another mount namespace keeps the daemon, its end ends it" {
	echo hello >lower/file
	mount_lamina
	pid=$(daemon)
	mkfifo go
	unshare -m --propagation private \
		sh -c 'touch ready; read -r _ <go; cat mnt/file >seen' 3>&- &
	other=$!
	wait_until test -e ready
	umount mnt
	kill -0 "$pid"
	echo >go
	wait "$other"
	assert_file seen hello
	wait_until is_dead "$pid"
}

@test "a mount follows at once on the unmount of the same upper" {
	mount_lamina
	for i in {1..20}; do
		echo "$i" >mnt/file
		umount mnt
		mount_lamina
		assert_file mnt/file "$i"
	done
	umount_lamina
}

@test "an upper that is mounted is refused to a second mount" {
	mkdir other
	mount_lamina
	run_expect 1 mount_lamina other
	assert_one_sentence "upper directory 'upper' is mounted already"
	umount_lamina
	mount_lamina other
	umount_lamina other
}

# ---- signals ----

@test "SIGTERM detaches the mount; open files go on working; then the daemon ends" {
	echo hello >lower/file
	mount_lamina
	pid=$(daemon)
	exec 9<>mnt/file 8<mnt
	kill -TERM "$pid"
	wait_until not_mounted
	assert_equal "$(cat <&9)" hello
	echo more >&9
	assert_equal "$(cat /proc/self/fd/8/file)" $'hello\nmore'
	echo new >/proc/self/fd/8/new
	exec 9>&- 8>&-
	wait_until is_dead "$pid"
	assert_file upper/file $'hello\nmore'
	assert_file upper/new new
}

@test "a second SIGTERM ends the daemon although files are open" {
	echo hello >lower/file
	mount_lamina
	pid=$(daemon)
	exec 9<>mnt/file
	kill -TERM "$pid"
	wait_until not_mounted
	kill -TERM "$pid"
	wait_until is_dead "$pid"
	exec 9>&- || true
}

@test "SIGHUP does not end a daemon in the background" {
	echo hello >lower/file
	mount_lamina
	kill -HUP "$(daemon)"
	echo new >mnt/new
	assert_file mnt/file hello
	is_mounted
	umount_lamina
}

@test "after SIGKILL callers get ENOTCONN, and a new mount finds all that was synced" {
	echo hello >lower/file
	mkdir lower/dir
	mount_lamina
	echo new >mnt/dir/new
	echo more >>mnt/file
	sync mnt/dir/new mnt/file mnt/dir
	exec 9<mnt/dir
	kill_daemon
	run_expect 1 stat mnt/file
	assert_output_has "Transport endpoint is not connected"
	run_expect 1 stat /proc/self/fd/9/new
	assert_output_has "Transport endpoint is not connected"
	mount_lamina
	assert_equal "$(grep -c " $PWD/mnt " /proc/self/mountinfo)" 1
	assert_file mnt/dir/new new
	assert_file mnt/file $'hello\nmore'
	exec 9>&-
	umount_lamina
}

@test "a kill in the middle of work leaves a whole tree and an empty work directory" {
	mkdir lower/dir
	for i in {1..50}; do echo "lower $i" >"lower/dir/$i"; done
	for round in {1..5}; do
		mount_lamina
		py daemon churn mnt/dir 2>/dev/null 3>&- &
		writer=$!
		wait_until test -e "mnt/dir/new.$round"
		kill_daemon
		wait "$writer" || true
		mount_lamina
		py daemon churned mnt/dir
		assert_equal "$(find work/work -mindepth 1)" ""
		rm -rf mnt/dir/new.*
		umount_lamina
		rm -rf upper work
		mkdir upper work
	done
}

# ---- layers ----

@test "500 lower layers are mounted and work" {
	mkdir -p layers/{1..500}/dir
	for i in {1..500}; do
		echo "$i" >"layers/$i/file"
		echo "$i" >"layers/$i/own.$i"
		echo "$i" >"layers/$i/dir/own.$i"
	done
	LOWERS=$(seq -f layers/%g -s: 500) mount_lamina
	assert_file mnt/file 1
	assert_file mnt/own.500 500
	assert_equal "$(ls mnt | wc -l)" 502
	assert_equal "$(ls mnt/dir | wc -l)" 500
	echo changed >mnt/dir/own.500
	rm mnt/dir/own.250
	assert_equal "$(ls mnt/dir | wc -l)" 499
	assert_missing mnt/dir/own.250
	assert_file layers/500/dir/own.500 500
	assert_file mnt/dir/own.500 changed
	umount_lamina
}

@test "501 lower layers are refused" {
	LOWERS=$(printf 'lower%.0s:' {1..500})lower run_expect 1 mount_lamina
	assert_one_sentence "501 lower directories given, at most 500 are possible"
}

@test "layers may be renamed and replaced while they are mounted" {
	echo hello >lower/file
	mkdir lower/dir
	echo deep >lower/dir/file
	mount_lamina
	mv lower lower.gone
	mv upper upper.gone
	mv work work.gone
	mkdir lower upper work
	echo wrong >lower/file
	assert_file mnt/file hello
	assert_file mnt/dir/file deep
	echo more >>mnt/dir/file
	echo new >mnt/new
	assert_file upper.gone/dir/file $'deep\nmore'
	assert_file upper.gone/new new
	assert_names upper
	umount_lamina
}

@test "a lower layer may be a bind mount that is detached after mounting" {
	mkdir bound
	echo hello >lower/file
	echo other >lower/other
	mount --bind lower bound
	LOWERS=bound mount_lamina
	umount -l bound
	assert_file mnt/file hello
	echo more >>mnt/other
	assert_file upper/other $'other\nmore'
	assert_names mnt file other
	umount_lamina
}

@test "what is mounted below a lower layer does not show" {
	mkdir lower/dir
	echo hello >lower/dir/file
	mount -t tmpfs tmpfs lower/dir
	touch lower/dir/of-tmpfs
	mount_lamina
	assert_names mnt/dir file
	umount lower/dir
	assert_file mnt/dir/file hello
	umount_lamina
}

@test "several mounts share their lower layers and nothing else" {
	mkdir second
	echo shared >lower/file
	echo second >second/other
	mark_lower
	for i in 1 2 3; do
		mkdir "m$i" "u$i" "w$i"
		"$LAMINA_BIN/lamina-mount" \
			-o "lowerdir=lower:second,upperdir=u$i,workdir=w$i,engine=$LAMINA_ENGINE" "m$i"
	done
	assert_equal "$(daemons | wc -l)" 3
	for i in 1 2 3; do
		echo "$i" >>"m$i/file"
		echo "$i" >"m$i/own"
	done
	rm m2/other
	for i in 1 2 3; do
		assert_file "m$i/file" "shared"$'\n'"$i"
		assert_file "m$i/own" "$i"
	done
	assert_file m1/other second
	assert_missing m2/other
	umount m2
	assert_file m3/file $'shared\n3'
	umount m1 m3
	wait_daemons_gone
	assert_lower_unchanged
}

@test "a mount may be a lower layer of another one" {
	mkdir u2 w2 m2
	echo hello >lower/file
	echo other >lower/other
	mount_lamina
	echo more >>mnt/file
	rm mnt/other
	"$LAMINA_BIN/lamina-mount" -o "lowerdir=mnt,upperdir=u2,workdir=w2,engine=$LAMINA_ENGINE" m2
	assert_names m2 file
	assert_file m2/file $'hello\nmore'
	echo third >>m2/file
	assert_file m2/file $'hello\nmore\nthird'
	assert_file mnt/file $'hello\nmore'
	umount m2
	umount_lamina
}

# Layers on a file system of their own, which is mounted on disk; detach_disk ends it.
DISK_OPTIONS="lowerdir=disk/lower,upperdir=disk/upper,workdir=disk/work,engine=$LAMINA_ENGINE"

layers_on_disk() {
	mkdir disk
	truncate -s 16M image
	mkfs.ext4 -q -F image
	device=$(losetup --show -f image)
	mount "$device" disk
	mkdir disk/{lower,upper,work}
	echo hello >disk/lower/file
}

detach_disk() {
	losetup -d "$device"
	wait_until test ! -e "/sys/block/${device#/dev/}/loop/backing_file"
}

@test "the layers' file system can be unmounted after the mount, 200 times" {
	local i

	layers_on_disk
	for ((i = 0; i < 200; i++)); do
		mountpoint -q disk || mount "$device" disk
		lamina_mount -o "$DISK_OPTIONS" mnt
		echo "$i" >mnt/new
		assert_file mnt/file hello
		umount mnt
		wait_until umount disk 2>/dev/null
	done
	detach_disk
}

# In milliseconds, as no other thread has to be waited for, nor be woken.
@test "the thread that sees the end of the mount lets go of the layers" {
	local i

	[[ $LAMINA_ENGINE != bpf ]] || skip "engine bpf: the kernel holds the layers, and no daemon"
	layers_on_disk
	for ((i = 0; i < 5; i++)); do
		mountpoint -q disk || mount "$device" disk
		lamina_mount -o "$DISK_OPTIONS" mnt
		echo "$i" >>mnt/file
		py daemon unmounted_without_main_thread "$(daemon)" mnt disk
		wait_daemons_gone
	done
	detach_disk
}
