// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Splitting option lists. No state.
 */
#include "mount/optlist.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

/* The end of the option at @at: an unescaped comma outside quotes, or the NUL. Quotes go. */
static char *end_of_option(char *at, bool *ret_open)
{
	bool quoted = false;
	char *to = at;

	for (; *at && (quoted || *at != ','); at++) {
		if (*at == '"') {
			quoted = !quoted;
			continue;
		}
		if (*at == '\\' && at[1])
			*to++ = *at++;
		*to++ = *at;
	}
	*ret_open = quoted;
	if (to < at)
		*to = '\0';
	return at;
}

errint_t lamina_optlist_next(char **at, char **ret_name, char **ret_value)
{
	char *start, *end, *equals;
	bool open, last;

	while (**at == ',')
		(*at)++;
	if (!**at)
		return 0;
	start = *at;
	end = end_of_option(start, &open);
	if (open)
		return -EINVAL;
	last = !*end;
	*end = '\0';
	*at = last ? end : end + 1;
	for (equals = start; *equals && *equals != '='; equals++)
		;
	*ret_name = start;
	*ret_value = *equals ? equals + 1 : NULL;
	*equals = '\0';
	return 1;
}

char *lamina_optlist_cut(char **at, char separator)
{
	char *start = *at, *end = start;

	if (!start)
		return NULL;
	while (*end && *end != separator)
		end += *end == '\\' && end[1] ? 2 : 1;
	*at = *end ? end + 1 : NULL;
	*end = '\0';
	return start;
}

void lamina_optlist_unescape(char *text)
{
	char *to = text;

	for (; *text; text++) {
		if (*text == '\\' && text[1])
			text++;
		*to++ = *text;
	}
	*to = '\0';
}
