/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A text that is put together, with a NUL at its end.
 */
#pragma once

#include <stdarg.h>
#include <stdio.h>

struct text {
	char bytes[65536];
	size_t n;
};

static inline void __attribute__((__format__(__printf__, 2, 3))) add(struct text *t,
								     const char *format, ...)
{
	va_list args;

	va_start(args, format);
	t->n += (size_t)vsnprintf(t->bytes + t->n, sizeof(t->bytes) - t->n, format, args);
	va_end(args);
}
