# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Sourced first by every script of the tree. A command that fails ends the script, in functions,
# subshells and command substitutions too, and the script says which: file, line, status, command.
# A command that may fail stands in a condition or before `||`.

set -Eeuo pipefail
shopt -s inherit_errexit

# report_failure STATUS LINE COMMAND: each level that gives up adds its line.
report_failure() {
	[[ $- == *e* ]] || return 0
	printf '%s:%s: status %s from: %s\n' "${BASH_SOURCE[1]}" "$2" "$1" "${3%%$'\n'*}" >&2
}

trap 'report_failure "$?" "$LINENO" "$BASH_COMMAND"' ERR

# die SENTENCE: for what is foreseen; says what is wrong and what to do.
die() {
	echo "${0##*/}: $*" >&2
	exit 1
}

# attempt COMMAND...: runs it in a subshell, which ends at the first command that fails; in a condition a
# function would go on. Its status is in $status.
attempt() {
	set +e
	(set -e; "$@")
	status=$?
	set -e
}

# at_most LINES: the first lines of the input, all of which is read.
at_most() { awk -v lines="$1" 'NR <= lines'; }
