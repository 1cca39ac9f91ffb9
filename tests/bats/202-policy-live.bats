#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Policies that come, change and go while a mount is in use: lamina policy apply, show and remove.

load ../lib/common
load ../lib/policy

setup() {
	test_dir
	make_tree
	mount_lamina -o policies
}

teardown() {
	[[ -z ${stuck:-} ]] || kill -CONT "$stuck"
	[[ ! -e mnt/etc ]] || umount mnt
	leak_check
}

# What a container may have looked at.
look_around() {
	ls -lR mnt >/dev/null
	cat mnt/etc/* mnt/app/code mnt/app/secrets/key mnt/srv/*/* >/dev/null
	stat mnt/app/link mnt/usr/bin/tool >/dev/null
}

@test "a policy holds for the next lookup and open, and its absence, too" {
	look_around
	inside "$(command -v bash)" -c "$(declare -f look_around); look_around"
	apply '{"maskedPaths": ["/etc/shadow", "/app/secrets"], "readonlyPaths": ["/srv"]}'
	py_inside policy outcomes "ENOENT stat mnt/etc/shadow" "ENOENT read mnt/etc/shadow" \
		"ENOENT stat mnt/app/secrets" "ENOENT read mnt/app/secrets/key" \
		"EROFS write mnt/srv/a/file" "success read mnt/srv/a/file"
	assert_equal "$(inside ls mnt/etc mnt/app | paste -sd' ')" "mnt/app: code link  mnt/etc: passwd"
	look_around
	apply '{"maskedPaths": ["/etc/passwd"]}'
	py_inside policy outcomes "success read mnt/etc/shadow" "ENOENT read mnt/etc/passwd" \
		"success read mnt/app/secrets/key" "success write mnt/srv/a/file"
	assert_equal "$(inside ls mnt/etc)" shadow
	lamina policy remove "$TEST_DIR/mnt"
	py_inside policy outcomes "success read mnt/etc/passwd" "success write mnt/etc/shadow"
	assert_equal "$(inside ls mnt/etc | paste -sd' ')" "passwd shadow"
}

@test "a process that runs is bound from one call to the next" {
	mkfifo go
	inside sh -c 'cat mnt/etc/shadow; read -r _ <go; cat mnt/etc/shadow; echo "$?"; read -r _ <go
		cat mnt/etc/shadow' >out 3>&- 2>&1 &
	wait_until grep -q root out
	apply '{"maskedPaths": ["/etc/shadow"]}'
	echo >go
	wait_until grep -q 1 out
	lamina policy remove "$TEST_DIR/mnt"
	echo >go
	wait "$!"
	assert_file out $'root\ncat: mnt/etc/shadow: No such file or directory\n1\nroot'
}

# host_goes_on: what the host does while a container holds all that it can get; a wait would be for ever.
host_goes_on() {
	assert_equal "$(within 60 cat mnt/etc/passwd)" users
	assert_equal "$(within 60 cat mnt/srv/*/file | paste -sd' ')" "a b"
	within 60 ls -lR mnt/app mnt/usr >/dev/null
	apply '{"maskedPaths": ["/etc/shadow", "/app"]}'
	py_inside policy outcomes "ENOENT read mnt/etc/shadow" "ENOENT stat mnt/app" "success read mnt/etc/passwd"
	assert grep -q /etc/shadow <<<"$(lamina policy show "$TEST_DIR/mnt")"
	lamina policy remove "$TEST_DIR/mnt"
	py_inside policy outcomes "success read mnt/etc/shadow"
}

# mount_with_few: the daemon may have 400 descriptors.
mount_with_few() {
	(
		ulimit -n 400
		mount_lamina -o policies
	)
}

@test "a bound container with a thousand open files, named and nameless, stops neither apply nor the host" {
	umount mnt
	mount_with_few
	apply '{"maskedPaths": ["/etc/shadow"]}'
	mkfifo tell go
	py_inside policy hold_open mnt/tmp 500 "$PWD/tell" "$PWD/go" 3>&- &
	assert_equal "$(within 60 cat tell)" opened
	host_goes_on
	echo >go
	wait "$!"
}

