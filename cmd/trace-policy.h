/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>

struct trace_policy_options {
	const char *target;    /* a container or mountpoint; NULL: all */
	unsigned long seconds; /* 0: until interrupted, or the mount is gone */
	bool follow;	       /* else end with what is still there */
	bool json;
};

/* Print the audit of policies. Returns the exit status. */
int trace_policy(const struct trace_policy_options *options);
