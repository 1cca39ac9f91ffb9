#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Policies on the command line: what is checked, compiled, explained and shown. No mount, no engine.

load ../lib/common

setup_file() { :; }
teardown_file() { :; }
setup() { cd "$BATS_TEST_TMPDIR" || return 1; }
teardown() { :; }

policy() { "$LAMINA_BIN/lamina" policy "$@"; }

# The n-th example of the reference page, from 1.
example() {
	awk -v n="$1" '/^```json/ { i++; on = i == n; next } /^```/ { on = 0 } on' \
		"$LAMINA_ROOT/docs/policy.md"
}

# schema_says yes|no FILE: the JSON Schema takes, or refuses, each line of the file.
schema_says() {
	python3 - "$LAMINA_ROOT/docs/policy.schema.json" "$1" "$2" <<-'END'
		import json, sys
		import jsonschema
		schema = json.load(open(sys.argv[1]))
		jsonschema.Draft202012Validator.check_schema(schema)
		validator = jsonschema.Draft202012Validator(schema)
		wrong = [line for line in open(sys.argv[3])
		         if validator.is_valid(json.loads(line)) != (sys.argv[2] == "yes")]
		print(*wrong, sep="")
		sys.exit(1 if wrong else 0)
	END
}

# rules N FORMAT: a policy of N rules whose paths are made of their number.
rules() {
	awk -v n="$1" -v path="$2" 'BEGIN {
		print "{\"rules\": ["
		for (i = 0; i < n; i++) {
			p = path
			gsub(/N/, i, p)
			printf "{\"paths\": [\"%s\"], \"access\": [\"read_file\"], \"action\": \"ERRNO\"}%s\n",
				p, i < n - 1 ? "," : ""
		}
		print "]}"
	}'
}

assert_one_error() {
	assert_equal "${#lines[@]}" 1
	assert_output_has "lamina: $1"
}

@test "the examples of the reference page are policies, for the compiler and for the schema" {
	local n
	for n in 1 2 3; do
		example $n >"$n.json"
		[[ -s $n.json ]]
		run_expect 0 policy check "$n.json"
		jq -c . "$n.json" >>lines
	done
	run_expect 0 schema_says yes lines
	[[ -z $(example 4) ]]
}

@test "the first example decides as the page says" {
	example 1 >p.json
	run_expect 3 policy explain --policy p.json /etc/shadow
	assert_equal "${#lines[@]}" 2
	[[ ${lines[1]} =~ ^see\ +hidden\ +ENOENT\  ]]
	run_expect 3 policy explain --policy p.json /root/.ssh/id_rsa read_file
	run_expect 3 policy explain --policy p.json /app/x/y/.env read_file
	[[ ${lines[1]} =~ refused\ +ENOENT ]]
	run_expect 0 policy explain --policy p.json /app/x/y/.env write_file
	run_expect 3 policy explain --policy p.json /etc/passwd write_file
	[[ ${lines[1]} =~ refused\ +EROFS ]]
	run_expect 3 policy explain --policy p.json /tmp/a/b execute
	run_expect 0 policy explain --policy p.json /tmp execute
	run_expect 0 policy explain --policy p.json /var/lib/db/x truncate
	assert_output_has "logged"
}

@test "exceptions stand before what they are exceptions of" {
	example 2 >p.json
	run_expect 0 policy explain --policy p.json /srv/public/a/b
	run_expect 3 policy explain --policy p.json /srv/private
	run_expect 3 policy explain --policy p.json /srv/private/public
	run_expect 0 policy explain --policy p.json /srv
}

@test "an allow-list refuses the rest and hides nothing" {
	example 3 >p.json
	run_expect 0 policy explain --policy p.json /srv/www/index.html read_file
	run_expect 3 policy explain --policy p.json /srv/www/index.html write_file
	run_expect 0 policy explain --policy p.json /home
	run_expect 0 policy explain --policy p.json / read_dir
}

@test "explain names verdict, file, line, path and comment" {
	cat >p.json <<-'END'
		{"rules": [
		  {"paths": ["/a", "/b*"], "access": ["chmod"], "action": "ERRNO", "errno": "EPERM",
		   "comment": "no modes"}
		]}
	END
	run_expect 3 policy explain --policy p.json /bin chmod
	[[ ${lines[1]} =~ ^chmod\ +refused\ +EPERM\ +p.json\ +2\ +rules\ +/a,\ /b\*\ +no\ modes$ ]]
	run_expect 0 policy explain --policy p.json /bin
	assert_equal "${#lines[@]}" 20
	assert_equal "$(grep -c 'p.json  - *default' <<<"$output")" 18
}