@test "the same where the upper is full: removing open files has an end, apply and the host go on" {
	umount mnt
	mkdir few
	mount -t tmpfs -o nr_inodes=1200 few few
	mkdir few/upper few/work
	rm -r upper work
	ln -s few/upper few/work .
	mount_with_few
	apply '{"maskedPaths": ["/etc/shadow"]}'
	mkfifo tell go
	py_inside policy hold_open_full mnt/tmp 400 "$PWD/tell" "$PWD/go" 3>&- &
	assert_equal "$(within 60 cat tell)" opened
	host_goes_on
	echo >go
	wait "$!"
	umount mnt
	wait_until umount few 2>/dev/null
}

# A layer on another mount of ours, whose daemon is stopped: reads of it wait.
mount_over_stuck_layer() {
	umount mnt
	rm -r upper work
	mkdir layer upper work
	for ((i = 0; i < 60; i++)); do echo "$i" >"lower/tmp/$i"; done
	lamina_mount -o "lowerdir=$PWD/lower,engine=fuse" layer
	stuck=$(daemons)
	LOWERS=layer mount_lamina -o policies
	mkdir mnt/new
	kill -STOP "$stuck"
}

@test "a policy comes and goes where the daemon gets no memory any more" {
	[[ $LAMINA_ENGINE != bpf ]] || skip "a view has no daemon"
	[[ $LAMINA_BIN != */sanitize/* ]] || skip "AddressSanitizer ends a process that gets no memory"
	policy '{"maskedPaths": ["/etc/shadow", "/app"]}'
	lamina policy show "$TEST_DIR/mnt" >/dev/null # the threads that serve it are there
	prlimit --pid "$(daemons)" --as="$(awk '/^VmSize:/ { print $2 * 1024 }' "/proc/$(daemons)/status")"
	for _ in 1 2 3; do
		lamina policy apply "$TEST_DIR/mnt" policy.json
		py_inside policy outcomes "ENOENT read mnt/etc/shadow"
		assert grep -q /etc/shadow <<<"$(lamina policy show "$TEST_DIR/mnt")"
		lamina policy remove "$TEST_DIR/mnt"
		py_inside policy outcomes "success read mnt/etc/shadow"
	done
}

@test "a bound container whose 60 processes wait for a layer does not stop apply" {
	[[ $LAMINA_ENGINE != bpf ]] || skip "a view has no daemon for requests to wait in"
	mount_over_stuck_layer
	readers=""
	for ((i = 0; i < 60; i++)); do
		inside cat "mnt/tmp/$i" >"out.$i" 3>&- &
		readers+=${readers:+,}$!
	done
	sleep 1 # until they wait; earlier, the test would pass without a reserve, too
	applied=0
	within 60 "$LAMINA_BIN/lamina" policy apply "$TEST_DIR/mnt" - \
		<<<'{"maskedPaths": ["/new/a"]}' || applied=$?
	shown=$(within 60 "$LAMINA_BIN/lamina" policy show "$TEST_DIR/mnt") || true
	kill -CONT "$stuck"
	for pid in ${readers//,/ }; do wait "$pid"; done
	assert_equal "$applied" 0
	assert grep -q /new/a <<<"$shown"
	assert_equal "$(sort -n out.* | paste -sd' ')" "$(seq 0 59 | paste -sd' ')"
	umount mnt
	umount layer
}

@test "what was opened before is what the reference says it is" {
	mkdir -p mnt/d/dir
	echo content >mnt/d/file
	echo inner >mnt/d/dir/inner
	mkfifo tell go
	py_inside policy old_fds mnt/d "$PWD/tell" "$PWD/go" 3>&- &
	read -r line <tell || true
	assert_equal "$line" opened
	apply '{"maskedPaths": ["/d/file", "/d/dir"]}'
	echo >go
	wait "$!"
	assert_equal "$(head -c 4 mnt/d/file)" cont
}

@test "O_PATH handles from before show no more than the reference says, whatever the host looks at" {
	mkdir mnt/d
	echo content >mnt/d/file
	ln -s before mnt/d/link
	mkfifo tell go
	py_inside policy old_paths mnt/d "$LAMINA_ENGINE" "$PWD/tell" "$PWD/go" 3>&- &
	read -r line <tell || true
	assert_equal "$line" opened
	apply '{"maskedPaths": ["/d/file", "/d/link"]}'
	echo more >>mnt/d/file
	ls -l mnt/d >/dev/null
	assert_equal "$(readlink mnt/d/link)" before
	echo >go
	wait "$!"
}

@test "what is mounted on a hidden name goes when a bound process looks the name up, as the reference says" {
	mkdir mnt/d lower/other
	mkdir mnt/hidden
	apply '{"maskedPaths": ["/hidden"]}'
	mount --bind lower/other mnt/hidden
	ls mnt/hidden >/dev/null
	assert mountpoint -q mnt/hidden
	py_inside policy outcomes "ENOENT stat mnt/hidden"
	if [[ $LAMINA_ENGINE == bpf ]]; then
		assert mountpoint -q mnt/hidden
		umount mnt/hidden
	else
		refute mountpoint -q mnt/hidden
	fi
}

@test "a file that was opened before a refusal goes on; what was not is refused" {
	mkfifo go
	inside sh -c 'exec 5<mnt/app/code 6>>mnt/app/.env 7<mnt/srv/a; echo opened; read -r _ <go; cat <&5
		echo more >&6; cat mnt/app/code; ls mnt/srv/a' >out 2>&1 3>&- &
	wait_until grep -qx opened out
	apply '{"rules": [{"paths": ["/**"], "access": ["read_file", "write_file", "read_dir"],
		"action": "ERRNO"}]}'
	echo >go
	wait "$!" || true
	grep -qx code out
	grep -q "mnt/app/code: Permission denied" out
	grep -q "mnt/srv/a.*: Permission denied" out
	assert_file mnt/app/.env $'variables\nmore'
}

@test "show prints what is in force, as text and as JSON" {
	assert_equal "$(lamina policy show "$TEST_DIR/mnt")" "no policy"
	assert_equal "$(lamina policy show --json "$TEST_DIR/mnt")" null
	policy '{"maskedPaths": ["/etc/shadow"]}' one.json
	policy '{"rules": [{"paths": ["/tmp/**"], "access": ["execute"], "action": "ERRNO",
		"comment": "no programs"}]}' two.json
	lamina policy apply "$TEST_DIR/mnt" one.json two.json
	assert_equal "$(lamina policy show "$TEST_DIR/mnt")" "$(lamina policy show one.json two.json)"
	assert_equal "$(lamina policy show --json "$TEST_DIR/mnt" | jq -r '.rules[2].comment')" \
		"no programs"
	lamina policy apply --dry-run "$TEST_DIR/mnt" one.json
	assert_equal "$(lamina policy show --json "$TEST_DIR/mnt" | jq -r '.files[].mode')" dry-run
	lamina policy compile two.json -o two
	lamina policy apply "$TEST_DIR/mnt" two
	assert_equal "$(lamina policy show "$TEST_DIR/mnt")" "$(lamina policy show two)"
}

@test "a mount is named by its path, also from where one is" {
	lamina policy apply mnt <(echo '{"maskedPaths": ["/etc/shadow"]}')
	py_inside policy outcomes "ENOENT stat mnt/etc/shadow"
	assert_equal "$(lamina policy show mnt/)" "$(lamina policy show mnt)"
	lamina policy remove mnt
	py_inside policy outcomes "success read mnt/etc/shadow"
	LAMINA_PODMAN=false run_expect 1 lamina policy remove etc
	assert_output_has "neither the path of a mount nor a container"
}

@test "a container comes before a directory of its name" {
	mkdir web
	printf '#!/bin/sh\necho "0123456789ab %s/mnt"\n' "$TEST_DIR" >podman
	chmod +x podman
	policy '{"maskedPaths": ["/etc/shadow"]}'
	LAMINA_PODMAN=$TEST_DIR/podman lamina policy apply web policy.json
	py_inside policy outcomes "ENOENT stat mnt/etc/shadow"
	LAMINA_PODMAN=$TEST_DIR/podman run_expect 1 lamina policy apply ./web policy.json
	assert_output_has "not the root of a mount"
}

@test "what is no policy changes nothing, and is one sentence" {
	apply '{"maskedPaths": ["/etc/shadow"]}'
	policy '{"maskedPaths": ["etc"]}' bad.json
	run_expect 1 lamina policy apply "$TEST_DIR/mnt" bad.json
	assert_equal "${#lines[@]}" 1
	assert_output_has "bad.json:1:18:"
	run_expect 1 lamina policy apply "$TEST_DIR/lower" policy.json
	assert_output_has "not the root of a mount"
	run_expect 1 lamina policy apply "$TEST_DIR/mnt/etc" policy.json
	run_expect 1 lamina policy apply "$TEST_DIR/nowhere" policy.json
	assert_output_has "No such file or directory"
	LAMINA_PODMAN=false run_expect 1 lamina policy apply no-such-container policy.json
	assert_output_has "neither the path of a mount nor a container"
	assert_equal "$(lamina policy show --json "$TEST_DIR/mnt" | jq -r '.rules[0].paths[0]')" \
		/etc/shadow
}

@test "only who made the mount talks to it: no bound process, no other user" {
	chmod 755 . lower
	apply '{"maskedPaths": ["/etc/shadow"]}'
	policy '{}' empty.json
	chmod a+r empty.json
	for command in "apply $TEST_DIR/mnt empty.json" "remove $TEST_DIR/mnt" "show $TEST_DIR/mnt" \
		"learn --seconds 1 $TEST_DIR/mnt"; do
		# shellcheck disable=SC2086
		run_expect 1 inside "$LAMINA_BIN/lamina" policy $command
		assert_output_has "only who mounted it may"
		# shellcheck disable=SC2086
		run_expect 1 as_user "$LAMINA_BIN/lamina" policy $command
	done
	run_expect 1 inside "$LAMINA_BIN/lamina" trace --policy "$TEST_DIR/mnt"
	run_expect 1 inside cat mnt/etc/shadow
}

@test "a request that is not as it should be is refused, and changes nothing" {
	mkdir scratch
	apply '{"maskedPaths": ["/etc/shadow"], "rules": [{"paths": ["/srv/**/*.x", "/tmp/a?"],
		"access": ["read_file"], "action": "ERRNO"}]}'
	if [[ $LAMINA_ENGINE == bpf ]]; then
		py control odd_data "$TEST_DIR/mnt"
	else
		py control odd_requests "$TEST_DIR/mnt"
		py control odd_fds "$TEST_DIR/mnt" "$TEST_DIR/scratch"
		py control odd_bundles "$TEST_DIR/mnt"
	fi
	run_expect 1 inside cat mnt/etc/shadow
}

