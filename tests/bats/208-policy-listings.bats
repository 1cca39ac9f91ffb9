#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Listings under a policy: bound and exempt processes share nothing that the kernel keeps of a directory.

load ../lib/common
load ../lib/policy

setup() {
	test_dir
	make_tree
	mkdir lower/d
	for ((i = 0; i < 40; i++)); do
		echo "$i" >"lower/d/name-$i"
	done
	echo secret >lower/d/hidden
	policy '{"maskedPaths": ["/d/hidden"]}'
	# Listings of each side; the VM is slow.
	LISTINGS=${LAMINA_LISTINGS:-60000}
	[[ $LAMINA_ENGINE != bpf || -n ${LAMINA_LISTINGS:-} ]] || LISTINGS=2000
}

teardown() {
	touch stop # what lists until it is told to end
	[[ ! -e mnt/etc ]] || umount mnt
	leak_check
}

# lists_inside, lists_outside [COUNT]: list mnt/d so often, by several processes at once, bound and exempt ones.
lists_inside() {
	inside "$LAMINA_TOOLS/lists" mnt/d hidden unseen 40 "${1:-$LISTINGS}" 6 3>&-
}

lists_outside() {
	"$LAMINA_TOOLS/lists" mnt/d hidden seen 40 "${1:-$LISTINGS}" 2 3>&-
}

# apply FILE: a process with less than its share of the time may have the directory's lock.
apply() {
	lamina policy apply --timeout "$(patience 10)" "$TEST_DIR/mnt" "$1"
}

# Both at once; each prints one line.
lists_on_both_sides() {
	lists_outside "$@" >outside &
	outside=$!
	run_expect 0 lists_inside "$@"
	wait "$outside"
}

@test "exempt processes never miss a name that is hidden from bound ones, which never see it" {
	mount_lamina -o policy=policy.json
	lists_on_both_sides
	assert_output_has " 0 wrong, 0 stale"
	grep -q " 0 wrong, 0 stale" outside
}

@test "the same while policies come, one after the other" {
	policy '{"maskedPaths": ["/d/hidden", "/etc/shadow"], "readonlyPaths": ["/d"]}' two.json
	mount_lamina -o policies
	lamina policy apply "$TEST_DIR/mnt" policy.json
	lists_on_both_sides >inside &
	both=$!
	n=0
	while kill -0 "$both" 2>/dev/null; do
		apply two.json
		apply policy.json
		n=$((n + 1))
	done
	wait "$both"
	assert test "$n" -gt 0
	grep -q " 0 wrong, 0 stale" outside
}

@test "a policy that comes and goes: exempt processes miss nothing, and bound ones see nothing under it" {
	mount_lamina -o policies
	# Bound processes that list all the time fill what the kernel keeps; what they see is not looked at.
	inside sh -c 'while [ ! -e stop ]; do ls mnt/d; done' >/dev/null 2>&1 3>&- &
	filling=$!
	lists_outside >outside &
	outside=$!
	while kill -0 "$outside" 2>/dev/null; do
		apply policy.json
		for _ in 1 2 3; do
			refute inside sh -c 'ls mnt/d | grep -x hidden'
		done
		lamina policy remove --timeout "$(patience 10)" "$TEST_DIR/mnt"
	done
	wait "$outside"
	touch stop
	wait "$filling"
	grep -q " 0 wrong" outside
}

@test "a handle from before the policy lists nothing that is hidden, and misses nothing" {
	mount_lamina -o policies
	mkfifo tell go
	for side in inside env; do
		"$side" python3 "$LAMINA_ROOT/tests/cases/policy.py" old_listing mnt/d hidden "$side" "$LAMINA_ENGINE" \
			"$PWD/tell" "$PWD/go" 3>&- &
		pid=$!
		read -r line <tell || true
		assert_equal "$line" opened
		lamina policy apply "$TEST_DIR/mnt" policy.json
		echo >go
		wait "$pid"
		lamina policy remove "$TEST_DIR/mnt"
	done
}