@test "explain takes slashes as a path does, and only plain paths" {
	echo '{"maskedPaths": ["/a/b"]}' >p.json
	run_expect 3 policy explain --policy p.json //a///b/
	run_expect 1 policy explain --policy p.json a/b
	assert_one_error "'a/b' is not an absolute path"
	run_expect 1 policy explain --policy p.json /a/../b
	run_expect 1 policy explain --policy p.json /a open
	assert_one_error "unknown access 'open'"
}

@test "an error names file, line, column and key" {
	printf '{\n  "rules": [\n    {"paths": ["/a"], "axess": []}\n  ]\n}\n' >p.json
	run_expect 1 policy check p.json
	assert_one_error "p.json:3:23: unknown key 'axess'; here can stand: paths, access, action, errno, comment"
	echo '{"maskedPaths": ["/a"], "maskedPaths": []}' >p.json
	run_expect 1 policy check p.json
	assert_one_error "p.json:1:25: key 'maskedPaths' stands here a second time"
	run_expect 1 policy check missing.json
	assert_one_error "cannot read the policy 'missing.json': No such file or directory"
	printf '{\n  "version": "2"\n}\n' >p.json
	run_expect 1 policy check p.json
	assert_one_error "p.json:2:14: unknown version '2' of the language; known is '1'"
	: >empty
	run_expect 1 policy check empty
	assert_one_error "empty:1:1: expected an object, not the end of the file"
}

@test "every sub-command refuses what check refuses" {
	echo '{"rulez": []}' >p.json
	run_expect 1 policy compile p.json -o out
	assert_missing out
	run_expect 1 policy explain --policy p.json /
	run_expect 1 policy show p.json
	assert_one_error "p.json:1:2: unknown key 'rulez'"
}

@test "the schema takes what the compiler takes, and refuses what it refuses" {
	local good bad n=0
	good='{}
{"version": "1"}
{"rules": []}
{"mode": "dry-run", "comment": "x", "$schema": "y", "defaultAction": "LOG"}
{"readonlyPaths": ["/"]}
{"maskedPaths": ["/a/**/b", "/devices", "/..."]}
{"rules": [{"paths": ["/"], "action": "ERRNO", "errno": "EIO", "access": ["xattr"]}]}'
	bad='[]
{"version": "2"}
{"version": 1}
{"x": 1}
{"mode": "off"}
{"rules": {}}
{"maskedPaths": ["a"]}
{"maskedPaths": ["/"]}
{"maskedPaths": ["/a/"]}
{"maskedPaths": ["/a//b"]}
{"maskedPaths": ["/a/../b"]}
{"maskedPaths": ["/proc/kcore"]}
{"rules": [{"paths": ["/a"]}]}
{"rules": [{"action": "LOG"}]}
{"rules": [{"paths": [], "action": "LOG"}]}
{"rules": [{"paths": ["/a"], "action": "DENY"}]}
{"rules": [{"paths": ["/a"], "action": "LOG", "errno": "EIO"}]}
{"rules": [{"paths": ["/a"], "action": "ERRNO", "errno": "EFOO"}]}
{"rules": [{"paths": ["/a"], "action": "LOG", "access": []}]}
{"rules": [{"paths": ["/a"], "action": "LOG", "access": ["chmod", "chmod"]}]}'
	while IFS= read -r line; do
		echo "$line" >p.json
		run_expect 0 policy check p.json
		n=$((n + 1))
	done <<<"$good"
	echo "$good" >good
	run_expect 0 schema_says yes good
	while IFS= read -r line; do
		echo "$line" >p.json
		run_expect 1 policy check p.json
		n=$((n + 1))
	done <<<"$bad"
	echo "$bad" >bad
	run_expect 0 schema_says no bad
	assert_equal "$n" 27
}

@test "the strictest of several files counts, whatever their order" {
	echo '{"maskedPaths": ["/a"]}' >1.json
	echo '{"rules": [{"paths": ["/a", "/b"], "action": "ALLOW"}]}' >2.json
	echo '{"rules": [{"paths": ["/b"], "action": "ERRNO"}]}' >3.json
	local order files
	for order in "1 2 3" "3 2 1" "2 1 3"; do
		read -ra files <<<"$order"
		files=("${files[@]/%/.json}")
		run_expect 3 policy explain "${files[@]/#/-p}" /a
		[[ ${lines[1]} =~ \ 1.json\ +1\  ]]
		run_expect 3 policy explain "${files[@]/#/-p}" /b chown
		[[ ${lines[1]} =~ \ 3.json\ +1\  ]]
	done
}