@test "policies one after the other while the mount is in use: nothing hidden is ever seen" {
	mkdir mnt/d
	echo secret >mnt/d/secret
	echo other >mnt/d/other
	policy '{"maskedPaths": ["/d/secret"]}' one.json
	policy '{"maskedPaths": ["/d/secret", "/etc"], "readonlyPaths": ["/usr"]}' two.json
	lamina policy apply "$TEST_DIR/mnt" one.json
	py_inside policy race mnt/d secret 300 3>&- &
	bound=$!
	py policy race_outside mnt/d secret 300 3>&- &
	outside=$!
	n=0
	while kill -0 "$bound" 2>/dev/null; do
		lamina policy apply "$TEST_DIR/mnt" two.json
		lamina policy apply "$TEST_DIR/mnt" one.json
		n=$((n + 1))
	done
	wait "$bound"
	wait "$outside"
	assert test "$n" -gt 0
}

@test "what moves while a policy comes is treated as where it is then" {
	for ((i = 0; i < 50; i++)); do
		mkdir "mnt/from.$i" "mnt/from.$i/sub"
		echo secret >"mnt/from.$i/sub/secret"
	done
	inside ls -lR mnt >/dev/null
	py policy move_all mnt from to 50 3>&- &
	moving=$!
	policy '{"rules": [{"paths": ["/to.*/sub/secret"], "action": "ERRNO", "errno": "ENOENT"}]}'
	while kill -0 "$moving" 2>/dev/null; do
		lamina policy remove "$TEST_DIR/mnt"
		lamina policy apply "$TEST_DIR/mnt" policy.json
	done
	wait "$moving"
	for ((i = 0; i < 50; i++)); do
		echo "ENOENT read mnt/to.$i/sub/secret"
	done >steps
	mapfile -t steps <steps
	py_inside policy outcomes "${steps[@]}"
}

