#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Habits of the command line: help, unknown words, output for people and for programs. No mount.

load ../lib/common

setup_file() { :; }
teardown_file() { :; }
setup() { cd "$BATS_TEST_TMPDIR" || return 1; }
teardown() { :; }

lamina() { "$LAMINA_BIN/lamina" "$@"; }

# commands [COMMAND]: the words of all commands below it, one command a line.
commands() {
	local word

	while read -r word; do
		echo "${1:+$1 }$word"
		case $word in
		policy | filter) commands "$word" ;;
		esac
	done < <(lamina --complete "$@" | sed '/^--/d')
}

# options COMMAND: its options, without --help.
options() {
	# shellcheck disable=SC2086
	lamina --complete $1 | sed -n '/^--help$/d; /^--/p'
}

@test "every command says how it is used, with each option and an example" {
	local words option

	[[ $(commands | wc -l) -ge 17 ]]
	while read -r words; do
		# shellcheck disable=SC2086
		run_expect 0 lamina $words --help
		[[ ${lines[0]} == "usage: lamina $words"* ]]
		assert_output_has $'\nexample:\n  lamina '
		while read -r option; do
			[[ $output =~ $'\n  '(-[a-z],|\ \ \ )\ $option\  ]]
		done < <(options "$words")
		# shellcheck disable=SC2086
		assert_equal "$(lamina help $words)" "$output"
		# shellcheck disable=SC2086
		assert_equal "$(lamina $words -h)" "$output"
	done < <(commands)
}

@test "options that have a default say it" {
	local words

	run_expect 0 lamina help trace
	assert_output_has "(default: trace)"
	run_expect 0 lamina help policy learn
	assert_output_has "(default: standard output)"
	run_expect 0 lamina help mount
	assert_output_has "(default: lamina)"
}

