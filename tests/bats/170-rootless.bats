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
	# Some machines give /dev/fuse to root alone. Whatever else runs here keeps what it has.
	mknod -m 666 "$SCENE_BASE/fuse" c 10 229
	mount --bind "$SCENE_BASE/fuse" /dev/fuse
}

teardown_file() {
	umount /dev/fuse
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

@test "an inner mount on an outer one marks deleted names by attributes that a namespace can write" {
	mkdir -p lower/store/upper lower/store/work lower/inner lower/lower/{dir,tree/deep}
	echo lower | tee lower/lower/{file,moved,over,dir/file,tree/deep/file} >/dev/null
	run_expect 0 rootless '
		mount_lamina
		mount_inner() {
			"$LAMINA_BIN/lamina-mount" -o lowerdir=mnt/lower,upperdir=mnt/store/upper,workdir=mnt/store/work mnt/inner
		}
		mount_inner
		rm -r mnt/inner/file mnt/inner/dir
		mkdir mnt/inner/dir
		mv mnt/inner/tree mnt/inner/tree2
		mv mnt/inner/moved mnt/inner/over
		assert_names mnt/inner dir tree2 over
		assert_names mnt/inner/dir
		picture mnt/inner >mnt/store/before
		umount mnt/inner
		for name in file tree moved; do
			assert_equal "$(stat -c %F mnt/store/upper/$name)" "regular empty file"
			assert_equal "$(getfattr --only-values -n user.overlay.whiteout mnt/store/upper/$name)" y
		done
		assert_equal "$(getfattr --only-values -n user.overlay.opaque mnt/store/upper)" x
		assert_equal "$(getfattr --only-values -n user.overlay.opaque mnt/store/upper/dir)" y
		wait_until mount_inner
		assert_picture mnt/store/before mnt/inner
		umount mnt/inner
		wait_until umount mnt
	'
	assert_equal "$(getfattr --only-values -n user.overlay.overlay.whiteout upper/store/upper/file)" y
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

# ---- what a plain user may do with own files ----

# as_games SCRIPT: a plain user, who has no capabilities, mounts, works and unmounts.
as_games() {
	setpriv --reuid games --regid games --clear-groups --inh-caps=-all \
		bash -euc ". '$SHARED/tests/lib/common.bash'; TEST_DIR='$TEST_DIR'; $1"
}

# as_plain_file_system SCRIPT: what a user does, in a plain directory and in a mount over a layer like
# it, has the same results, also after a remount, and the layer stays as it is. The working directory is
# the one or the other.
as_plain_file_system() {
	cp -a lower/. plain
	chown -R games:games upper work mnt
	chown games:games .
	mark_lower
	run_expect 0 as_games "cd plain; $1"
	expected=$output
	run_expect 0 as_games "mount_lamina; (cd mnt; $1); fusermount3 -u mnt"
	assert_equal "$output" "$expected"
	wait_daemons_gone
	picture plain >expected
	for _ in 1 2; do
		mount_lamina
		assert_picture expected mnt
		umount_lamina
	done
	assert_contents work/work
	assert_lower_unchanged
}

# Own objects of a lower layer, whose modes forbid even their owner to write to them.
fill_read_only() {
	mkdir -p lower/ro/sub/deep lower/none lower/dir lower/empty plain
	echo 1 >lower/file
	echo 2 >lower/ro/file
	echo 3 >lower/ro/sub/file
	echo 4 >lower/ro/sub/deep/file
	echo 5 >lower/linked
	ln lower/linked lower/ro/linked
	ln -s target lower/ro/link
	cp /bin/true lower/program
	for name in lower/file lower/ro/file lower/ro/sub lower/linked; do
		setfattr -n user.test -v value "$name"
		setfacl -m u:1234:r "$name"
	done
	setfacl -d -m u:1234:rx lower/ro/sub
	chmod 444 lower/file lower/ro/file lower/ro/sub/file lower/ro/sub/deep/file lower/linked
	chmod 4555 lower/program
	chmod 555 lower/ro/sub/deep lower/ro/sub lower/empty
	chmod 500 lower/ro
	touch -d 2001-02-03 lower/file lower/ro/file lower/ro/sub lower/ro lower/linked
	chown -hR games:games lower
	chmod 4555 lower/program
}

@test "a plain user changes own read-only files, in read-only directories as well" {
	fill_read_only
	as_plain_file_system '
		chmod u+w ro/file
		chmod 640 file
		touch -d 2005-05-05 ro/sub/file
		setfacl -m u:4321:rw ro/sub/deep/file
		chmod 400 linked
		touch -d 2004-04-04 program
		echo more >>ro/file
	'
}

@test "a plain user changes own read-only directories" {
	fill_read_only
	as_plain_file_system '
		touch -d 2005-05-05 ro/sub
		setfacl -d -m u:4321:rx ro/sub/deep
		chmod 511 ro/sub/deep
		chmod 755 empty
		echo new >empty/new
	'
}

@test "a plain user links, moves and removes own read-only files and directories" {
	fill_read_only
	as_plain_file_system '
		mv file dir/moved
		ln ro/file dir/link
		ln program dir/program
		mv ro ro2
		mv empty empty2
		mkdir -m 555 empty
		rmdir empty empty2 none
		mkdir -m 500 none
		mv none dir 2>&1 || true
		rm -f linked program
		chmod 755 ro2
		mv ro2/sub dir 2>&1 || true
		chmod 755 ro2/sub
		mv ro2/sub dir
		chmod 755 dir/sub/deep
		rm -rf ro2
		mkdir ro2
	'
}

@test "a plain user exchanges own read-only directories, and puts one over another" {
	fill_read_only
	mkdir lower/target lower/gone lower/two
	touch lower/gone/file
	chmod 555 lower/target lower/two
	chown -R games:games lower
	as_plain_file_system '
		rm -r gone
		mv -T ro target
		mkdir -m 555 gone
		mkdir -m 500 ro
		mv -T gone ro
		rmdir ro
		mv -T two ro
	'
}

@test "handles of a plain user go on when the mode forbids new ones" {
	fill_read_only
	chmod 644 lower/file lower/linked
	as_plain_file_system '
		echo new >new
		exec 5<>file 6<>new 7<>linked 8<dir
		chmod 0 file new linked
		echo written >&5
		echo written >&6
		echo written >&7
		rm new
		echo again >&6
		cat <&6
		chmod 0 dir none
		rmdir none
		chmod 755 dir
		chmod 444 file linked
	'
}

@test "handles of a plain user go on when a directory above forbids it" {
	fill_read_only
	mkdir -p lower/above/dir/sub
	for i in 1 2 3 4; do echo "$i" >"lower/above/dir/$i"; done
	echo deep >lower/above/dir/sub/file
	chown -R games:games lower/above
	chmod 644 lower/above/dir/*[0-9]
	as_plain_file_system '
		top=$PWD
		mkdir above/own
		echo own >above/own/file
		exec 5<above/dir/1 6<>above/dir/2 7<above/dir/sub 8<>above/own/file
		cd above/dir
		chmod 000 "$top/above/own" "$top/above"
		cat <&5
		echo written >&6
		echo written >&8
		cat 3
		ls . /proc/self/fd/7/
		echo new >new
		chmod 600 4 /proc/self/fd/5
		mv 3 moved
		rm 4
		chmod 111 .
		cat /proc/self/fd/7/file
		chmod 755 "$top/above"
		chmod 755 "$top/above/dir" "$top/above/own"
	'
}

@test "by default no access to a file counts, of a plain user and of a namespace's root" {
	mkdir lower/dir
	py atimes populate upper
	chown -hR games:games lower upper work mnt
	mount -o remount,strictatime "$SCENE"
	run_expect 0 as_games '
		mount_lamina
		CASES_SOCKET= py atimes accessed mnt read "write and read" mapped sent
		fusermount3 -u mnt'
	assert_equal "$output" ""
	wait_daemons_gone
	rm -rf upper work
	mkdir upper work
	py atimes populate upper
	run_expect 0 rootless '
		mount_lamina
		CASES_SOCKET= py atimes accessed mnt read "write and read" mapped sent
		umount mnt'
	assert_equal "$output" ""
	mount -o remount,relatime "$SCENE"
}

@test "what belongs to others becomes a plain user's by a change, and no layer is written" {
	mkdir -p lower/open lower/setid
	echo roots | tee lower/roots lower/truncated lower/moded >/dev/null
	chmod 666 lower/roots lower/truncated lower/moded
	chmod 6777 lower/moded
	chmod 1777 lower/open
	chmod 2777 lower/setid
	echo closed >lower/closed
	chown games:games upper work mnt .
	mark_lower
	run_expect 0 as_games '
		mount_lamina
		echo more >>mnt/roots
		: >mnt/truncated
		echo more >>mnt/moded
		echo mine >mnt/open/mine
		echo mine >mnt/setid/mine
		refute sh -c "echo no >>mnt/closed"
		assert_file mnt/roots "roots
more"
		fusermount3 -u mnt'
	wait_daemons_gone
	assert_lower_unchanged
	assert_equal "$(stat -c '%U %a' upper/roots upper/moded upper/open upper/setid)" \
		$'games 666\ngames 777\ngames 1777\ngames 777'
	assert_file upper/roots $'roots\nmore'
}

@test "a directory that is writable for a moment never looks so" {
	fill_read_only
	for i in {1..300}; do echo "$i" >"lower/ro/sub/$i"; done
	chown -R games:games lower
	chmod 555 lower/ro/sub
	chown -R games:games upper work mnt .
	run_expect 0 as_games '
		mount_lamina -o timeout=0
		chmod 555 mnt/ro/sub
		CASES_SOCKET= py permissions watch_modes upper/stop mnt/ro mnt/ro/sub >upper/modes &
		for i in {1..300}; do chmod 600 "mnt/ro/sub/$i"; done
		touch upper/stop
		wait
		fusermount3 -u mnt'
	assert_equal "$(cat upper/modes)" $'mnt/ro 500\nmnt/ro/sub 555'
	wait_daemons_gone
}
