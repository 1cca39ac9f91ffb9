/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writing events to a ring that takes no lock; driver/bpf/turns.h reads it. The slot of event n has the
 * turn n + 1 once it is complete.
 */
#pragma once

#include <stdbool.h>

#include <linux/types.h>

#define TURN_BUSY (1ULL << 63)

/* The slot is the caller's until end_turn(). False: somebody still writes there, and the event is lost. */
static __attribute__((always_inline)) inline bool begin_turn(__u64 *turn)
{
	if (*turn & TURN_BUSY)
		return false;
	__sync_lock_test_and_set(turn, TURN_BUSY);
	return true;
}

static __attribute__((always_inline)) inline void end_turn(__u64 *turn, __u64 number)
{
	__sync_lock_test_and_set(turn, number + 1);
}
