#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# podman of a user without any rights, with a range of ids of its own: a throwaway user, who goes
# with the test.

load ../lib/common
load ../lib/podman

setup_file() {
	[[ $LAMINA_ENGINE == fuse ]] || return 0
	scene_create 512M
	# Some machines give /dev/fuse to root alone. Whatever else runs here keeps what it has.
	mknod -m 666 "$SCENE_BASE/fuse" c 10 229
	mount --bind "$SCENE_BASE/fuse" /dev/fuse
	chmod 755 "$SCENE_BASE" "$SCENE"
	export ROOTLESS=lamina-test-$$ DEMO_DIR=$SCENE/p
	useradd --create-home --home-dir "$SCENE/home" --shell /bin/bash "$ROOTLESS"
	if ! grep -q "^$ROOTLESS:" /etc/subuid; then
		usermod --add-subuids 1000000-1065535 --add-subgids 1000000-1065535 "$ROOTLESS"
	fi
	mkdir -m 700 "$DEMO_DIR" "$SCENE/run"
	base_image "$DEMO_DIR/base.tar"
	# The programs may lie where only root can go.
	cp "$LAMINA_BIN"/{lamina,lamina-mount} "$SCENE"
	cp "$LAMINA_ROOT"/scripts/{podman,patience}.bash "$SCENE"
	chown -R "$ROOTLESS:" "$DEMO_DIR" "$SCENE/run"
	rootless 'demo_write_conf; ours import -q "$DEMO_DIR/base.tar" "$BASE"' >/dev/null
	DEMO_RUNTIME=$(rootless 'demo_find_runtime "lamina:$LAMINA_ENGINE" "$BASE" >&2 && echo "$DEMO_RUNTIME"')
	export DEMO_RUNTIME
}

teardown_file() {
	[[ $LAMINA_ENGINE == fuse ]] || return 0
	cd /
	# podman keeps a process that holds the user's namespaces.
	pgrep -u "$ROOTLESS" | xargs -r kill
	wait_until user_is_gone
	umount /dev/fuse
	userdel "$ROOTLESS"
	scene_destroy
}

user_is_gone() { ! pgrep -u "$ROOTLESS" >/dev/null; }

setup() {
	[[ $LAMINA_ENGINE == fuse ]] ||
		skip "the kernel lends files for passthrough to the real root only (EPERM)"
	test_dir
}

teardown() {
	[[ $LAMINA_ENGINE == fuse ]] || return 0
	rootless 'ours rm -fa -t 0' >/dev/null
	leak_check
}