@test "a change comes through beside requests that take long" {
	# A copy-up of a directory holds its lock as long as it takes.
	mkdir lower/many
	for ((i = 0; i < 2000; i++)); do echo "$i"; done | (cd lower/many && split -l 1 - f)
	umount mnt
	wait_daemons_gone
	mount_lamina -o policies
	for round in 1 2 3; do
		mv mnt/many "mnt/many.$round" 3>&- &
		moving=$!
		apply '{"maskedPaths": ["/etc/shadow"]}'
		run_expect 1 inside cat mnt/etc/shadow
		wait "$moving"
		mv "mnt/many.$round" mnt/many
		lamina policy remove "$TEST_DIR/mnt"
	done
}

@test "a daemon that is killed in the middle of changes leaves nobody waiting" {
	local pids=()

	policy '{"maskedPaths": ["/etc/shadow", "/app", "/srv/a"]}' one.json
	policy '{"readonlyPaths": ["/"]}' two.json
	for _ in 1 2; do
		inside sh -c 'while ls -lR mnt >/dev/null; do :; done; while touch mnt/x; do :; done' \
			>/dev/null 2>&1 3>&- &
		pids+=($!)
		sh -c 'while mv mnt/app mnt/app2 && mv mnt/app2 mnt/app; do :; done' >/dev/null 2>&1 3>&- &
		pids+=($!)
		sh -c "while '$LAMINA_BIN/lamina' policy apply '$TEST_DIR/mnt' one.json &&
			'$LAMINA_BIN/lamina' policy apply '$TEST_DIR/mnt' two.json; do :; done" \
			>/dev/null 2>&1 3>&- &
		pids+=($!)
	done
	for ((i = 0; i < 50; i++)); do
		lamina policy apply "$TEST_DIR/mnt" one.json
	done
	kill_daemon
	for pid in "${pids[@]}"; do
		wait_until is_gone "$pid"
	done
	# Of a view that nobody used just then, nothing is left.
	[[ -z $(mounts_below "$PWD/mnt") ]] || umount -l mnt
}

