#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Without root: in a user namespace with a range of ids, as rootless podman makes it, in one with a
# single id, and as a plain user through fusermount3.

load ../lib/common

FIRST=100000

# What other users run lies where they can go, which the checkout may not.
setup_file() {
	scene_create
	export SHARED=$SCENE_BASE/shared
	mkdir -p "$SHARED/tests" "$SHARED/tools"
	cp -r "$LAMINA_ROOT/scripts" "$SHARED"
	cp -r "$LAMINA_ROOT"/tests/{lib,cases} "$SHARED/tests"
	cp -r "$LAMINA_BIN" "$SHARED/bin"
	cp "$LAMINA_TOOLS"/{tasks,tree,runcase} "$SHARED/tools"
	chmod -R a+rX "$SHARED"
	LAMINA_BIN=$SHARED/bin LAMINA_TOOLS=$SHARED/tools
	# Some machines give /dev/fuse to root alone.
	stat -c %a /dev/fuse >"$SCENE_BASE/fuse-mode"
	chmod 666 /dev/fuse
}

teardown_file() {
	chmod "$(cat "$SCENE_BASE/fuse-mode")" /dev/fuse
	scene_destroy
}

setup() {
	test_dir
	[[ $LAMINA_ENGINE == fuse ]] ||
		skip "the kernel lends files for passthrough to the real root only (EPERM)"
	chmod 755 "$SCENE_BASE" "$SCENE" .
}

# Run a script as root of a namespace with ids 0..65535; the test's directories are its own.
rootless() {
	chown -R "$FIRST:$FIRST" lower upper work mnt
	python3 "$SHARED/tests/cases/userns.py" "$FIRST" 65536 \
		bash -euo pipefail -c ". '$SHARED/tests/lib/common.bash'; TEST_DIR='$TEST_DIR'; $1"
}

@test "a namespace's root mounts, works and unmounts" {
	mkdir lower/dir
	echo lower >lower/dir/file
	run_expect 0 rootless '
		mount_lamina
		assert_file mnt/dir/file lower
		echo more >>mnt/dir/file
		assert_file mnt/dir/file "lower
more"
		mv -T mnt/dir mnt/moved
		rm mnt/moved/file
		assert_names mnt moved
		umount mnt
	'
	assert_file lower/dir/file lower
	assert_whiteout upper/dir
}

@test "the marks are those that a namespace can write, and kernel overlayfs reads with userxattr" {
	mkdir lower/dir lower/gone
	echo lower >lower/dir/file
	run_expect 0 rootless '
		mount_lamina
		rm -r mnt/dir mnt/gone
		mkdir mnt/dir
		echo new >mnt/dir/new
		umount mnt
		mount -t overlay overlay -o lowerdir=lower,upperdir=upper,workdir=work,userxattr mnt
		assert_names mnt dir
		assert_names mnt/dir new
		umount mnt
	'
	assert_equal "$(getfattr --only-values -n user.overlay.opaque upper/dir)" y
	assert_whiteout upper/gone
}

@test "owners within the range survive a copy-up, and can be changed" {
	echo x >lower/file
	run_expect 0 rootless '
		chown 1234:2345 lower/file
		mount_lamina
		chmod 600 mnt/file
		assert_equal "$(stat -c "%u:%g %a" mnt/file)" "1234:2345 600"
		chown 3:4 mnt/file
		assert_equal "$(stat -c "%u:%g" mnt/file)" 3:4
		umount mnt
	'
	assert_equal "$(stat -c '%u:%g' upper/file)" "$((FIRST + 3)):$((FIRST + 4))"
}

@test "what a namespace may not do is refused as on any file system" {
	run_expect 0 rootless '
		mount_lamina
		refute mknod mnt/null c 1 3
		refute setfattr -n trusted.x -v y mnt
		mkfifo mnt/fifo
		umount mnt
	'
}

@test "file capabilities are the namespace's" {
	cp /bin/busybox lower/program
	run_expect 0 rootless '
		mount_lamina
		setcap cap_net_raw+ep mnt/program
		assert_equal "$(getcap mnt/program | sed "s/.* //")" cap_net_raw=ep
		umount mnt
	'
}

@test "users of the range see their own files only, as the modes say" {
	run_expect 0 rootless '
		chmod 755 lower upper
		mkdir lower/home
		echo secret >lower/home/secret
		chown -R 1000:1000 lower/home
		chmod 700 lower/home
		mount_lamina
		setpriv --reuid 1000 --regid 1000 --clear-groups cat mnt/home/secret
		refute setpriv --reuid 1001 --regid 1001 --clear-groups cat mnt/home/secret
		setpriv --reuid 1000 --regid 1000 --clear-groups sh -c "echo mine >mnt/home/mine"
		assert_equal "$(stat -c %u mnt/home/mine)" 1000
		umount mnt
	'
}

@test "engine=auto takes fuse, and passthrough is refused with the reason" {
	run_expect 0 rootless '
		assert_equal "$("$LAMINA_BIN/lamina" features --json | jq -r .auto)" fuse
		"$LAMINA_BIN/lamina" features | grep "passthrough  no  .*real root"
		refute "$LAMINA_BIN/lamina-mount" \
			-o lowerdir=lower,upperdir=upper,workdir=work,engine=passthrough mnt 2>upper/error
		grep -q "engine passthrough does not work here: .*real root" upper/error
	'
}

@test "a namespace with one id: everything is its root's" {
	chown -R "$FIRST:$FIRST" lower upper work mnt
	echo x >lower/file
	chown "$FIRST:$FIRST" lower/file
	run_expect 0 setpriv --reuid "$FIRST" --regid "$FIRST" --clear-groups unshare -Urm \
		bash -euc ". '$SHARED/tests/lib/common.bash'; TEST_DIR='$TEST_DIR'
			mount_lamina
			echo y >>mnt/file
			assert_equal \"\$(stat -c %u mnt/file)\" 0
			rm mnt/file
			assert_names mnt
			umount mnt"
}

# fusermount3 wants a user with a name.
@test "a plain user mounts through fusermount3" {
	chown -R games:games lower upper work mnt
	echo x >lower/file
	chown games:games lower/file
	run_expect 0 setpriv --reuid games --regid games --clear-groups \
		bash -euc ". '$SHARED/tests/lib/common.bash'; TEST_DIR='$TEST_DIR'
			mount_lamina
			assert_file mnt/file x
			echo y >>mnt/file
			mkdir mnt/dir
			rm mnt/file
			assert_names mnt dir
			fusermount3 -u mnt"
	wait_daemons_gone
	assert test -d upper/dir
	assert test -n "$(ls -A upper)"
}

@test "a plain user's mount ends with SIGTERM to its daemon" {
	chown -R games:games lower upper work mnt
	run_expect 0 setpriv --reuid games --regid games --clear-groups \
		bash -euc ". '$SHARED/tests/lib/common.bash'; TEST_DIR='$TEST_DIR'; mount_lamina"
	kill -TERM "$(daemons)"
	wait_daemons_gone
	refute mountpoint -q mnt
}
