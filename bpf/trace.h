/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the filter trace shares with who reads what it tells. */
#pragma once

#include <linux/types.h>

#define TRACE_COMM_LEN 16
#define TRACE_NAME_LEN 256

struct trace_event {
	__u64 turn; /* in a ring: see there */
	__u64 time; /* CLOCK_MONOTONIC, ns */
	__u64 ino;  /* of the object; of the directory for a lookup */
	__u64 pos;
	__u64 len;
	__u32 view; /* st_dev */
	__u32 pid;
	__u32 op; /* enum fuse_filter_op */
	__u32 unused;
};

/* Lookups and opens are told in a BPF ring buffer, with names. */
struct trace_named {
	struct trace_event event;
	char comm[TRACE_COMM_LEN];
	char name[TRACE_NAME_LEN];
};

/*
 * What is done with open files is told in rings, one a CPU, which take no lock. Event n is in
 * events[n % TRACE_EVENTS] and has the turn n + 1; while it is written TURN_BUSY. Old ones are
 * overwritten. A writer that finds a slot busy, or is preempted for too long, loses its event, but
 * none is ever half of one and half of another: who reads one looks at its turn before and after.
 */
#define TRACE_EVENTS 2048 /* a power of two */

struct trace_ring {
	__u64 head; /* events that were begun */
	__u64 unused[7];
	struct trace_event events[TRACE_EVENTS];
};