is_gone() { ! kill -0 "$1" 2>/dev/null; }

@test "a mount that has been let go of says so, and with 'policies' it has not" {
	umount mnt
	wait_daemons_gone
	mount_lamina
	apply '{"maskedPaths": ["/etc/shadow"]}' # before anything was run
	run_expect 1 inside cat mnt/etc/shadow
	lamina policy remove "$TEST_DIR/mnt"
	inside mnt/usr/bin/tool
	apply '{"maskedPaths": ["/etc/shadow"]}' # there was one
	run_expect 1 inside cat mnt/etc/shadow
	umount mnt
	wait_daemons_gone
	mount_lamina
	inside mnt/usr/bin/tool
	policy '{"maskedPaths": ["/etc/shadow"]}'
	if lamina policy apply "$TEST_DIR/mnt" policy.json 2>message; then
		# An engine that needs nothing from the kernel for it.
		run_expect 1 inside cat mnt/etc/shadow
	else
		grep -q "mount with the option 'policies'" message
		inside cat mnt/etc/shadow
	fi
	umount mnt
	wait_daemons_gone
	mount_lamina -o policies
	inside mnt/usr/bin/tool
	apply '{"maskedPaths": ["/etc/shadow"]}'
	run_expect 1 inside cat mnt/etc/shadow
}

# ---- what can't be held up ----

# hold DIRECTORY: a bound process holds its lock, and the page of its listing, until it is released.
hold() {
	mkfifo tell go
	py_inside policy hold_directory "$1" "$PWD/tell" "$PWD/go" 3>&- &
	holder=$!
	read -r line <tell || true
	assert_equal "$line" holding
}

release() {
	echo >go
	wait "$holder"
}

