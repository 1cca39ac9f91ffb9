#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The hook by itself: what it takes for a container's state, which container it refuses, and how it finds the mount.

load ../lib/common
load ../lib/policy

setup() {
	test_dir
	make_tree
	mount_lamina -o policies
	policy '{"maskedPaths": ["/etc/shadow"]}'
	mkdir bundle
	config '{"root": {"path": "../mnt"}, "linux": {"namespaces": [{"type": "pid"}, {"type": "mount"}]}}'
	start_container
}

teardown() {
	kill "$CONTAINER"
	wait "$CONTAINER" || true
	umount mnt
	leak_check
}

# config JSON: the configuration in the bundle.
config() { printf '%s' "$1" >bundle/config.json; }

# The first process of a container: in a mount namespace of its own.
start_container() {
	unshare -m --propagation private sleep 1000 3>&- &
	CONTAINER=$!
	wait_until elsewhere "$CONTAINER"
}

elsewhere() { [[ $(readlink "/proc/$1/ns/mnt") != $(readlink /proc/self/ns/mnt) ]]; }

# state [JQ]: the container's state, changed.
state() {
	jq -nc --arg bundle "$PWD/bundle" --argjson pid "$CONTAINER" --arg policy "$PWD/policy.json" \
		"{ociVersion: \"1.0.2\", id: \"0123456789abcdef\", status: \"creating\", pid: \$pid, bundle: \$bundle,
			annotations: {\"org.lamina.policy\": \$policy}} ${1:+| $1}"
}

hook() { "$LAMINA_BIN/lamina-hook" "$@"; }

# is_hidden: whether the policy is in force.
is_hidden() { ! inside test -e mnt/etc/shadow; }

# refuses STATE TEXT: the hook does, by one line on standard error with that in it, and no policy is in force.
refuses() {
	run_expect 1 hook <<<"$1"
	assert_equal "${#lines[@]}" 1
	assert_output_has "lamina-hook: "
	assert_output_has "$2"
	refute is_hidden
}

@test "a container's policy is in force, and goes when the container has ended" {
	state | hook
	assert is_hidden
	lamina policy show "$TEST_DIR/mnt" | grep ' 0123456789abcdef '
	state 'del(.pid) | .status = "stopped" | .annotations = {}' | hook
	refute is_hidden
	# crun names the root in the state.
	state ".root = \"$PWD/mnt\" | .bundle = \"/nowhere\"" | hook
	assert is_hidden
	rm -r bundle
	state 'del(.pid) | .status = "stopped"' | hook || true
	state ".root = \"$PWD/mnt\" | del(.pid) | .status = \"stopped\"" | hook
	refute is_hidden
}

@test "a container without a mount namespace of its own is refused: the policy would bind nothing" {
	config '{"root": {"path": "../mnt"}, "linux": {"namespaces": [{"type": "pid"}, {"type": "network"}]}}'
	refuses "$(state)" "the policy would bind none of its processes"
	refuses "$(state 'del(.pid)')" "the policy would bind none of its processes"
	for config in '{"root": {"path": "../mnt"}}' '{"root": {"path": "../mnt"}, "linux": {}}' \
		'{"root": {"path": "../mnt"}, "linux": {"namespaces": {"type": "mount"}}}'; do
		config "$config"
		refuses "$(state)" "the policy would bind none of its processes"
	done
	# One that is joined: whose it is, only a process tells.
	config '{"root": {"path": "../mnt"}, "linux": {"namespaces": [{"type": "mount", "path": "/proc/self/ns/mnt"}]}}'
	refuses "$(state 'del(.pid)')" "neither the container's state nor its configuration says"
	refuses "$(state '.pid = 0')" "neither the container's state nor its configuration says"
	rm bundle/config.json
	refuses "$(state "del(.pid) | .root = \"$PWD/mnt\"")" "neither the container's state nor its configuration says"
}

@test "a container that joins the namespace of the mount is refused, whatever its configuration says" {
	sleep 1000 3>&- &
	here=$!
	refuses "$(state ".pid = $here")" "the policy would bind none of its processes"
	rm bundle/config.json
	refuses "$(state ".pid = $here | .root = \"$PWD/mnt\"")" "the policy would bind none of its processes"
	kill "$here"
	wait "$here" || true
	refuses "$(state ".pid = $here | .root = \"$PWD/mnt\"")" "cannot look at the mount namespace of process $here"
}

@test "an annotation that is no text is an error, and not a container without a policy" {
	for value in 1 true null '{}' '["/p.json"]' '{"maskedPaths": []}'; do
		refuses "$(state ".annotations[\"org.lamina.policy\"] = $value")" "'org.lamina.policy' is no text"
		refuses "$(state ".annotations[\"org.lamina.policy.mode\"] = $value")" "'org.lamina.policy.mode' is no text"
	done
	refuses "$(state '.annotations["org.lamina.policy"] += "\u0000x"')" "'org.lamina.policy' is no text"
	refuses "$(state '.annotations["Org.Lamina.Policy"] = "/p.json"')" "Org.Lamina.Policy"
	for value in '"org.lamina.policy"' '["org.lamina.policy"]' 1; do
		refuses "$(state ".annotations = $value")" "'annotations' is no text"
	done
	# No annotations at all are no policy.
	state '.annotations = null' | hook
	state 'del(.annotations)' | hook
	state '.annotations = {"other": 1}' | hook
	refute is_hidden
}

