# SPDX-License-Identifier: GPL-2.0-or-later
# Parts of the check and what comes of them. Who includes this has set logs, a folder of its own.
# LAMINA_ONLY  run only parts whose name matches this pattern

# shellcheck shell=bash
passed=0 failed=0 skipped=0 beside=

wanted() { [[ -z ${LAMINA_ONLY:-} || $1 =~ $LAMINA_ONLY ]]; }

headline() { printf '\n== %s (%(%H:%M:%S)T)\n' "$1" -1; }

# What failed, and in which part: told again at the end, where it is found.
fail() {
	echo "not ok $1"
	echo "$1" >>"$logs/failures"
	failed=$((failed + 1))
}

# One thing that passes or fails as a whole: step NAME COMMAND...
step() {
	local name=$1 status
	shift
	wanted "$name" || return 0
	headline "$name"
	attempt "$@" >"$logs/step" 2>&1
	if [[ $status == 0 ]]; then
		echo "ok $name"
		passed=$((passed + 1))
	else
		cat "$logs/step"
		fail "$name"
	fi
}

# count_tap FILE: how many are planned, ok, ok but skipped, and not ok.
count_tap() {
	awk -v planned=unknown '
		/^1\.\.[0-9]+/ { planned = substr($1, 4) + 0 }
		/^ok / { ok++; skips += / # skip/ }
		/^not ok / { not_ok++ }
		END { print planned, ok + 0, skips + 0, not_ok + 0 }' "$1"
}

# Something that prints TAP: tap NAME COMMAND...
tap() {
	local name=$1 status planned ok skips not_ok
	shift
	wanted "$name" || return 0
	headline "$name"
	set +e
	(set -e; "$@") 2>&1 | tee "$logs/tap"
	status=${PIPESTATUS[0]}
	set -e
	read -r planned ok skips not_ok < <(count_tap "$logs/tap")
	passed=$((passed + ok - skips)) skipped=$((skipped + skips)) failed=$((failed + not_ok))
	sed -n "s|^not ok |$name: |p" "$logs/tap" >>"$logs/failures"
	# A runner that dies, or stops early, has failed even if nothing in it did.
	if [[ $planned != "$((ok + not_ok))" || ($status != 0 && $not_ok == 0) ]]; then
		fail "$name: status $status, $((ok + not_ok)) of $planned tests"
	fi
}

# In a process group of its own, so that it can be ended with all that it has started.
apart() {
	local logs=$logs/beside passed=0 failed=0 skipped=0

	mkdir "$logs"
	"$@"
	echo "$passed $failed $skipped" >"$logs/counts"
}

# beside COMMAND...: parts that run at the same time as what follows. joined() tells what came of them:
# those that end without having said so have failed.
beside() {
	set -m
	apart "$@" </dev/null >"$logs/beside.log" 2>&1 &
	beside=$!
	set +m
}

# A check that is ended doesn't leave half of itself behind.
end_beside() {
	[[ -n $beside ]] || return 0
	! kill -- -"$beside" 2>/dev/null || wait "$beside" || true
}

joined() {
	local more=(0 0 0)

	wait "$beside" || true
	beside=
	cat "$logs/beside.log"
	if [[ -e $logs/beside/counts ]]; then
		read -ra more <"$logs/beside/counts"
	else
		fail "what runs beside the others was cut off"
	fi
	[[ ! -e $logs/beside/failures ]] || cat "$logs/beside/failures" >>"$logs/failures"
	passed=$((passed + more[0])) failed=$((failed + more[1])) skipped=$((skipped + more[2]))
}

# The last lines of a check; its status says whether anything failed.
sum_up() {
	[[ $failed -eq 0 ]] || { printf '\n== what failed\n' && cat "$logs/failures"; }
	printf '\n%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
	[[ $failed -eq 0 ]] || exit 1
}