@test "a dry run refuses nothing and says what would be refused" {
	echo '{"maskedPaths": ["/a"], "readonlyPaths": ["/b"]}' >p.json
	run_expect 0 policy explain --dry-run --policy p.json /a
	[[ ${lines[1]} =~ "would be refused"\ +ENOENT ]]
	run_expect 0 policy explain --dry-run --policy p.json /b chmod
	[[ ${lines[1]} =~ "would be refused"\ +EROFS ]]
	run_expect 0 policy compile --dry-run p.json -o p.bin
	run_expect 0 policy explain --policy p.bin /a
	echo '{"mode": "dry-run", "maskedPaths": ["/a"]}' >d.json
	run_expect 0 policy explain --policy d.json /a
	echo '{"rules": [{"paths": ["/a"], "action": "ERRNO"}]}' >e.json
	run_expect 3 policy explain --policy d.json --policy e.json /a chmod
}

@test "a compiled policy decides as the one that it is made of" {
	example 1 >p.json
	run_expect 0 policy compile p.json -o p.bin
	for path in / /etc/shadow /app/.env /usr/bin/x /tmp/x /var/lib/db/x; do
		for access in "" read_file execute truncate; do
			# A compiled one has neither paths nor comments.
			policy explain --json p.json "$path" ${access:+"$access"} | jq 'map(del(.paths, .comment))' >a || :
			policy explain --json p.bin "$path" ${access:+"$access"} >b || :
			diff <(jq -S . a) <(jq -S . b)
		done
	done
	run_expect 0 policy check p.bin
	cmp <(policy compile p.json -o -) p.bin
	policy compile - -o again <p.json
	run_expect 1 policy check p.bin p.json
	assert_one_error "p.bin: a compiled policy can't be put together with others"
}

@test "a compiled policy that was cut or changed is refused" {
	example 1 >p.json
	policy compile p.json -o p.bin
	head -c -4 p.bin >short
	run_expect 1 policy check short
	assert_one_error "short: this is not a compiled policy"
	cp p.bin changed
	printf '\377\377\377\177' | dd of=changed bs=4 seek=7 conv=notrunc status=none
	run_expect 1 policy check changed
	assert_one_error "changed: this is not a compiled policy"
}

@test "compile puts its result in place in one step, and leaves nothing else" {
	echo '{}' >p.json
	echo old >out
	run_expect 0 policy compile p.json -o out
	run_expect 0 policy check out
	assert_names . out p.json
	run_expect 1 policy compile p.json -o missing/out
	assert_one_error "cannot write 'missing/out': No such file or directory"
}

@test "show lists the rules in the order of asking, also as JSON" {
	example 1 >p.json
	run_expect 0 policy show p.json
	assert_equal "$(tr -s ' ' <<<"${lines[0]}")" "FILE LINE FROM ACTION ERRNO MODE CONTAINER ACCESS PATHS COMMENT"
	assert_equal "$(tr -s ' ' <<<"${lines[1]}")" "p.json 3 maskedPaths HIDE ENOENT enforce - - /etc/shadow and below -"
	assert_equal "$(tr -s ' ' <<<"${lines[5]}")" \
		"p.json 6 rules ERRNO ENOENT enforce - read_file /app/**/.env, /app/secrets/* credentials of the build"
	policy show --json p.json >show.json
	assert_equal "$(jq -r '.rules | map(.from) | join(" ")' show.json)" \
		"maskedPaths maskedPaths readonlyPaths readonlyPaths rules rules rules default"
	assert_equal "$(jq -r '.rules[4] | "\(.line):\(.column) \(.action) \(.errno) \(.access[0]) \(.paths[1])"' show.json)" \
		"6:5 ERRNO ENOENT read_file /app/secrets/*"
	policy compile p.json -o p.bin
	assert_equal "$(policy show --json p.bin | jq -r '.rules[4] | "\(.file):\(.line) \(.errno)"')" \
		"p.json:6 ENOENT"
}

