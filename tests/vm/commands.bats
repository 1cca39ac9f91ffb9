#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The commands of the VM, as people use them: make vm, vm-run, vm-shell. Runs on the host; a VM that
# was up before stays up.

CHECKOUT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)

setup_file() {
	"$BATS_TEST_DIRNAME/vm" status >"$BATS_FILE_TMPDIR/before"
	make -s -C "$CHECKOUT" vm
}

teardown_file() {
	[[ $(<"$BATS_FILE_TMPDIR/before") == up ]] || make -s -C "$CHECKOUT" vm-stop
}

# in_vm CMD: as make passes it on; sets status, output and stderr.
in_vm() {
	run --separate-stderr make -s -C "$CHECKOUT" vm-run CMD="$1"
	echo "status $status, output: $output, stderr: $stderr"
}

bats_require_minimum_version 1.5.0

@test "a command's output and errors come out, and whether it failed" {
	in_vm 'echo out; echo err >&2'
	[[ $status == 0 && $output == out && $stderr == err ]]
	in_vm 'echo before; exit 7'
	[[ $status != 0 && $output == before && $stderr == *'Error 7'* ]]
	run "$BATS_TEST_DIRNAME/vm" run 'exit 7'
	[[ $status == 7 ]]
}

@test "a command runs as root in the checkout, on Debian's 6.12 kernel" {
	in_vm 'id -u; pwd; uname -r; test -e README.md && test -d .git -o -e .git'
	[[ $status == 0 && ${lines[0]} == 0 && ${lines[1]} == /lamina && ${lines[2]} == 6.12.* ]]
}

@test "quotes and dollars reach the command as they are" {
	in_vm $'a="b  c"; echo "$a" \'$a\' $((40 + 2))'
	[[ $status == 0 && $output == 'b  c $a 42' ]]
}

@test "there is python3, and a scratch disk with room" {
	in_vm 'python3 -c "print(6 * 7)" && touch /scratch/file && rm /scratch/file && df --output=avail /scratch | tail -1'
	[[ $status == 0 && ${lines[0]} == 42 && ${lines[1]} -gt 8000000 ]]
	in_vm 'findmnt -no FSTYPE /scratch'
	[[ $output == ext4 ]]
}

@test "standard input reaches a command" {
	run bash -c "echo hello | '$BATS_TEST_DIRNAME/vm' run 'tr a-z A-Z'"
	[[ $status == 0 && $output == HELLO ]]
}

@test "a shell has a terminal" {
	run script -qec "make -s -C '$CHECKOUT' vm-shell" /dev/null <<<$'tty; echo x$((40 + 2))x; exit\n'
	echo "$output"
	[[ $output == *'/dev/pts/'* && $output == *x42x* ]]
}

@test "what is slow to make is kept under the hash of what it is made from" {
	local first again

	# shellcheck source-path=SCRIPTDIR source=../../scripts/common.bash
	first=$(. "$CHECKOUT/scripts/common.bash" && hash_of "$BATS_TEST_DIRNAME/packages" =x)
	again=$(. "$CHECKOUT/scripts/common.bash" && hash_of "$BATS_TEST_DIRNAME/packages" =y)
	[[ $first != "$again" ]]
	run "$BATS_TEST_DIRNAME/image"
	[[ $status == 0 && $output == */vm-???????????????? && -e $output/vmlinuz ]]
	# Nothing is made a second time.
	first=$(stat -c %Y "$output")
	[[ $(stat -c %Y "$("$BATS_TEST_DIRNAME/image")") == "$first" ]]
}
