/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The error that a person reads: one sentence with what was being done, the path, and the cause.
 * Set where the cause is known, wrapped by who knows the purpose, printed once, by main.
 * The contract is in docs/errors.md. What a terminal takes for a command is escaped (base/text.h).
 */
#pragma once

#include "base/errint.h"

struct lamina_error {
	char text[1024]; /* empty: no error was set */
};

/*
 * Set @error to the formatted text, followed by ": " and the name of -@err when @err is negative.
 * Returns @err, so that a caller can `return lamina_error_set(...)`.
 */
errint_t lamina_error_set(struct lamina_error *error, errint_t err, const char *format, ...)
	__attribute__((__format__(__printf__, 3, 4)));

/* The same where the text says it all: the name of -@err is left out. Returns @err. */
errint_t lamina_error_say(struct lamina_error *error, errint_t err, const char *format, ...)
	__attribute__((__format__(__printf__, 3, 4)));

/* Put "formatted text: " in front of what @error says already. Returns @err. */
errint_t lamina_error_wrap(struct lamina_error *error, errint_t err, const char *format, ...)
	__attribute__((__format__(__printf__, 3, 4)));