@test "the man pages have every command with its options, and no others" {
	local words option page entry

	while read -r words; do
		[[ $words != policy && $words != filter ]] || continue
		page=$LAMINA_ROOT/docs/man/lamina.1.md entry=$words
		[[ $words != "policy "* ]] || page=$LAMINA_ROOT/docs/man/lamina-policy.1.md entry=${words#policy }
		awk -v entry="**$entry**" 'index($0, entry) == 1 { on = 1 } on { print } /^$/ { on = 0 }' "$page" >text
		[[ -s text ]] || { echo "$page has no $entry" && return 1; }
		while read -r option; do
			grep -qF -- "**$option**" text || { echo "$page: $entry has no $option" && return 1; }
		done < <(options "$words")
		while read -r option; do
			options "$words" | grep -xF -- "$option" || { echo "$page: $entry has $option" && return 1; }
		done < <(grep -oE '\*\*--[a-z-]+' text | tr -d '*' | sort -u)
	done < <(commands)
}

@test "where the kernel has no FUSE-BPF, that is what loading a filter fails with" {
	[[ ! -e /dev/fuse_bpf ]] || skip "this kernel has it"
	mkdir -p layer over mnt
	for words in "filter load trace" "mount -o lowerdir=layer:over mnt"; do
		# shellcheck disable=SC2086
		run_expect 1 lamina $words
		assert_output_has "the kernel has no FUSE-BPF; is the module fuse_bpf loaded?"
		assert_equal "${#lines[@]}" 1
	done
}

@test "a filter that is not loaded is named, with the command that loads one" {
	run_expect 1 lamina trace --filter none
	assert_equal "$output" "lamina trace: no filter 'none' is loaded; 'lamina filter load' does that"
}

@test "a word that is not known gets the nearest one that is" {
	local words

	run_expect 2 lamina polcy
	assert_output_has "unknown command 'polcy'; did you mean 'policy'?"
	run_expect 2 lamina policy explian x /
	assert_output_has "unknown command 'policy explian'; did you mean 'explain'?"
	run_expect 2 lamina filter loda overlay
	assert_output_has "did you mean 'load'?"
	run_expect 2 lamina help polcy
	assert_output_has "did you mean 'policy'?"
	run_expect 2 lamina trace --polciy
	assert_output_has "unknown option '--polciy'; did you mean '--policy'?"
	run_expect 2 lamina policy compile --outptu=x y
	assert_output_has "unknown option '--outptu'; did you mean '--output'?"
	run_expect 1 lamina mount --engine bfp -o lowerdir=/ /mnt
	assert_output_has "engine 'bfp' is unknown; did you mean 'bpf'?"
	run_expect 1 lamina mount -o lowerdri=/ /mnt
	assert_output_has "option 'lowerdri' is unknown; did you mean 'lowerdir'?"
	echo '{}' >p.json
	run_expect 1 lamina policy explain p.json / reed_file
	assert_output_has "unknown access 'reed_file'; did you mean 'read_file'?"
	run_expect 1 "$LAMINA_BIN/lamina-mount" -o lowerdir=/,engine=fsue /mnt
	assert_output_has "did you mean 'fuse'?"
	run_expect 1 "$LAMINA_BIN/lamina-mount" --takover /mnt
	assert_output_has "did you mean '--takeover'?"
	run_expect 1 "$LAMINA_BIN/lamina-hook" --polcy x
	assert_output_has "did you mean '--policy'?"
	# Nothing is made up where nothing is near.
	run_expect 2 lamina xyzzy
	refute grep -q 'did you mean' <<<"$output"
}

@test "an unknown mount option is ignored with a warning that names the nearest" {
	run_expect 1 "$LAMINA_BIN/lamina-mount" -o "lowerdir=$PWD/none,uperdir=x" /mnt
	assert_output_has "unknown option ignored: uperdir=x; did you mean 'upperdir'?"
}

@test "wrong usage is said in words, with how it is right" {
	local words

	for words in "trace --seconds soon" "trace a b" "filter load" "filter show" "policy learn" "policy apply x" \
		"policy show" "features x" "ps x" "trace --filter" "trace --follow=1"; do
		# shellcheck disable=SC2086
		run_expect 2 lamina $words
		assert_output_has "usage: lamina ${words%% *}"
	done
	run_expect 2 lamina
	run_expect 2 lamina policy
	run_expect 2 lamina filter
}

# same_names COMMAND...: its columns are named as fields of its JSON, of which $OBJECT is one with all.
same_names() {
	local names fields

	run_expect "${STATUS:-0}" lamina "$@"
	names=$(tr -s ' ' '\n' <<<"${lines[0],,}" | sort)
	fields=$(lamina "$@" --json | jq -r "$OBJECT | keys_unsorted[]" | tr '[:upper:]' '[:lower:]' | sort) || true
	echo "columns: ${names//$'\n'/ }; fields: ${fields//$'\n'/ }"
	[[ -n $names && -z $(comm -23 <(echo "$names") <(echo "$fields")) ]]
}

@test "columns are named as the fields of JSON" {
	cat >p.json <<-'END'
		{"rules": [{"paths": ["/a"], "access": ["chmod"], "action": "ERRNO", "errno": "EPERM", "comment": "x"}]}
	END
	OBJECT='.rules[0] + .files[0]' same_names policy show p.json
	STATUS=3 OBJECT='.[0]' same_names policy explain p.json /a chmod
	OBJECT='.engines | to_entries[0].value + {engine: 0, works: 0, why: 0}' same_names features
}

@test "check and explain speak JSON" {
	echo '{"maskedPaths": ["/a"]}' >p.json
	assert_equal "$(lamina policy check --json p.json | jq -c keys)" '["bytes","rules","states"]'
	assert_equal "$(lamina policy explain --json p.json /b see 2>&1 || true)" \
		"lamina: unknown access 'see'"
	assert_equal "$(lamina policy explain --json p.json /b chmod | jq -c '.[0] | [.access, .verdict, .errno, .file, .line, .from]')" \
		'["chmod","allowed",null,"p.json",null,"default"]'
}

@test "a default that stands in no file has no line; one that does has its own" {
	echo '{"maskedPaths": ["/a"]}' >p.json
	run_expect 0 lamina policy show p.json
	refute grep -q 'p.json *0 ' <<<"$output"
	[[ $(tr -s ' ' <<<"$output") == *$'\n''p.json - default ALLOW'* ]]
	printf '{\n"defaultAction": "ERRNO",\n"rules": [{"paths": ["/a"], "action": "ALLOW"}]}\n' >d.json
	run_expect 0 lamina policy show d.json
	[[ $(tr -s ' ' <<<"$output") == *$'\n''d.json 2 defaultAction ERRNO'* ]]
}

@test "explain takes its policy as the first word, or by an option" {
	echo '{"maskedPaths": ["/a"]}' >p.json
	run_expect 3 lamina policy explain p.json /a
	expected=$output
	run_expect 3 lamina policy explain --policy p.json /a
	assert_equal "$output" "$expected"
	run_expect 3 bash -c "'$LAMINA_BIN/lamina' policy explain - /a <p.json"
	run_expect 1 lamina policy explain none.json /a
	assert_output_has "cannot read the policy 'none.json'"
	run_expect 1 lamina policy explain no-such-container /a
}

@test "columns are aligned, also with characters of several bytes" {
	echo '{"rules": [{"paths": ["/é"], "action": "LOG", "comment": "one"},
		{"paths": ["/abc"], "action": "LOG", "comment": "two"}]}' >p.json
	run_expect 0 lamina policy show p.json
	LC_ALL=C.UTF-8
	before=${lines[1]%one} after=${lines[2]%two}
	assert_equal "${#before}" "${#after}"
}

