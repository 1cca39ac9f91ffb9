# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# What every bats file uses: a scene to mount in, mounting, assertions, and the leak check.
#
# From the environment (see tests/run-all):
#   LAMINA_BIN     where the programs are
#   LAMINA_TOOLS   where the test tools are
#   LAMINA_ENGINE  the engine under test: fuse, passthrough, or, in the VM, bpf

# Some tests source this in shells of their own.
if [[ $(type -t bats_require_minimum_version) == function ]]; then
	bats_require_minimum_version 1.5.0
fi

LAMINA_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
LAMINA_BIN=${LAMINA_BIN:-$LAMINA_ROOT/build/bin}
LAMINA_TOOLS=${LAMINA_TOOLS:-$LAMINA_ROOT/build/tests}
LAMINA_ENGINE=${LAMINA_ENGINE:-fuse}
export LAMINA_BIN LAMINA_TOOLS LAMINA_ENGINE

# shellcheck source-path=SCRIPTDIR source=../../scripts/patience.bash
. "$LAMINA_ROOT/scripts/patience.bash"

# ---- scenes ----

# A file system of its own for each file: ext4 in memory, so that nothing depends on the machine's
# disk. $SCENE is its mountpoint. To be called from setup_file.
scene_create() {
	local size=${1:-256M}

	SCENE_BASE=$(mktemp -d /tmp/lamina-test.XXXXXX)
	mount -t tmpfs -o "size=2g,mode=0755" lamina-test "$SCENE_BASE"
	truncate -s "$size" "$SCENE_BASE/image"
	mkfs.ext4 -q -F -I 256 -O ^metadata_csum "$SCENE_BASE/image"
	mkdir "$SCENE_BASE/fs"
	mount -o loop,user_xattr,acl "$SCENE_BASE/image" "$SCENE_BASE/fs"
	rmdir "$SCENE_BASE/fs/lost+found"
	SCENE=$SCENE_BASE/fs
	CASES_SOCKET=$SCENE_BASE/cases
	export SCENE SCENE_BASE CASES_SOCKET
	python3 "$LAMINA_ROOT/tests/lib/cases-server.py" "$CASES_SOCKET" 3>&- &
	CASES_SERVER=$!
	export CASES_SERVER
}

# To be called from teardown_file.
scene_destroy() {
	cd /
	kill "$CASES_SERVER"
	umount "$SCENE_BASE/fs" || umount -l "$SCENE_BASE/fs"
	umount "$SCENE_BASE" || umount -l "$SCENE_BASE"
	rmdir "$SCENE_BASE"
}

# An empty directory for one test, with lower, upper, work and mnt; becomes the working directory.
test_dir() {
	export TEST_DIR=$SCENE/$BATS_TEST_NUMBER
	mkdir "$TEST_DIR"
	cd "$TEST_DIR" || return 1
	mkdir lower upper work mnt
}

# ---- mounting ----

# What lamina-mount says of mounts that engine bpf can't carry, as far as tests have such.
NOT_BPF='squash_to_\*|xattr_permissions|noxattrs|noacl|static_nlink|override_stat|whiteouts in attributes'
NOT_BPF+='|whiteouts named \.wh\.|writeback|cannot show mapped ids|inode numbers change'

# lamina_mount WORD...: the mount program. A test that asks engine bpf for what it can't carry is
# skipped, and says what the program has said: the mount is the probe.
lamina_mount() {
	local said status=0

	if [[ $LAMINA_ENGINE != bpf ]]; then
		"$LAMINA_BIN/lamina-mount" "$@"
		return
	fi
	"$LAMINA_BIN/lamina-mount" "$@" 2>"$BATS_TEST_TMPDIR/said" || status=$?
	said=$(<"$BATS_TEST_TMPDIR/said")
	[[ -z $said ]] || echo "$said" >&2
	[[ $status == 0 || ! $said =~ engine\ bpf\ does\ not\ work\ here.*($NOT_BPF) ]] || skip "$said"
	return "$status"
}

