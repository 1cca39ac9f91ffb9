// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/mountinfo.h"

#include <stdbool.h>

static bool is_octal(char c)
{
	return c >= '0' && c <= '7';
}

static unsigned int digit(char c)
{
	return (unsigned int)(c - '0');
}

void lamina_mountinfo_unescape(char *text)
{
	char *to = text;

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