@test "what is no state of a container is refused" {
	refuses "" "no state of a container"
	refuses "[]" "no state of a container"
	refuses "$(state)x" "no state of a container"
	refuses "$(state | cut -zc1-100)" "no state of a container"
	refuses "$(state 'del(.id)')" "has no id"
	refuses "$(state '.id = 1')" "has no id"
	refuses "$(state '.id = "a\u0000b"')" "has no id"
	refuses "$(state '.id = ("x" * 300)')" "the container's name is longer than 255 bytes"
	for pid in '"123"' 1.5 -5 null 99999999999; do
		refuses "$(state ".pid = $pid")" "the pid in the container's state is no number of a process"
	done
}

@test "a configuration that is no regular file, or no JSON, is neither waited for nor taken" {
	rm bundle/config.json
	mkfifo bundle/config.json
	refuses "$(state)" "config.json' is no regular file"
	rm bundle/config.json
	mkdir bundle/config.json
	refuses "$(state)" "config.json' is no regular file"
	rmdir bundle/config.json
	for text in '' '{' '[]' '{} x'; do
		config "$text"
		refuses "$(state)" "config.json' is no JSON object"
	done
	truncate -s 20M bundle/config.json
	refuses "$(state)" "cannot read the container's configuration"
}

@test "no message holds what a terminal takes for a command" {
	run_expect 1 hook <<<"$(state '.id = "a\u001b[2Jb\u009b1m" | .annotations["org.lamina.policy"] = "/\u001b]0;x\u0007\n"')"
	assert_equal "${#lines[@]}" 1
	refute grep -q $'[\x01-\x09\x0b-\x1f\x7f]' <<<"$output"
	assert_output_has 'a\033[2Jb\302\233'
	assert_output_has '/\033]0;x\007\012'
	refuses "$(state '.annotations["org.lamina.\u001b[2J"] = ""')" 'org.lamina.\033[2J'
	refuses "$(state '.annotations["org.lamina.policy.mode"] = "\u001bc"')" "'\033c'"
}

# ---- from another namespace ----

@test "a hook that runs elsewhere finds the namespace of the mount, past any number of strangers" {
	# Processes of another user, named as the mount program, each in a namespace of its own.
	chmod 755 .
	cp /bin/sleep lamina-mount
	chmod 755 lamina-mount
	strangers=()
	for ((i = 0; i < 80; i++)); do
		setpriv --reuid 1000 --regid 1000 --clear-groups unshare -Urm ./lamina-mount 1000 3>&- 2>/dev/null &
		strangers+=($!)
	done
	wait_until strangers_are_there 80
	inside "$LAMINA_BIN/lamina-hook" <<<"$(state)"
	assert is_hidden
	inside "$LAMINA_BIN/lamina-hook" <<<"$(state 'del(.pid) | .status = "stopped"')"
	refute is_hidden
	kill "${strangers[@]}"
	wait "${strangers[@]}" || true
}

strangers_are_there() { [[ $(pgrep -c -u 1000 -x lamina-mount) -ge $1 ]]; }

@test "also where nothing is written down about the mount" {
	move_records
	[[ $LAMINA_ENGINE == bpf ]] || assert test -e record
	inside "$LAMINA_BIN/lamina-hook" <<<"$(state)"
	assert is_hidden
	inside "$LAMINA_BIN/lamina-hook" <<<"$(state 'del(.pid) | .status = "stopped"')"
	refute is_hidden
	move_records back
}

# The record of the mount is away, or back.
move_records() {
	local name

	name=$(stat -c %d mnt)
	name=$((name >> 8 & 0xfff)):$(((name & 0xff) | (name >> 12 & 0xfff00)))
	if [[ ${1:-} == back ]]; then
		[[ ! -e record ]] || cp record "/run/lamina/$name"
	elif [[ -e /run/lamina/$name ]]; then
		cp "/run/lamina/$name" record
		rm "/run/lamina/$name"
	fi
}

@test "a container in the namespace of the mount is refused by a hook elsewhere, too" {
	sleep 1000 3>&- &
	here=$!
	run_expect 1 inside "$LAMINA_BIN/lamina-hook" <<<"$(state ".pid = $here")"
	assert_output_has "the policy would bind none of its processes"
	refute is_hidden
	kill "$here"
	wait "$here" || true
}

@test "the hook ends in time, too, when a container holds a directory's lock" {
	mkfifo tell go
	ls mnt/etc >/dev/null
	cat mnt/etc/shadow >/dev/null
	py_inside policy hold_directory mnt/etc "$PWD/tell" "$PWD/go" 3>&- &
	holder=$!
	read -r line <tell || true
	assert_equal "$line" holding
	if [[ $LAMINA_ENGINE == bpf ]]; then
		state | hook
	else
		run_expect 1 hook <<<"$(state)"
		assert_output_has "the policy is in force, but"
	fi
	assert is_hidden
	echo >go
	wait "$holder"
}
