/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A line of the audit of policies: a JSON object that says what a policy refused, hid, or was told to
 * write down. See docs/policy.md.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "base/text.h"
#include "policy/compile.h"

struct lamina_line {
	struct timespec time; /* CLOCK_REALTIME */
	const char *mount;
	const char *label; /* the container, or "" */
	uint64_t dropped;  /* lines that were left out before this one */
	pid_t pid;
	const char *comm, *exe; /* "" where they can't be seen */
	const char *path;
	unsigned int access, verdict;
	const struct lamina_compiled
		*compiled; /* whose verdict it is; NULL: it is not known any more */
};

/* Append it to @text, with a newline. */
void lamina_line_print(struct lamina_text *text, const struct lamina_line *line);