@test "text of others does not reach the terminal as it is" {
	printf '{"maskedPaths": ["/a\\u001b]31m\\u009b"], "rules": [{"paths": ["/b"], "action": "LOG", "comment": "\\u001b]0;x\\u0007"}]}' >p.json
	run_expect 0 policy show p.json
	refute grep -qP '[\x00-\x08\x0e-\x1f\x7f]|\xc2[\x80-\x9f]' <<<"$output"
	run_expect 0 policy explain --policy p.json /b chmod
	refute grep -qP '[\x00-\x08\x0e-\x1f\x7f]|\xc2[\x80-\x9f]' <<<"$output"
	printf '{"maskedPaths": ["a\\u001b[31m"]}' >p.json
	run_expect 1 policy check p.json
	refute grep -qP '[\x00-\x08\x0e-\x1f\x7f]|\xc2[\x80-\x9f]' <<<"$output"
}

@test "10,000 rules compile to a table that has grown with them, and the last one decides" {
	local path small
	for path in /srv/N/data/fileN '/**/nameN' '/srv/N/**' '/**/dirN/file' '/etc/*.N' '/home/*/N.conf'; do
		rules 1000 "$path" >p.json
		small=$(policy check --json p.json | jq .states)
		rules 10000 "$path" >p.json
		run_expect 0 policy compile p.json -o p.bin
		# No state for each pair of rules: their number is what the time goes by, too.
		echo "$path: $small states of 1,000 rules, $(policy check --json p.bin | jq .states) of 10,000"
		[[ $(policy check --json p.bin | jq .states) -le $((12 * small)) ]]
		path=${path//N/9999}
		path=${path//\*\*/x\/y}
		run_expect 3 policy explain --policy p.bin "${path//\*/x}" read_file
		[[ ${lines[1]} =~ \ p.json\ +10001\ +rules\  ]]
	done
}

@test "patterns that multiply are refused, with the place of one" {
	rules 1000 '/etc/*aN*bN' >p.json
	run_expect 1 within 20 "$LAMINA_BIN/lamina" policy check p.json
	[[ $output =~ ^lamina:\ p.json:[0-9]+:12:\ the\ path\ \'/etc/\*a[0-9]+\*b[0-9]+\', ]]
	assert_output_has "makes more states than a policy may have"
}

@test "limits are kept, and said" {
	rules 19999 /a >p.json
	run_expect 0 policy check p.json
	rules 20000 /a >p.json
	run_expect 1 policy check p.json
	assert_one_error "p.json:20003:1: more than 20000 rules"
	head -c $((8 << 20)) /dev/zero | tr '\0' ' ' >p.json
	printf '{}' | dd of=p.json conv=notrunc status=none
	run_expect 0 policy check p.json
	echo >>p.json
	run_expect 1 policy check p.json
	assert_one_error "p.json: larger than 8388608 bytes"
	echo '{}' >e.json
	local files
	mapfile -t files < <(printf 'e.json\n%.0s' {1..65})
	run_expect 0 policy check "${files[@]:1}"
	run_expect 1 policy check "${files[@]}"
	assert_one_error "e.json: more than 64 policy files"
	run_expect 1 within 20 "$LAMINA_BIN/lamina" policy check /dev/zero
	head -c 100000 /dev/zero | tr '\0' '[' >p.json
	run_expect 1 policy check p.json
	assert_one_error "p.json:1:1: expected an object, not an array"
}

@test "usage: 2, and on stderr; help: 0" {
	local help command
	help=$(policy --help)
	for command in check compile explain show apply remove learn; do
		[[ $help == *"  $command "* ]]
		run_expect 2 policy $command
		assert_output_has "usage: lamina policy $command "
		run_expect 2 policy $command --no-such-option
	done
	run_expect 2 policy
	run_expect 2 policy no-such-command
	run_expect 2 policy compile x
	run_expect 2 policy explain /
	assert_equal "$(policy no-such-command 2>/dev/null)" ""
}

@test "words of the reference page and of the program are the same" {
	local word
	for word in read_file write_file execute read_dir make_dir make_reg make_sym make_sock make_fifo \
		make_char make_block remove_dir remove_file truncate refer chmod chown xattr; do
		grep -q "\`$word\`" "$LAMINA_ROOT/docs/policy.md"
		echo "{\"rules\": [{\"paths\": [\"/a\"], \"access\": [\"$word\"], \"action\": \"LOG\"}]}" >p.json
		run_expect 0 policy check p.json
		run_expect 0 policy explain --policy p.json /a $word
		assert_output_has logged
	done
}