# on_terminal COMMAND: what it writes to one.
on_terminal() { TERM=xterm script -qec "$1" /dev/null </dev/null | tr -d '\r'; }

@test "colours are for terminals, unless they are not wanted" {
	echo '{}' >p.json
	run_expect 0 lamina policy show p.json
	refute grep -q $'\033' <<<"$output"
	on_terminal "'$LAMINA_BIN/lamina' policy show p.json" >seen
	grep -q $'^\033\\[1mFILE' seen
	NO_COLOR=1 on_terminal "'$LAMINA_BIN/lamina' policy show p.json" >seen
	refute grep -q $'\033' seen
}

@test "the words for completion are those of the help" {
	assert_equal "$(lamina --complete | sed '/^--/d')" \
		"$(lamina --help | sed -n '/^commands:/,/^$/s/^  \([a-z]*\) .*/\1/p')"
	assert_equal "$(lamina --complete policy explain | sort)" \
		"$(lamina policy explain --help | grep -oE '^ +(-[a-z],)? *--[a-z-]+' | grep -oE -- '--[a-z-]+' | sort)"
}

@test "help speaks of itself, and a word of mount(8) is not taken for its opposite" {
	for words in "help help" "help --help" "policy help help"; do
		# shellcheck disable=SC2086
		run_expect 0 lamina $words
		assert_output_has "usage: lamina"
	done
	for word in umount unmount; do
		run_expect 2 lamina "$word" /mnt
		assert_equal "$output" "lamina: there is no command '$word': umount(8) does that"
	done
}

@test "a verdict has the same errno in the table as in JSON, and one thing has no plural" {
	echo '{}' >empty.json
	run_expect 0 lamina policy check empty.json
	[[ $output == "1 rule, 1 state, "* ]]
	echo '{"maskedPaths": ["/x"]}' >one.json
	run_expect 0 lamina policy show one.json
	assert_equal "$(awk '/maskedPaths/ { for (i = 1; i <= NF; i++) if ($i ~ /^E[A-Z]+$/) print $i }' <<<"$output")" \
		"$(lamina policy show --json one.json | jq -r '.rules[] | select(.from == "maskedPaths") | .errno')"
}

@test "output that is lost is an error, and said" {
	local words

	echo '{"maskedPaths": ["/x"]}' >p.json
	while read -r words; do
		run bash -c "'$LAMINA_BIN'/$words 2>&1 >/dev/full"
		assert_equal "$status" 1
		assert_output_has "${words%% *}: cannot write all of the output: No space left on device"
		assert_equal "${#lines[@]}" 1
	done <<-'WORDS'
		lamina --version
		lamina help
		lamina policy --help
		lamina ps
		lamina ps --json
		lamina features
		lamina features --json
		lamina policy check --json p.json
		lamina policy explain p.json /x
		lamina policy explain --json p.json /x
		lamina-mount --help
		lamina-mount --version
		lamina-hook --help
	WORDS
	# A reader that has enough is no error that has to be told.
	run bash -c "trap '' PIPE; '$LAMINA_BIN/lamina' help 2>&1 >/dev/null | true; '$LAMINA_BIN/lamina' help 2>said | true; cat said"
	assert_equal "$output" ""
}
