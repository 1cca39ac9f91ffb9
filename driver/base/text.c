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

size_t lamina_text_character(const char *text, size_t left)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t n = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;

	if (s[0] > 0xf4 || n == 0 || n > left)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return n;
}

static bool is_octal(char c)
{
	return c >= '0' && c <= '7';
}

static unsigned int digit(char c)
{
	return (unsigned int)(c - '0');
}

void lamina_text_unescape(char *text)
{
	char *to = text;

	/* A text that ends within an escape ends the test for one: its NUL is no digit. */
	for (; *text; text++) {
		if (text[0] == '\\' && is_octal(text[1]) && is_octal(text[2]) &&
		    is_octal(text[3])) {
			*to++ = (char)(digit(text[1]) << 6 | digit(text[2]) << 3 | digit(text[3]));
			text += 3;
		} else {
			*to++ = *text;
		}
	}
	*to = '\0';
}

/* The number of the character @text of @n bytes, which is valid UTF-8. */
static unsigned int number(const char *text, size_t n)
{
	unsigned int c = (unsigned char)text[0];

	if (n > 1)
		c &= 0x7fu >> n;
	for (size_t i = 1; i < n; i++)
		c = c << 6 | ((unsigned char)text[i] & 0x3fu);
	return c;
}

/* Characters that turn the direction of writing: what follows them looks like something else. */
static bool turns(unsigned int c)
{
	return c == 0x61c || c == 0x200e || c == 0x200f || (c >= 0x202a && c <= 0x202e) ||
	       (c >= 0x2066 && c <= 0x2069);
}

/* Whether a terminal may take the character of @n bytes at @text for a command; 0 bytes: it is none. */
static bool is_command(const char *text, size_t n)
{
	unsigned int c = number(text, n);

	return n == 0 || c < ' ' || (c >= 0x7f && c < 0xa0) || turns(c);
}

#define ESCAPE_SIZE sizeof("\\000")

/*
 * The next piece of *@text, which is moved on: a character, or the escape of a byte, in @piece. Returns its
 * length; 0: the text has ended.
 */
static size_t next_piece(const char **text, char piece[ESCAPE_SIZE])
{
	size_t n = **text ? lamina_text_character(*text, strlen(*text)) : 0;

	if (!**text)
		return 0;
	if (is_command(*text, n)) {
		n = (size_t)snprintf(piece, ESCAPE_SIZE, "\\%03o", (unsigned char)**text);
		++*text;
	} else {
		memcpy(piece, *text, n);
		*text += n;
	}
	return n;
}

void lamina_text_escape(char *ret, size_t size, const char *text)
{
	char piece[ESCAPE_SIZE];
	size_t n, used = 0;

	while ((n = next_piece(&text, piece)) > 0 && used + n < size) {
		memcpy(ret + used, piece, n);
		used += n;
	}
	ret[used] = '\0';
}

void lamina_text_put(FILE *file, const char *text)
{
	char piece[ESCAPE_SIZE];
	size_t n;

	while ((n = next_piece(&text, piece)) > 0)
		fwrite(piece, 1, n, file);
}

void lamina_text_json(struct lamina_text *text, const char *string)
{
	lamina_text_add(text, "\"", 1);
	for (size_t left = strlen(string); left > 0;) {
		size_t n = lamina_text_character(string, left);
		unsigned char c = (unsigned char)*string;

		if (c == '"' || c == '\\')
			lamina_text_print(text, "\\%c", c);
		else if (is_command(string, n))
			lamina_text_print(text, "\\u%04x", n ? number(string, n) : c);
		else
			lamina_text_add(text, string, n);
		n = n ? n : 1;
		string += n;
		left -= n;
	}
	lamina_text_add(text, "\"", 1);
}
