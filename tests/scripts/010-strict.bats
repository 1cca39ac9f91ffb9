#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What all shell scripts promise, and that the lint finds one that does not.

bats_require_minimum_version 1.5.0
CHECKOUT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)

# script: one that stops at what fails, with the input as its text, the first line of it being line 3.
script() {
	script=$BATS_TEST_TMPDIR/script
	{ printf '#!/bin/bash\n. "%s/scripts/strict.bash"\n' "$CHECKOUT" && cat; } >"$script"
	run --separate-stderr bash "$script"
	echo "status $status, output: $output, stderr: $stderr"
}

# lint NAME: the lint, of one file with the input as its text.
lint() {
	cat >"$BATS_TEST_TMPDIR/$1"
	run "$CHECKOUT/tests/lint-shell" "$BATS_TEST_TMPDIR/$1"
	echo "status $status, output: $output"
}

# samples LIST: a file of some kind that the lint looks at for each line of the list, in samples.
samples() {
	local kinds=(x.bash x.bats Makefile x.mk script) line file

	while IFS= read -r line; do
		file=$BATS_TEST_TMPDIR/${#samples[@]}.${kinds[${#samples[@]} % 5]}
		printf '%b\n' "$line" >"$file"
		samples+=("$file")
	done <"$BATS_TEST_DIRNAME/$1"
	((${#samples[@]} > 10))
}

@test "a script that fails names file, line, status and command" {
	script <<-'END'
		true
		ls /no/such/file
		echo went on
	END
	[[ $status == 2 && $output == '' && $stderr == *"$script:4: status 2 from: ls /no/such/file" ]]
}

@test "a failure in a function, a subshell, a substitution or a pipeline ends the script" {
	local line

	for line in 'f() { false; echo went on; }; f' '(false; echo went on)' 'x=$(false; echo went on)' \
		'false | cat' 'x=$( (exit 3) )' 'echo "$unset"'; do
		script <<<"$line"$'\n''echo went on'
		[[ $status != 0 && $output != *'went on'* && $stderr == *"$script"*3* ]]
	done
}

@test "a failure in a condition ends nothing, and nothing is said of it" {
	script <<-'END'
		if false; then :; fi
		false || true
		! true
		attempt eval '(exit 3)' 2>/dev/null
		echo "status $status"
	END
	[[ $status == 0 && $output == 'status 3' && $stderr == '' ]]
}

@test "a foreseen failure is a sentence" {
	script <<<'die "no such thing: buy one"'
	[[ $status == 1 && $stderr == 'script: no such thing: buy one' ]]
}

@test "the lint finds readers that end before their input does" {
	local file samples=()

	samples early-readers.txt
	run "$CHECKOUT/tests/lint-shell" "${samples[@]}"
	echo "$output"
	[[ $status == 1 ]]
	for file in "${samples[@]}"; do
		[[ $output == *"$file:1: a reader that ends early"* ]]
	done
}

@test "the lint says nothing of readers that read all" {
	local samples=()

	samples full-readers.txt
	run "$CHECKOUT/tests/lint-shell" "${samples[@]}"
	echo "$output"
	[[ $status == 0 && $output == '' ]]
}

@test "the lint finds a script that goes on after a failure" {
	lint script <<<$'#!/bin/bash\necho a\necho b'
	[[ $status == 1 && $output == *'script:1: the script sources neither scripts/strict.bash'* ]]
	lint script <<<$'#!/bin/bash\n. "$(dirname "$0")/../scripts/common.bash"\necho a\necho b'
	[[ $status == 0 ]]
}

@test "the lint finds names that are too long for pgrep" {
	local pgrep=pgrep # this file is looked at, too

	lint x.bash <<<"${pgrep} -x 'lamina-mount|lamina-keeper'"
	[[ $status == 1 && $output == *'pgrep knows 15 characters'* ]]
	lint x.bash <<<"${pgrep/grep/kill} -KILL -x abcdefghijklmnop"
	[[ $status == 1 ]]
	lint x.bash <<<$'pgrep -f "lamina-mount .*/some/where"\npgrep -x lamina-mount'
	[[ $status == 0 ]]
}

@test "make lint finds what is planted anywhere in the tree" {
	local tree=$BATS_TEST_TMPDIR/tree file early
	local planted=(tests/stress kernel/fetch-source tests/lib/common.bash tests/vm/vm.mk kernel/Makefile tests/bats/030-merge.bats)

	read -r early <"$BATS_TEST_DIRNAME/early-readers.txt"
	mkdir -p "$tree" "$BATS_TEST_TMPDIR/bin"
	(cd "$CHECKOUT" && git ls-files -z | tar --null -T - -cf - 2>/dev/null) | tar -C "$tree" -xf -
	git -C "$tree" init -q
	for file in "${planted[@]}"; do
		printf 'planted:\n\t%s\n' "$early" >>"$tree/$file"
	done
	git -C "$tree" add -A
	# Only this lint is asked.
	for file in cppcheck shellcheck codespell; do
		ln -s /bin/true "$BATS_TEST_TMPDIR/bin/$file"
	done
	PATH=$BATS_TEST_TMPDIR/bin:$PATH run make -s -C "$tree" lint
	echo "$output"
	[[ $status != 0 ]]
	for file in "${planted[@]}"; do
		[[ $output == *"$file:"*": a reader that ends early under pipefail: head"* ]]
	done
	[[ $(grep -c 'ends early' <<<"$output") == "${#planted[@]}" ]]
}
