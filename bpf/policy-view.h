/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the filter policy shares with who puts policies in force, and reads what it tells. */
#pragma once

#include <linux/types.h>

/*
 * The data of a view that has a policy: these words, the compiled table, for each of its rows the
 * accesses to ask about, and the rest of the bundle (driver/guard/bundle.h), which is for people only.
 */
enum policy_data {
	POLICY_DATA_MAGIC,
	POLICY_DATA_FLAGS,
	POLICY_DATA_ID,	   /* of this policy, for events */
	POLICY_DATA_MASKS, /* where they are */
	POLICY_DATA_REST,  /* where that is */
	POLICY_DATA_REST_BYTES,
	POLICY_DATA_TABLE_WORDS,
	POLICY_DATA_RESERVED,
	POLICY_DATA_TABLE, /* where it is */
};

#define POLICY_DATA_IS	    0x3161446cu /* "lDa1" */
#define POLICY_DATA_REFUSES 1u		/* some verdict is a refusal */
#define POLICY_DATA_LEARNS  2u		/* somebody learns what is used; see below */
#define POLICY_DATA_NOTHING 4u		/* that is all: no policy is in force */

/*
 * A view's cookie is this and the id of the mount namespace that made the view, whose processes are
 * not bound; and so it is told from the states of directories.
 */
#define POLICY_COOKIE (1ULL << 63)

#define POLICY_COMM_LEN 16
#define POLICY_PATH_LEN 1024

struct policy_event {
	__u64 turn; /* see below */
	__u64 time; /* CLOCK_REALTIME is made of it by who reads: CLOCK_BOOTTIME, ns */
	__u32 view; /* st_dev */
	__u32 pid;  /* of the thread */
	__u32 access;
	__u32 verdict;
	__u32 id;	/* of the policy */
	__u32 left_out; /* events of this view before, since there were too many */
	char comm[POLICY_COMM_LEN];
	char path[POLICY_PATH_LEN]; /* empty if it is longer */
};

/*
 * Events of all views, in one ring: event n is in events[n % POLICY_EVENTS] and has the turn n + 1;
 * while it is written TURN_BUSY. Old ones are overwritten, so nobody has to read them. Who does
 * looks at the turn before and after.
 */
#define POLICY_EVENTS 1024 /* a power of two */

struct policy_ring {
	__u64 head; /* events that were begun */
	__u64 unused[7];
	struct policy_event events[POLICY_EVENTS];
};

/*
 * What is used, for who learns (driver/bpf/policy-uses.h): of each access, to what is governed or not,
 * by a process that is bound. The map `learners` says who learns of which view, the map `uses` has the
 * ring of each.
 */
#define POLICY_LEARNERS 64

struct policy_learner {
	__u64 lost; /* uses for which the ring had no room */
	__u32 pid;
	__u32 unused;
};

#define POLICY_USE_COMES \
	1u /* what this thread told of before this gets this name, or has it as well */
#define POLICY_USE_DIR 2u /* with COMES: it is a directory */

struct policy_use {
	__u32 pid; /* of the thread */
	__u32 accesses;
	__u32 flags;
	char path[]; /* ends with a NUL */
};
