#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The audit of policies: lamina trace --policy.

load ../lib/common
load ../lib/policy

setup() {
	test_dir
	make_tree
	mount_lamina -o policies
}

teardown() {
	umount mnt 2>/dev/null || true
	leak_check
}

# The last line of the audit that fulfils a condition.
line() { jq -sc "[.[] | select($1)] | last" trace.out; }

@test "a refusal is a line with who, what, by which access, and which rule" {
	policy '{
		"maskedPaths": ["/etc/shadow"],
		"rules": [
			{"paths": ["/app/*"], "access": ["write_file"], "action": "ERRNO", "errno": "EPERM"},
			{"paths": ["/srv/**"], "access": ["read_file"], "action": "LOG"}
		]
	}'
	lamina policy apply "$TEST_DIR/mnt" policy.json
	run_expect 1 inside cat mnt/etc/shadow
	run_expect 2 inside sh -c 'echo x >>mnt/app/code'
	inside cat mnt/srv/a/file
	start_trace
	wait_until traced '.path == "/srv/a/file"'
	assert_equal "$(line '.path == "/etc/shadow"' | jq -c '[.access, .verdict, .errno, .rule, .comm]')" \
		'["see","hidden","ENOENT","policy.json:2","cat"]'
	assert_equal "$(line '.path == "/app/code"' | jq -c '[.access, .verdict, .errno, .rule]')" \
		'["write_file","refused","EPERM","policy.json:4"]'
	assert_equal "$(line '.path == "/srv/a/file"' | jq -c '[.access, .verdict, .errno, .rule]')" \
		'["read_file","logged",null,"policy.json:5"]'
	# In views it is only known of processes that have not ended.
	[[ $LAMINA_ENGINE == bpf && $(line true | jq -r '.exe') == "" ]] ||
		assert_equal "$(line true | jq -r '.exe')" "$(readlink -f "$(command -v cat)")"
	assert_equal "$(line true | jq -r '.mount')" "$TEST_DIR/mnt"
	line true | jq -e '.container == null and .pid > 1 and (.time | test("^20..-.*Z$"))'
	stop_trace
}

@test "without --follow, what there is is printed, and then it ends" {
	apply '{"maskedPaths": ["/etc/shadow"], "rules": [
		{"paths": ["/app/*"], "access": ["read_file"], "action": "LOG"}]}'
	run_expect 0 timeout "$(patience 60)" "$LAMINA_BIN/lamina" trace --policy "$TEST_DIR/mnt"
	assert_equal "${#lines[@]}" 1
	[[ ${lines[0]} == TIME* ]]
	inside cat mnt/app/code >/dev/null
	run_expect 1 inside cat mnt/etc/shadow
	wait_until past_has 2
	run_expect 0 timeout "$(patience 60)" "$LAMINA_BIN/lamina" trace --policy --earlier "$TEST_DIR/mnt"
	assert_equal "$(tr -s ' ' <<<"${lines[0]}")" "TIME CONTAINER PID COMM ACCESS VERDICT ERRNO RULE PATH"
	[[ $(tr -s ' ' <<<"${lines[1]}") =~ ^20[^\ ]*Z\ -\ [0-9]+\ cat\ read_file\ logged\ -\ policy.json:2\ /app/code$ ]]
	[[ $(tr -s ' ' <<<"${lines[2]}") =~ \ see\ hidden\ ENOENT\ policy.json:1\ /etc/shadow$ ]]
	# Columns are named as the fields.
	lamina trace --policy --json "$TEST_DIR/mnt" >trace.out
	for name in ${lines[0],,}; do
		[[ $name == errno ]] || traced "has(\"$name\")"
	done
	# All mounts, also through a pipe.
	run_expect 0 bash -c "'$LAMINA_BIN/lamina' trace --policy --json | grep -c '/app/code'"
	umount mnt
}

# past_has N: so many lines.
past_has() { [[ $(lamina trace --policy --json "$TEST_DIR/mnt" | wc -l) -ge $1 ]]; }

@test "--seconds goes on for that long" {
	apply '{"maskedPaths": ["/etc/shadow"]}'
	lamina trace --policy --seconds 3 --json "$TEST_DIR/mnt" >trace.out 3>&- &
	tracing=$!
	wait_until eval 'inside cat mnt/etc/shadow 2>/dev/null; grep -q shadow trace.out'
	wait "$tracing"
	umount mnt
}

@test "following ends when the reader has gone, though nothing happens any more" {
	apply '{"maskedPaths": ["/etc/shadow"]}'
	# The first line names the columns; after it the reader goes.
	lamina trace --policy --follow "$TEST_DIR/mnt" 3>&- > >(head -n 1 >first) &
	wait_until test -s first
	ended() { ! kill -0 "$!" 2>/dev/null; }
	wait_until ended
	assert grep -q CONTAINER first
	umount mnt
}