@test "a handle from before a directory is moved to where names are hidden is as one from before the policy" {
	mount_lamina -o policies
	policy '{"maskedPaths": ["/srv/*/hidden"]}'
	lamina policy apply "$TEST_DIR/mnt" policy.json
	mkfifo tell go
	py_inside policy old_listing mnt/d hidden inside "$LAMINA_ENGINE" "$PWD/tell" "$PWD/go" 3>&- &
	read -r line <tell || true
	assert_equal "$line" opened
	mv mnt/d mnt/srv/d
	echo >go
	wait "$!"
}

@test "a name that is made after the policy and hidden by it is in no listing, by no handle" {
	mount_lamina -o policies
	policy '{"rules": [{"paths": ["/**/.secret*"], "action": "ERRNO", "errno": "ENOENT"}]}'
	lamina policy apply "$TEST_DIR/mnt" policy.json
	mkfifo tell go
	py_inside policy later_name mnt/srv/a .secret-1 "$PWD/tell" "$PWD/go" 3>&- &
	read -r line <tell || true
	assert_equal "$line" listed
	touch mnt/srv/a/.secret-1
	assert_equal "$(ls -A mnt/srv/a | sort | paste -sd" ")" ".secret-1 file"
	echo >go
	wait "$!"
}

# What opens a handle in mnt/d, tells of it by a fifo, and goes on when it is told to.
begin_undisturbed() {
	mkfifo tell go
	py_inside policy undisturbed mnt/d hidden "$PWD/tell" "$PWD/go" 3>&- &
	undisturbed=$!
	read -r line <tell || true
	assert_equal "$line" opened
}

@test "a dry run disturbs no handle from before" {
	mount_lamina -o policies
	begin_undisturbed
	lamina policy apply --dry-run "$TEST_DIR/mnt" policy.json
	echo >go
	wait "$undisturbed"
}

@test "learning disturbs no handle from before, and learns what is listed by it" {
	mount_lamina -o policies
	begin_undisturbed
	# It begins with the first program; the case removes `go` when it has done its work.
	run_expect 0 lamina policy learn --output learned.json "$TEST_DIR/mnt" -- \
		sh -c 'unshare -m --propagation private mnt/usr/bin/tool; echo >go; while [ -e go ]; do sleep 0.05; done'
	wait "$undisturbed"
	jq -e '[.rules[] | select(.access == ["read_dir"]) | .paths[]] == ["/d"]' learned.json
}

@test "what a listing is refused for is not had from what an exempt process has read" {
	mount_lamina -o policies
	policy '{"rules": [{"paths": ["/d"], "access": ["read_dir"], "action": "ERRNO"}]}'
	ls mnt/d >/dev/null
	inside ls mnt/d >/dev/null
	lamina policy apply "$TEST_DIR/mnt" policy.json
	for _ in 1 2 3; do
		run_expect 2 inside ls mnt/d
		assert_equal "$(ls mnt/d | wc -l)" 41
	done
}

@test "a policy that comes late: one that hides is taken only where nothing is shared by then" {
	mount_lamina
	inside mnt/usr/bin/tool
	ls mnt/d >/dev/null
	if lamina policy apply "$TEST_DIR/mnt" policy.json 2>message; then
		[[ $LAMINA_ENGINE == bpf ]]
	else
		grep -q "mount with the option 'policies'" message
		assert_equal "$(lamina policy show "$TEST_DIR/mnt")" "no policy"
	fi
	policy '{"rules": [{"paths": ["/etc/shadow"], "access": ["read_file"], "action": "ERRNO"}]}'
	if lamina policy apply "$TEST_DIR/mnt" policy.json 2>message; then
		run_expect 1 inside cat mnt/etc/shadow
	else
		assert_equal "$LAMINA_ENGINE" fuse
	fi
}
