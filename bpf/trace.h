/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the filter trace shares with `lamina trace`. */
#pragma once

#include <linux/types.h>

#define TRACE_COMM_LEN 16
#define TRACE_NAME_LEN 256

struct trace_event {
	__u64 time; /* CLOCK_MONOTONIC, ns */
	__u64 view; /* st_dev */
	__u64 ino;  /* of the object; of the directory for a lookup */
	__u64 pos;
	__u64 len;
	__u32 pid;
	__u16 op;    /* enum fuse_filter_op */
	__u16 named; /* it is a struct trace_named */
	__u32 flags; /* of an open */
	__u32 unused;
};

struct trace_named {
	struct trace_event event;
	char comm[TRACE_COMM_LEN];
	char name[TRACE_NAME_LEN];
};