# A script of the user; `ours` is podman there.
rootless() {
	# shellcheck disable=SC2016
	setpriv --reuid "$ROOTLESS" --regid "$ROOTLESS" --init-groups --inh-caps=-all env -i \
		PATH="$PATH" HOME="$SCENE/home" USER="$ROOTLESS" XDG_RUNTIME_DIR="$SCENE/run" \
		ASAN_OPTIONS="${ASAN_OPTIONS:-}" UBSAN_OPTIONS="${UBSAN_OPTIONS:-}" \
		DEMO_DIR="$DEMO_DIR" LAMINA_ENGINE="$LAMINA_ENGINE" LAMINA_BIN="$SCENE" BASE="$BASE" \
		TEST_DIR="${TEST_DIR:-$SCENE}" DEMO_RUNTIME="${DEMO_RUNTIME:-}" \
		CONTAINERS_CONF="$DEMO_DIR/containers.conf" PODMAN_IGNORE_CGROUPSV1_WARNING=1 \
		CONTAINERS_STORAGE_CONF="$DEMO_DIR/storage.conf" \
		bash -euo pipefail -c "cd; source '$SCENE/podman.bash'
			ours() { pm \"lamina:\$LAMINA_ENGINE\" \"\$@\"; }
			$1"
}

@test "a container of a user runs on Lamina, and writes to it" {
	assert_equal "$(rootless 'ours run --rm "$BASE" grep " / " /proc/mounts' | cut -d' ' -f3)" fuse.lamina-mount
	run_expect 0 rootless 'ours run --rm "$BASE" sh -ec "
		test \"\$(stat -c %u:%g /base/dir/f1 /base/tree/file | paste -sd,)\" = 0:0,7:8
		echo more >>/base/dir/f1
		mv /base/tree /base/moved
		chown 1000:1000 /base/moved/file
		test \"\$(cat /base/moved/link)\" = three
		rm -r /base/gone
		mkdir /base/gone
		test -z \"\$(ls -A /base/gone)\""'
	assert_equal "$(rootless 'ours run --rm "$BASE" cat /base/dir/f1')" one
}

@test "no process of it has rights of the host's root" {
	rootless 'ours run -d --name box "$BASE" sleep 1000' >/dev/null
	assert test -n "$(daemons)"
	for pid in $(daemons); do
		assert_equal "$(stat -c %U "/proc/$pid")" "$ROOTLESS"
		refute test "$(readlink "/proc/$pid/ns/user")" = "$(readlink /proc/self/ns/user)"
	done
}

@test "users of the range are kept apart in the container" {
	run_expect 1 rootless 'ours run --rm -u 1000 "$BASE" sh -c "echo x >/base/dir/f1"'
	assert_equal "$(rootless 'ours run --rm -u 7 "$BASE" sh -c "echo x >>/base/tree/file; cat /base/tree/file"')" \
		$'three\nx'
}

# From version 5 on, podman compares a view in which the upper is a layer and there is no work directory, so
# no index: the other names of a lower file have what the lower has (docs/compatibility.md).
other_name() {
	if [[ $(podman --version) =~ \ ([0-9]+)\. && ${BASH_REMATCH[1]} -ge 5 ]]; then
		echo linked
	else
		printf 'linked\nmore\n'
	fi
}

@test "what a user's container wrote is committed, and there in the next" {
	assert_equal "$(rootless '
		ours run --name box "$BASE" sh -ec "rm -r /base/dir; mkdir /base/dir; echo new >/base/dir/new
			chown 5:6 /base/dir/new; rm /base/linked.1; echo more >>/base/linked.2"
		ours container cleanup box >/dev/null # or else its mount, which may still be there, is committed
		ours commit -q box localhost/committed >/dev/null
		ours run --rm localhost/committed sh -c "cd /base; ls dir; stat -c %u:%g dir/new
			cat linked.2 linked.3; ls linked.1 2>/dev/null"' || true)" $'new\n5:6\nlinked\nmore\n'"$(other_name)"
}

@test "a user's build makes layers" {
	rootless 'printf "FROM %s\nRUN rm -r /base/gone && mv /base/tree /base/moved\nRUN echo 1 >/base/gone && chown 3 /base/gone\n" \
		"$BASE" >Containerfile
		ours build -q --isolation=chroot --layers --signature-policy "$DEMO_DIR/policy.json" \
			-t localhost/built -f Containerfile "$DEMO_DIR/s" >/dev/null' 2>&1
	assert_equal "$(rootless 'ours run --rm localhost/built sh -c "cd /base; cat gone; stat -c %u gone; ls moved"' |
		paste -sd' ')" "1 3 a file link"
}

@test "keep-id: the user is itself in the container" {
	assert_equal "$(rootless 'ours run --rm --userns=keep-id "$BASE" sh -c "
		id -u; touch /tmp/mine; stat -c %u /tmp/mine /base/tree/file"' | paste -sd' ')" \
		"$(id -u "$ROOTLESS") $(id -u "$ROOTLESS") 7"
}

@test "all can be removed by the user" {
	rootless 'ours run -d "$BASE" sleep 1000; ours rm -fa -t 0; ours rmi -fa' >/dev/null
	wait_daemons_gone
	assert_equal "$(rootless 'podman unshare find "$DEMO_DIR"/s/*/root/overlay -mindepth 1 -maxdepth 1 \
		! -name l ! -name ".*"')" ""
	rootless 'podman unshare rm -rf "$DEMO_DIR/s/lf/root"'
	assert_missing "$DEMO_DIR/s/lf/root"
}
