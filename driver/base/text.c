// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Growing text. No locks: a text belongs to who builds it.
 */
#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void lamina_text_done(struct lamina_text *text)
{
	free(text->bytes);
	*text = (struct lamina_text){0};
}

static bool reserve(struct lamina_text *text, size_t n)
{
	size_t room = text->room ? text->room : 256;
	char *bytes;

	if (text->broken)
		return false;
	while (room <= text->n + n)
		room *= 2;
	if (room == text->room)
		return true;
	bytes = realloc(text->bytes, room);
	if (!bytes) {
		text->broken = true;
		return false;
	}
	text->bytes = bytes;
	text->room = room;
	return true;
}

void lamina_text_add(struct lamina_text *text, const char *bytes, size_t n)
{
	if (!reserve(text, n))
		return;
	memcpy(text->bytes + text->n, bytes, n);
	text->n += n;
	text->bytes[text->n] = '\0';
}

void lamina_text_print(struct lamina_text *text, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (n < 0 || !reserve(text, (size_t)n))
		return;
	va_start(args, format);
	vsnprintf(text->bytes + text->n, (size_t)n + 1, format, args);
	va_end(args);
	text->n += (size_t)n;
}

/* How many bytes the UTF-8 character at @at has; 0: it is none. */
static size_t utf8_length(const unsigned char *at)
{
	static const struct {
		unsigned char mask, value;
		size_t length;
		unsigned int least; /* a longer form than needed is not valid */
	} forms[] = {
		{0x80, 0x00, 1, 0},
		{0xe0, 0xc0, 2, 0x80},
		{0xf0, 0xe0, 3, 0x800},
		{0xf8, 0xf0, 4, 0x10000},
	};

	for (size_t f = 0; f < sizeof(forms) / sizeof(forms[0]); f++) {
		unsigned int c = at[0] & (unsigned char)~forms[f].mask;

		if ((at[0] & forms[f].mask) != forms[f].value)
			continue;
		for (size_t i = 1; i < forms[f].length; i++) {
			if ((at[i] & 0xc0) != 0x80)
				return 0;
			c = c << 6 | (at[i] & 0x3f);
		}
		if (c < forms[f].least || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
			return 0;
		return forms[f].length;
	}
	return 0;
}

void lamina_text_json(struct lamina_text *text, const char *string)
{
	const unsigned char *at = (const unsigned char *)string;

	lamina_text_add(text, "\"", 1);
	while (*at) {
		size_t length = utf8_length(at);

		if (*at == '"' || *at == '\\')
			lamina_text_print(text, "\\%c", *at);
		else if (length == 0 || *at < ' ' || *at == 0x7f)
			lamina_text_print(text, "\\u%04x", *at);
		else
			lamina_text_add(text, (const char *)at, length);
		at += length ? length : 1;
	}
	lamina_text_add(text, "\"", 1);
}