@test "what a dry run would have refused is told, and who is not bound is not" {
	policy '{"maskedPaths": ["/etc/shadow"], "rules": [
		{"paths": ["/app/*"], "access": ["read_file"], "action": "ERRNO"}]}'
	lamina policy apply --dry-run "$TEST_DIR/mnt" policy.json
	cat mnt/app/code mnt/etc/shadow
	inside cat mnt/app/.env mnt/etc/shadow
	start_trace
	wait_until traced '.path == "/etc/shadow"'
	assert_equal "$(line '.path == "/app/.env"' | jq -c '[.verdict, .errno]')" \
		'["would be refused","EACCES"]'
	refute traced '.path == "/app/code"'
	stop_trace
}

@test "lines come as it happens, to each listener, until the mount is gone" {
	apply '{"rules": [{"paths": ["/app/*"], "access": ["read_file"], "action": "LOG"}]}'
	start_trace
	lamina trace --policy --follow --json >all.out 3>&- &
	all=$!
	for name in code .env; do
		wait_until listened "$name"
	done
	umount mnt
	wait "$TRACE"
	kill "$all"
	wait "$all"
	jq -se 'map(.path) | contains(["/app/code", "/app/.env"])' trace.out all.out
}

# Whether both listeners have told of it; the second may not have come yet when it first happens.
listened() {
	inside cat "mnt/app/$1" >/dev/null
	grep -q "$1" trace.out && grep -q "$1" all.out
}

@test "names that are no text, or would be something else in JSON, are told apart" {
	apply '{"rules": [{"paths": ["/**"], "access": ["make_reg"], "action": "ERRNO"}]}'
	for name in $'new\nline' 'quo"te' 'back\slash' $'\x80raw' $'\xc3\xa9'; do
		run_expect 1 inside touch "mnt/$name"
	done
	start_trace
	wait_until traced '.path == "/é"'
	for path in '/new\nline' '/quo\"te' '/back\\slash' '/\u0080raw'; do
		traced ".path == \"$path\""
	done
	stop_trace
}

@test "lines are limited, and it is said how many were left out" {
	apply '{"rules": [{"paths": ["/app/code"], "access": ["read_file"], "action": "ERRNO"}]}'
	start_trace
	local started=$SECONDS lines most
	py_inside policy attempts mnt/app/code 20000
	# The next line that may be written says it.
	wait_until all_are_told 20000
	lines=$(jq -s 'map(select(.time)) | length' trace.out)
	# 2000 at once, and 500 a second (base/limits.h). Who is slow gets them all.
	most=$((2000 + 500 * (SECONDS - started + 1)))
	[[ $lines -le $most ]]
	[[ $most -ge 20000 ]] || traced '.dropped > 0'
	stop_trace
}

# Each further refusal may be the line that tells of those before.
all_are_told() {
	run inside cat mnt/app/code
	EXTRA=$((${EXTRA:-0} + 1))
	jq -se "map(if .time then 1 else 0 end + (.dropped // 0)) | add >= $1" trace.out >/dev/null
}

@test "a listener that does not read holds nobody up" {
	apply '{"rules": [{"paths": ["/app/code"], "access": ["read_file"], "action": "ERRNO"}]}'
	mkfifo full
	exec 7<>full
	lamina trace --policy --follow --json "$TEST_DIR/mnt" >full 3>&- &
	tracing=$!
	py_inside policy attempts mnt/app/code 5000
	kill -STOP "$tracing"
	py_inside policy attempts mnt/app/code 5000
	kill -CONT "$tracing"
	kill "$tracing"
	exec 7>&-
	wait "$tracing" || true
}

@test "there are not more listeners than a mount bears" {
	apply '{"maskedPaths": ["/etc/shadow"]}'
	pids=()
	for ((i = 0; i < 16; i++)); do
		lamina trace --policy --follow --json "$TEST_DIR/mnt" >"out.$i" 3>&- &
		pids+=($!)
	done
	run inside cat mnt/etc/shadow
	for ((i = 0; i < 16; i++)); do
		wait_until grep -q shadow "out.$i"
	done
	# Views bear any number.
	if [[ $LAMINA_ENGINE != bpf ]]; then
		run_expect 1 lamina trace --policy "$TEST_DIR/mnt"
		assert_equal "${#lines[@]}" 1
	fi
	umount mnt
	wait "${pids[@]}"
}

@test "a daemon that is killed under a flood of lines ends who listens, with whole lines" {
	local flood=()

	[[ $LAMINA_ENGINE != bpf ]] || skip "in views no daemon tells"
	apply '{"rules": [{"paths": ["/app/*"], "access": ["read_file"], "action": "ERRNO"}]}'
	start_trace
	lamina policy learn "$TEST_DIR/mnt" >learned.json 3>&- &
	learning=$!
	for _ in 1 2 3; do
		py_inside policy attempts mnt/app/code 1000000 >/dev/null 2>&1 3>&- &
		flood+=($!)
	done
	wait_until traced '.path == "/app/code"'
	daemons | xargs kill -9
	wait "$TRACE"
	wait "$learning"
	wait "${flood[@]}" || true # the mount is gone
	jq -se 'all(.[]; .path == "/app/code" or .dropped > 0)' trace.out
	assert_equal "$(jq -c .rules learned.json)" "[]"
	umount -l mnt
}
