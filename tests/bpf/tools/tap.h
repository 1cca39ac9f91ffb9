/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Results of tests in TAP, a property a line. */
#pragma once

#include <stdbool.h>

#include "view.h"

static int tests, failures;

static inline void result(bool ok, const char *property, const char *detail)
{
	tests++;
	failures += !ok;
	printf("%sok %d - %s\n", ok ? "" : "not ", tests, property);
	if (!ok)
		printf("# %s\n", detail);
	fflush(stdout);
}

/* @error is what must have come with a negative @ret; 0 for none. */
static inline void expect(const char *property, long ret, int error)
{
	int got = ret < 0 ? errno : 0;
	char detail[128];

	snprintf(detail, sizeof(detail), "expected %s, got %s",
		 error ? strerrorname_np(error) : "0", got ? strerrorname_np(got) : "0");
	result(got == error, property, detail);
}

/* What the tests stand on. */
static inline void must(long ret, const char *what)
{
	if (ret < 0)
		fail(what);
}

static inline int tap_end(void)
{
	printf("1..%d\n", tests);
	return failures != 0;
}