@test "a process that holds a directory's lock holds up apply until its limit, and the policy is in force" {
	look_around
	inside "$(command -v bash)" -c "$(declare -f look_around); look_around"
	hold mnt/etc
	policy '{"maskedPaths": ["/etc/shadow", "/app/code"]}'
	if [[ $LAMINA_ENGINE == bpf ]]; then
		lamina policy apply --timeout 20 "$TEST_DIR/mnt" policy.json
	else
		run_expect 4 lamina policy apply --timeout 2 "$TEST_DIR/mnt" policy.json
		assert_equal "${#lines[@]}" 1
		assert_output_has "the policy is in force"
		assert_output_has "'/etc/shadow' again"
	fi
	py_inside policy outcomes "ENOENT read mnt/etc/shadow" "ENOENT stat mnt/app/code"
	assert_equal "$(rules)" "/app/code /etc/shadow"
	# Whatever is held up, the mount serves on, and takes other policies.
	for _ in 1 2 3; do
		run lamina policy apply --timeout 1 "$TEST_DIR/mnt" policy.json
		assert test "$status" -eq 4 -o "$LAMINA_ENGINE" = bpf
	done
	assert_file mnt/srv/a/file a
	run lamina policy remove --timeout 1 "$TEST_DIR/mnt"
	py_inside policy outcomes "success read mnt/app/code"
	release
	lamina policy apply "$TEST_DIR/mnt" policy.json
	assert_equal "$(inside ls mnt/etc)" passwd
}

@test "a lock that is let go within the limit is waited for" {
	look_around
	hold mnt/etc
	policy '{"maskedPaths": ["/etc/shadow"]}'
	{
		sleep 2 3>&-
		echo >go
	} &
	lamina policy apply --timeout "$(patience 30)" "$TEST_DIR/mnt" policy.json
	wait "$holder" "$!"
	py_inside policy outcomes "ENOENT read mnt/etc/shadow"
}

@test "nor does it hold up learning, or a rename of the host" {
	[[ $LAMINA_ENGINE != bpf ]] || skip "a view's kernel keeps no listing"
	apply '{"maskedPaths": ["/srv/*/hidden"]}'
	hold mnt/etc
	run_expect 1 lamina policy learn --seconds 1 "$TEST_DIR/mnt"
	assert_output_has "a process keeps the kernel from forgetting the listing of a directory"
	mkdir mnt/srv/c
	for name in one two three; do
		echo x >"mnt/srv/c/$name"
		mv "mnt/srv/c/$name" mnt/srv/c/hidden
		run_expect 1 inside cat mnt/srv/c/hidden
		rm mnt/srv/c/hidden
	done
	assert_file mnt/srv/a/file a
	release
}

# ---- several policies on one mount ----

# rules: the paths in force.
rules() {
	lamina policy show --json "$TEST_DIR/mnt" |
		jq -r '[.rules[] | select(.paths) | .paths[]] | sort | join(" ")'
}

# with_base: a mount that was given a policy which hides /etc/shadow.
with_base() {
	umount mnt
	wait_daemons_gone
	policy '{"maskedPaths": ["/etc/shadow"]}' base.json
	mount_lamina -o policy=base.json
}

@test "what the mount was given stays in force, whatever is applied and removed" {
	with_base
	policy '{"maskedPaths": ["/app"]}' other.json
	policy '{}' empty.json
	for file in other.json empty.json; do
		lamina policy apply "$TEST_DIR/mnt" "$file"
		run_expect 1 inside cat mnt/etc/shadow
		lamina policy apply --dry-run "$TEST_DIR/mnt" "$file"
		run_expect 1 inside cat mnt/etc/shadow
	done
	lamina policy apply "$TEST_DIR/mnt" other.json
	py_inside policy outcomes "ENOENT stat mnt/app" "ENOENT stat mnt/etc/shadow"
	run_expect 0 lamina policy remove "$TEST_DIR/mnt"
	assert_output_has "still in force: base.json (the mount's own)"
	py_inside policy outcomes "success stat mnt/app" "ENOENT stat mnt/etc/shadow"
	for option in "" --all; do
		# shellcheck disable=SC2086
		run_expect 0 lamina policy remove $option "$TEST_DIR/mnt"
		run_expect 1 inside cat mnt/etc/shadow
	done
	assert_equal "$(rules)" /etc/shadow
}

