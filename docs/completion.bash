# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Completion of lamina for bash: the program itself says which words may follow.

_lamina() {
	local word=${COMP_WORDS[COMP_CWORD]}

	mapfile -t COMPREPLY < <(compgen -W "$("${COMP_WORDS[0]}" --complete "${COMP_WORDS[@]:1:COMP_CWORD-1}")" -- "$word")
	[[ ${#COMPREPLY[@]} -gt 0 || $word == -* ]] || mapfile -t COMPREPLY < <(compgen -f -- "$word")
}

complete -F _lamina lamina
