// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Sentences about what failed. No locks: an error belongs to the thread that fills it.
 */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

/* What is said may hold names, and words, of anyone; the rest of @error stays as it is. */
__attribute__((__format__(__printf__, 2, 0))) static void say(struct lamina_error *error,
							      const char *format, va_list args)
{
	char text[sizeof(error->text)];

	vsnprintf(text, sizeof(text), format, args);
	lamina_text_escape(error->text, sizeof(error->text), text);
}

errint_t lamina_error_set(struct lamina_error *error, errint_t err, const char *format, ...)
{
	va_list args;
	size_t length;

	va_start(args, format);
	say(error, format, args);
	va_end(args);

	length = strlen(error->text);
	if (err < 0 && length < sizeof(error->text))
		snprintf(error->text + length, sizeof(error->text) - length, ": %s",
			 strerror(-err));
	return err;
}

errint_t lamina_error_say(struct lamina_error *error, errint_t err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(error, format, args);
	va_end(args);
	return err;
}

errint_t lamina_error_wrap(struct lamina_error *error, errint_t err, const char *format, ...)
{
	char inner[sizeof(error->text)];
	size_t length;
	va_list args;

	memcpy(inner, error->text, sizeof(inner));
	va_start(args, format);
	say(error, format, args);
	va_end(args);

	length = strlen(error->text);
	snprintf(error->text + length, sizeof(error->text) - length, ": %s", inner);
	return err;
}
