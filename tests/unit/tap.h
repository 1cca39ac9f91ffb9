/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The Test Anything Protocol for C: ok() prints a line a test, tap_done() the plan.
 */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static unsigned int tap_n, tap_failed;

static inline void __attribute__((__format__(__printf__, 2, 3))) ok(bool holds, const char *what,
								    ...)
{
	va_list args;

	printf("%sok %u ", holds ? "" : "not ", ++tap_n);
	va_start(args, what);
	vprintf(what, args);
	va_end(args);
	putchar('\n');
	tap_failed += !holds;
}

static inline void same_text(const char *actual, const char *expected, const char *what)
{
	bool same = actual && expected ? !strcmp(actual, expected) : actual == expected;

	ok(same, "%s", what);
	if (!same)
		printf("# expected: %s\n# actual:   %s\n", expected ? expected : "(null)",
		       actual ? actual : "(null)");
}

static inline void same_number(long long actual, long long expected, const char *what)
{
	ok(actual == expected, "%s", what);
	if (actual != expected)
		printf("# expected: %lld\n# actual:   %lld\n", expected, actual);
}

static inline int tap_done(void)
{
	printf("1..%u\n", tap_n);
	return tap_failed ? 1 : 0;
}
