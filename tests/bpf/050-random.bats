#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Random layers look the same through a view and through kernel overlayfs, by the kernel's own marks
# and by the filter overlay. A seed that fails is printed and can be given alone: SEED=n SEEDS=1.

# Lists of numbers are meant to be split.
# shellcheck disable=SC2046

load helpers

@test "random layers, ${SEEDS:-200} sets from seed ${SEED:-1}" {
	local middle=$((SEED + SEEDS / 2))

	load_filter overlay
	# Two at a time, since the VM has two CPUs.
	"$CHECKOUT/tests/bpf/compare" $(seq "$SEED" $((middle - 1))) >first 2>&1 &
	log "$CHECKOUT/tests/bpf/compare" $(seq "$middle" $((SEED + SEEDS - 1)))
	wait $! || status=1
	cat first
	[[ $status == 0 ]]
	unload overlay
}
