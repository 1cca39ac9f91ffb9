# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# The one place where waits are made longer: all that waits for what others do in their own time goes by
# it, as tests/cases/lib.py and tests/tools/tasks.c do. No result depends on how long anything takes; a
# wait only ends what would never end.
#
# LAMINA_TEST_PATIENCE  the factor; without it, the load for each processor, from 1 to 20

# patience SECONDS: so many on a machine that has nothing else to do.
patience() {
	local load factor=${LAMINA_TEST_PATIENCE:-}

	if [[ -z $factor ]]; then
		read -r load _ </proc/loadavg
		factor=$((1 + ${load%.*} / $(nproc)))
		((factor <= 20)) || factor=20
	fi
	echo "$(($1 * factor))"
}

# wait_until COMMAND...: until it succeeds, or else say what the processes do that it waits for: those
# that the function stuck_processes prints.
wait_until() {
	local since=$SECONDS looked=-1

	until "$@"; do
		# The machine may become busy meanwhile; once a second is often enough to look.
		if ((SECONDS != looked)) && ((SECONDS - since >= $(patience 30))); then
			echo "did not come true in $((SECONDS - since)) s: $*" >&2
			show_stuck
			return 1
		fi
		looked=$SECONDS
		sleep 0.02
	done
}

# within SECONDS PROGRAM [ARGUMENT...]: run it, for so long at most on an idle machine. What takes longer is
# ended after the stacks of all that has to do with it are printed.
within() {
	local since=$SECONDS looked=-1 seconds=$1 pid

	shift
	"$@" <&0 &
	pid=$!
	while kill -0 "$pid" 2>/dev/null; do
		if ((SECONDS != looked)) && ((SECONDS - since >= $(patience "$seconds"))); then
			echo "did not end in $((SECONDS - since)) s: $*" >&2
			show_stuck "$pid"
			kill -KILL "$pid" 2>/dev/null || true
			return 124
		fi
		looked=$SECONDS
		sleep 0.02
	done
	wait "$pid"
}

# show_stuck [PID...]: what these processes do, and those that the function stuck_processes prints.
show_stuck() {
	[[ $# -gt 0 || $(type -t stuck_processes) == function ]] || return 0
	# shellcheck disable=SC2046
	"${BASH_SOURCE[0]%/*}/stuck" "$@" $(! [[ $(type -t stuck_processes) == function ]] || stuck_processes) >&2 || true
}
