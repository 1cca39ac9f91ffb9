/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the filter hide shares with who fills in its rules. */
#pragma once

#include <linux/types.h>

#define HIDE_NOTHING  0	  /* a node without rules */
#define HIDE_NAME_LEN 256 /* NAME_MAX and a NUL */

/* A view's cookie is the node of its root; this is what `lamina mount` gives by default. */
#define HIDE_ROOT 1

struct hide_key {
	__u64 node;
	char name[HIDE_NAME_LEN]; /* the rest is zero */
};

struct hide_rule {
	__u64 node; /* of the directory with this name */
	__u32 hidden;
	__u32 unused;
};
