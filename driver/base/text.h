/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Text that grows, and text as JSON. Without memory a text is marked as broken and stays so: who
 * builds one looks once, at the end.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/cleanup.h"

struct lamina_text {
	char *bytes; /* NUL-terminated, or NULL as long as nothing was added */
	size_t n, room;
	bool broken;
};

void lamina_text_done(struct lamina_text *text);

#define _cleanup_text_ _cleanup_(lamina_text_done)

void lamina_text_add(struct lamina_text *text, const char *bytes, size_t n);
void lamina_text_print(struct lamina_text *text, const char *format, ...)
	__attribute__((__format__(__printf__, 2, 3)));

/* The length of the UTF-8 character at @text, of which @left bytes are there; 0: there is none. No
 * overlong ones, no surrogates. */
size_t lamina_text_character(const char *text, size_t left);

/*
 * Put the bytes that are written as a backslash and three octal digits ("\\040": a space) back in their
 * place, in @text itself. Anything else stays as it is, also a backslash with fewer digits. Mount tables and
 * records (mount/record.h) are written that way.
 */
void lamina_text_unescape(char *text);

/*
 * Copy @text, which may be anyone's, to the @size bytes at @ret, so that a terminal takes nothing in it for a command:
 * control characters, also those of ISO 8859-1 that UTF-8 has in two bytes, characters that turn the direction of
 * writing, and bytes that are no UTF-8 become a backslash and three octal digits. What does not fit is left out.
 */
void lamina_text_escape(char *ret, size_t size, const char *text);

/* Print @text to @file in the same way. */
void lamina_text_put(FILE *file, const char *text);

/* Add @string as a JSON string, with its quotes. A byte that is no part of valid UTF-8 becomes the
 * character of its number, so that different names stay different and the result is valid. */
void lamina_text_json(struct lamina_text *text, const char *string);
