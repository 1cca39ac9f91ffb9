// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Names to patterns. A word is what stands between anything but letters, digits and '_'.
 */
#include "learned/names.h"

#include <ctype.h>
#include <string.h>

/* The shortest thing that mkstemp() and its like put into a name. */
#define RANDOM_LENGTH 6

/* Changes between small letters, capitals and digits in a word that nobody has thought of. */
#define RANDOM_CHANGES 3

static bool in_word(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

static unsigned int class_of(char c)
{
	if (isdigit((unsigned char)c))
		return 1;
	return isupper((unsigned char)c) ? 2 : 3;
}

static bool is_number(const char *word, size_t n)
{
	return strspn(word, "0123456789") >= n;
}

static bool looks_random(const char *word, size_t n)
{
	unsigned int changes = 0;

	for (size_t i = 1; i < n; i++)
		changes += class_of(word[i]) != class_of(word[i - 1]);
	return n >= RANDOM_LENGTH && changes >= RANDOM_CHANGES;
}

static bool is_other_next_time(const char *word, size_t n, enum lamina_name_kind kind)
{
	switch (kind) {
	case LAMINA_NAME_PASSING:
		return n >= RANDOM_LENGTH || is_number(word, n);
	case LAMINA_NAME_MADE:
		return looks_random(word, n);
	default:
		return false;
	}
}

/* As it is: what means something in a pattern keeps that to itself, a byte that is no text can be any. */
static void add_literal(const char *bytes, size_t n, struct lamina_text *ret)
{
	while (n > 0) {
		size_t length = lamina_text_character(bytes, n);

		if (length == 1 && strchr("*?[\\", *bytes))
			lamina_text_add(ret, "\\", 1);
		if (length == 0 || (unsigned char)*bytes < ' ' || *bytes == 0x7f)
			lamina_text_add(ret, "?", 1);
		else
			lamina_text_add(ret, bytes, length);
		length = length ? length : 1;
		bytes += length;
		n -= length;
	}
}

/* The bytes of the character at @at. */
static size_t character(const char *at)
{
	size_t n = lamina_text_character(at, strlen(at));

	return n ? n : 1;
}

/*
 * What follows a '*' at a fixed distance makes an automaton remember all of the bytes between: so beside a
 * '*' a '?' becomes one as well.
 */
static void join_wildcards(struct lamina_text *text, size_t start)
{
	bool after_star = false;
	size_t to = start;

	for (size_t at = start; at < text->n; at++) {
		char c = text->bytes[at];
		bool star = c == '?' || c == '*';

		if (!star || !after_star)
			text->bytes[to++] = star ? '*' : c;
		if (c == '\\' && at + 1 < text->n)
			text->bytes[to++] = text->bytes[++at];
		after_star = star;
	}
	text->bytes[to] = '\0';
	text->n = to;
}

void lamina_learned_name(const char *name, enum lamina_name_kind kind, const char *base,
			 struct lamina_text *ret)
{
	size_t n = base ? strlen(base) : 0, start = ret->n;
	bool varies = false;

	add_literal(name, n, ret);
	for (const char *at = name + n; *at;) {
		size_t word = 0;

		while (in_word(at[word]))
			word++;
		if (word && is_other_next_time(at, word, kind)) {
			varies = true;
			lamina_text_add(ret, "*", 1);
			at += word;
			continue;
		}
		word = word ? word : character(at);
		add_literal(at, word, ret);
		at += word;
	}
	if (varies && !ret->broken)
		join_wildcards(ret, start);
}
