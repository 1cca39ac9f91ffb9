#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Waits of tests: how long they are, and what is said when they end.

bats_require_minimum_version 1.5.0
CHECKOUT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)

setup() {
	. "$CHECKOUT/scripts/patience.bash"
}

@test "waits are as long as the load wants it, or as they are told to be" {
	unset LAMINA_TEST_PATIENCE
	[[ $(patience 10) -ge 10 && $(patience 10) -le 200 ]]
	export LAMINA_TEST_PATIENCE=3
	[[ $(patience 10) == 30 ]]
	[[ $(PYTHONPATH=$CHECKOUT/tests/cases python3 -c 'import lib; print(lib.patience(10))') == 30 ]]
}

@test "what comes true ends the wait" {
	LAMINA_TEST_PATIENCE=20
	(sleep 0.3 && touch "$BATS_TEST_TMPDIR/there") 3>&- &
	wait_until test -e "$BATS_TEST_TMPDIR/there"
	wait
}

@test "a wait that ends says for what, and what each thread of the processes does" {
	[[ $(id -u) == 0 ]] || skip "not root: $(id -u)"
	python3 -c 'import threading, time
threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()
time.sleep(1000)' 3>&- &
	process=$!
	LAMINA_TEST_PATIENCE=20 wait_until eval '[[ $(ls "/proc/$process/task" | wc -l) == 2 ]]'
	stuck_processes() { echo "$process"; }
	LAMINA_TEST_PATIENCE=0 run wait_until test -e "$BATS_TEST_TMPDIR/never"
	kill "$process"
	echo "$output"
	[[ $status == 1 && $output == *"did not come true in 0 s: test -e "*"/never"* ]]
	[[ $output == *"== process $process: "*python3* ]]
	[[ $(grep -c '^thread .*(python3), S' <<<"$output") == 2 ]]
	# Of each thread, where in the program it is.
	[[ $(grep -c '^TID ' <<<"$output") == 2 && $output == *clock_nanosleep* ]]
	[[ $output == *"== the kernel's log"* ]]
}

@test "a program that does not end within its limit is ended, after its stacks are printed" {
	[[ $(id -u) == 0 ]] || skip "not root: $(id -u)"
	LAMINA_TEST_PATIENCE=0 run within 10 sleep 1000
	echo "$output"
	[[ $status == 124 && $output == *"did not end in 0 s: sleep 1000"*"== process "*"sleep 1000"* ]]
	LAMINA_TEST_PATIENCE=20
	[[ $(within 10 cat <<<hello) == hello ]]
	run within 10 sh -c 'exit 3'
	[[ $status == 3 ]]
}

@test "no test asserts how long something took" {
	cd "$CHECKOUT"
	run bash -c 'git ls-files "tests/*.bats" "tests/unit/*.c" "tests/cases/*.py" ":!tests/scripts" | xargs grep -nE \
		"date \+%s%N|CLOCK_(MONOTONIC|PROCESS_CPUTIME_ID)|perf_counter|\bms\b.*-lt "'
	echo "$output"
	[[ $output == '' ]]
}