@test "no request takes away what the mount was given, or changes it" {
	[[ $LAMINA_ENGINE != bpf ]] || skip "a view takes no requests: its data are what is set"
	with_base
	py control base_stays "$TEST_DIR/mnt"
	run_expect 1 inside cat mnt/etc/shadow
}

# for_container NAME COMMAND...: lamina policy, where podman says that the mount is the container NAME's.
for_container() {
	printf '#!/bin/sh\necho "%s %s/mnt"\n' "$1" "$TEST_DIR" >"podman-$1"
	chmod +x "podman-$1"
	LAMINA_PODMAN=$TEST_DIR/podman-$1 lamina policy "$2" "${@:3}"
}

@test "two containers on one root file system: both policies are in force, and each goes by itself" {
	policy '{"maskedPaths": ["/etc/shadow"]}' one.json
	policy '{"maskedPaths": ["/app"]}' two.json
	policy '{"maskedPaths": ["/srv"]}' three.json
	for_container aaaaaaaaaaaa apply first one.json
	for_container bbbbbbbbbbbb apply second two.json
	py_inside policy outcomes "ENOENT stat mnt/etc/shadow" "ENOENT stat mnt/app"
	assert_equal "$(lamina policy show --json "$TEST_DIR/mnt" | jq -c '[.files[] | [.file, .container, .base]]')" \
		'[["one.json","aaaaaaaaaaaa",false],["two.json","bbbbbbbbbbbb",false]]'
	lamina policy show "$TEST_DIR/mnt" | tr -s ' ' | grep '^two.json 1 .* bbbbbbbbbbbb '
	# The part of a container takes the place of the one before, found by its id as well.
	lamina policy apply bbbbbb three.json
	py_inside policy outcomes "ENOENT stat mnt/etc/shadow" "success stat mnt/app" "ENOENT stat mnt/srv"
	run_expect 0 lamina policy remove aaaaaa
	assert_output_has "still in force: three.json (of bbbbbbbbbbbb)"
	py_inside policy outcomes "success stat mnt/etc/shadow" "ENOENT stat mnt/srv"
	lamina policy apply "$TEST_DIR/mnt" one.json
	run_expect 0 lamina policy remove "$TEST_DIR/mnt"
	assert_equal "$(rules)" /srv
	run_expect 0 lamina policy remove --all "$TEST_DIR/mnt"
	assert_equal "$output" ""
	assert_equal "$(lamina policy show "$TEST_DIR/mnt")" "no policy"
}

@test "the whole name of a container comes before the beginning of another one's" {
	policy '{"maskedPaths": ["/etc/shadow"]}' one.json
	policy '{"maskedPaths": ["/app"]}' two.json
	policy '{"maskedPaths": ["/srv"]}' three.json
	for_container web-server-10 apply ten one.json
	for_container web-server-1 apply one two.json
	export LAMINA_PODMAN=false
	lamina policy apply web-server-1 three.json
	assert_equal "$(rules)" "/etc/shadow /srv"
	run_expect 0 lamina policy remove web-server-1
	assert_output_has "still in force: one.json (of web-server-10)"
	assert_equal "$(rules)" /etc/shadow
	# So does what podman calls so, which has no policy yet.
	for_container web-server-1 apply web-server-1 two.json
	assert_equal "$(rules)" "/app /etc/shadow"
	lamina policy remove web-server-1 2>/dev/null
	for_container 0123456789ab apply web-server three.json
	assert_equal "$(lamina policy show --json "$TEST_DIR/mnt" | jq -c '[.files[].container]')" \
		'["web-server-10","0123456789ab"]'
}