# mount_lamina [-o OPTIONS] [MOUNTPOINT]: lower, upper and work of the test on mnt by default.
# Options given are added. Fails if mounting does.
mount_lamina() {
	local extra="" target=mnt

	if [[ ${1:-} == -o ]]; then
		extra=,$2
		shift 2
	fi
	[[ $# -eq 0 ]] || target=$1
	lamina_mount -o "lowerdir=${LOWERS:-lower},upperdir=upper,workdir=work,engine=$LAMINA_ENGINE$extra" \
		"$target"
}

# A mount without an upper.
mount_read_only() {
	lamina_mount -o "lowerdir=${LOWERS:-lower},engine=$LAMINA_ENGINE" "${1:-mnt}"
}

mount_overlay() {
	mount -t overlay overlay \
		-o "lowerdir=${LOWERS:-lower},upperdir=upper,workdir=work${1:+,$1}" mnt
}

# Layers with redirects and metacopies, which overlayfs writes where it is asked to.
needs_redirects() {
	[[ $LAMINA_ENGINE != bpf ]] || skip "engine bpf follows no redirects and metacopies: docs/compatibility.md"
}

# Unmount and wait until the daemon is gone.
umount_lamina() {
	local target=${1:-mnt}

	umount "$target"
	wait_daemons_gone
}

remount_lamina() {
	umount_lamina
	mount_lamina "$@"
}

# processes NAME...: the pids of the test's processes. What they hold open need not lie below its
# directory, but the environment tells.
processes() {
	"$LAMINA_TOOLS/tasks" list "TEST_DIR=$TEST_DIR" "$@"
}

daemons() {
	processes lamina-mount
}

# kill_daemon [MOUNTPOINT]: it dies, and the mount with it. Views live on without their server, so
# such a one is aborted.
kill_daemon() {
	local pids

	pids=$(processes lamina-keeper lamina-mount)
	# shellcheck disable=SC2086
	kill -KILL $pids
	wait_daemons_gone
	if [[ $LAMINA_ENGINE == bpf ]]; then
		umount -f "${1:-mnt}" 2>/dev/null || true # busy: it stays, and is as dead
	fi
}

# Also those that would start a daemon again.
wait_daemons_gone() {
	"$LAMINA_TOOLS/tasks" gone "$(patience 30)" "TEST_DIR=$TEST_DIR" lamina-mount lamina-keeper && return
	echo "daemon still there: $(daemons)" >&2
	show_stuck
	return 1
}

# What wait_until() is about.
stuck_processes() { processes lamina-keeper lamina-mount; }

# ---- running commands ----

# run_expect STATUS COMMAND...: run, log command, status and output, compare the status.
# $output and $status are bats' own.
run_expect() {
	local expected=$1
	shift
	# shellcheck disable=SC2034
	run "$@"
	echo "\$ $*"
	echo "-> $status"
	echo "$output"
	if [[ $status -ne $expected ]]; then
		echo "expected status $expected, got $status" >&2
		return 1
	fi
}

# A command of an ordinary user, in one group more than the own one.
as_user() {
	setpriv --reuid 1000 --regid 1000 --groups 1000,2000 --inh-caps=-all --bounding-set=-all "$@"
}

# A case of a Python file in tests/cases: `py FILE CASE [ARGUMENT...]`.
py() {
	if [[ -S ${CASES_SOCKET:-} ]]; then
		"$LAMINA_TOOLS/runcase" "$CASES_SOCKET" "$@"
	else
		python3 "$LAMINA_ROOT/tests/cases/$1.py" "${@:2}"
	fi
}

# ---- assertions ----

assert() {
	if ! "$@"; then
		echo "does not hold: $*" >&2
		return 1
	fi
}

# What must fail: bats does not notice a bare `! command` that succeeds.
refute() {
	if "$@"; then
		echo "should not hold: $*" >&2
		return 1
	fi
}

assert_equal() {
	if [[ $1 != "$2" ]]; then
		printf 'expected: %s\nactual:   %s\n' "$2" "$1" >&2
		return 1
	fi
}

# assert_file PATH CONTENT
assert_file() {
	assert_equal "$(cat "$1")" "$2"
}

assert_missing() {
	if [[ -e $1 || -L $1 ]]; then
		echo "should not exist: $1" >&2
		return 1
	fi
}

# assert_names DIRECTORY NAME...: exactly these, hidden ones too, in any order.
assert_names() {
	local dir=$1 name
	local -A expected=() found=()

	shift
	for name; do expected[$name]=1; done
	for name in "$dir"/* "$dir"/.[!.]* "$dir"/..?*; do
		[[ ! -e $name && ! -L $name ]] || found[${name#"$dir/"}]=1
	done
	for name in "${!expected[@]}" "${!found[@]}"; do
		if [[ -z ${expected[$name]:-} || -z ${found[$name]:-} ]]; then
			printf 'names in %s: expected %s\nactual %s\n' "$dir" "${!expected[*]}" "${!found[*]}" >&2
			return 1
		fi
	done
}

assert_output_has() {
	if [[ $output != *"$1"* ]]; then
		printf 'expected in the output: %s\nactual output: %s\n' "$1" "$output" >&2
		return 1
	fi
}

# One line, and nothing else, on what went wrong.
assert_one_sentence() {
	assert_equal "${#lines[@]}" 1
	assert_output_has "lamina-mount: "
	local what
	for what in "$@"; do
		assert_output_has "$what"
	done
}

# A character device 0:0.
assert_whiteout() {
	assert_equal "$(stat -c '%F %t:%T' "$1")" "character special file 0:0"
}

# What lies in a directory of a layer, one "TYPE PATH" a line: find's letters, w for a whiteout 0:0.
contents() {
	"$LAMINA_TOOLS/tree" contents "$1"
}

# assert_contents DIRECTORY "TYPE PATH"...: exactly these, in any order.
assert_contents() {
	local dir=$1
	shift
	assert_equal "$(contents "$dir")" "$(printf '%s\n' "$@" | LC_ALL=C sort | sed '/^$/d')"
}

# picture [-t] DIRECTORY: what a user sees of a tree, as text to be compared; with -t also times.
# Left out is what differs from one mount to another: numbers, sizes and link counts of directories,
# and Lamina's own attributes, which overlayfs shows.
picture() {
	if [[ $1 == -t ]]; then
		"$LAMINA_TOOLS/tree" picture-t "$2"
	else
		"$LAMINA_TOOLS/tree" picture "$1"
	fi
}

# assert_picture FILE [-t] DIRECTORY: it still looks as when `picture` wrote the file.
assert_picture() {
	local before=$1
	shift
	picture "$@" | diff -u --label expected --label actual "$before" - >&2
}

# After work on mnt: a remount shows the same, and so does overlayfs over the same upper.
assert_kept() {
	picture -t mnt >before
	remount_lamina
	assert_picture before -t mnt
	umount_lamina
	mount_overlay
	assert_picture before -t mnt
	umount mnt
}

# A checksum of everything in a directory: names, attributes but access times, content, xattrs.
fingerprint() {
	"$LAMINA_TOOLS/tree" fingerprint "$1"
}

# Layers are never written: mark_lower before, assert_lower_unchanged after.
mark_lower() { fingerprint "${1:-lower}" >lower.mark; }
assert_lower_unchanged() { assert_equal "$(fingerprint "${1:-lower}")" "$(cat lower.mark)"; }

# ---- leaks ----

# What is mounted below a directory, the last one first.
mounts_below() {
	local target left=""

	while read -r _ _ _ _ target _; do
		[[ $target != "$1"* ]] || left="$target $left"
	done </proc/self/mountinfo
	echo "${left% }"
}

# Nothing of the test may stay: mounts, daemons. To be called from teardown.
leak_check() {
	local left
	cd /
	# A test that hung was ended, but what it waited for is still there.
	[[ -z ${BATS_TIMED_OUT:-} ]] || show_stuck
	left=$(mounts_below "$TEST_DIR/")
	if [[ -n $left ]]; then
		# shellcheck disable=SC2086
		umount -l $left || true
	fi
	wait_daemons_gone || { processes lamina-keeper lamina-mount | xargs -r kill -9; return 1; }
	# A test that failed may well have left its mount; one that passed must not.
	if [[ -n $left && ${BATS_TEST_COMPLETED:-} == 1 ]]; then
		echo "left mounted: $left" >&2
		return 1
	fi
}

# What every file does, unless it has its own.
setup_file() { scene_create; }
teardown_file() { scene_destroy; }
setup() { test_dir; }
teardown() { leak_check; }