@test "the beginning of more than one container's name is refused, with their names" {
	policy '{"maskedPaths": ["/etc/shadow"]}' one.json
	policy '{"maskedPaths": ["/app"]}' two.json
	for_container aaaaaaaaaaaa apply one one.json
	for_container aaaaaabbbbbb apply two two.json
	export LAMINA_PODMAN=false
	for command in "remove aaaaaa" "apply aaaaaa one.json" "show aaaaaa" "explain aaaaaa /app" \
		"learn --seconds 1 aaaaaa"; do
		# shellcheck disable=SC2086
		run_expect 1 lamina policy $command
		assert_equal "${#lines[@]}" 1
		assert_output_has "'aaaaaa' can be more than one container: 'aaaaaaaaaaaa' on '$TEST_DIR/mnt', 'aaaaaabbbbbb' on"
	done
	run_expect 1 lamina trace --policy aaaaaa
	assert_output_has "can be more than one container"
	assert_equal "$(rules)" "/app /etc/shadow"
	lamina policy remove aaaaaaa 2>/dev/null
	assert_equal "$(rules)" /app
	# podman finds none by the beginning of several of its ids, but each by the whole one.
	printf '#!/bin/sh\nfor id; do :; done\n[ "$id" != aaaaaabbbbbb ] || echo "$id %s/mnt"\n' "$TEST_DIR" >podman
	chmod +x podman
	LAMINA_PODMAN=$TEST_DIR/podman run_expect 1 lamina policy remove aaaaaa
	assert_output_has "'aaaaaa' can be more than one container of podman, 'aaaaaabbbbbb' among them"
	# One that podman knows by it, and another one that has a policy.
	run_expect 1 for_container aaaaaacccccc remove aaaaaa
	assert_output_has "'aaaaaabbbbbb' on '$TEST_DIR/mnt', 'aaaaaacccccc' on"
	assert_equal "$(rules)" /app
	lamina policy remove aaaaaabbbbbb
	assert_equal "$(rules)" ""
}

@test "the audit tells the container whose policy refused" {
	with_base
	policy '{"maskedPaths": ["/app"]}' two.json
	for_container bbbbbbbbbbbb apply second two.json
	run_expect 1 inside cat mnt/etc/shadow
	run_expect 2 inside ls mnt/app
	start_trace
	wait_until traced '.path == "/app" and .container == "bbbbbbbbbbbb" and .rule == "two.json:1"'
	traced '.path == "/etc/shadow" and .container == null and .rule == "base.json:1"'
	stop_trace
}

@test "many containers at once: no policy is lost, put in force or taken away" {
	local i pids=() pid

	with_base
	for ((i = 10; i < 30; i++)); do
		policy "{\"maskedPaths\": [\"/hidden-$i\"]}" "$i.json"
		for_container "container-$i" apply "c$i" "$i.json" 3>&- &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do
		wait "$pid"
	done
	assert_equal "$(rules)" "/etc/shadow $(echo /hidden-{10..29})"
	pids=()
	for ((i = 10; i < 30; i++)); do
		if ((i % 2)); then
			for_container "container-$i" remove "c$i" 2>/dev/null 3>&- &
		else
			for_container "container-$i" apply "c$i" "$i.json" 3>&- &
		fi
		pids+=($!)
	done
	for pid in "${pids[@]}"; do
		wait "$pid"
	done
	assert_equal "$(rules)" "/etc/shadow $(echo /hidden-{10..28..2})"
	run_expect 1 inside cat mnt/etc/shadow
}

@test "a compiled policy is in force alone, or not at all, and it is said what to do" {
	policy '{"maskedPaths": ["/etc/shadow"]}' one.json
	policy '{"maskedPaths": ["/app"]}' two.json
	lamina policy compile two.json -o two
	lamina policy apply "$TEST_DIR/mnt" one.json
	run_expect 1 for_container bbbbbbbbbbbb apply second two
	assert_equal "${#lines[@]}" 1
	assert_output_has "two: a compiled policy can't be put together with others; compile the sources"
	py_inside policy outcomes "ENOENT stat mnt/etc/shadow" "success stat mnt/app"
	umount mnt
	wait_daemons_gone
	mount_lamina -o policy=two
	run_expect 1 lamina policy apply "$TEST_DIR/mnt" one.json
	assert_output_has "two: a compiled policy can't be put together with others"
	py_inside policy outcomes "success stat mnt/etc/shadow" "ENOENT stat mnt/app"
	lamina policy remove "$TEST_DIR/mnt"
	py_inside policy outcomes "ENOENT stat mnt/app"
}
