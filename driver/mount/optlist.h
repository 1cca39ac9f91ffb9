/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Option lists "a,b=c,d=\"e,f\"" as mount programs get them: a value may be quoted, and a backslash
 * takes the meaning from the character behind it (a comma, a quote, a backslash; in a list of
 * directories also a colon). libmount's splitter knows no backslashes, hence this one.
 */
#pragma once

#include "base/errint.h"

/*
 * Cut the next option off *@at, which moves behind it: *@ret_name and *@ret_value (NULL if there is
 * no "=") point into the list, which is changed for that. Escapes are kept, quotes are not. Empty
 * options are passed over. Returns 1, 0 at the end, or -EINVAL for a quote without an end.
 */
errint_t lamina_optlist_next(char **at, char **ret_name, char **ret_value);

/* Cut the next element off *@at, at an unescaped @separator. NULL at the end. */
char *lamina_optlist_cut(char **at, char separator);

/* Take the escapes out of @text, in place. */
void lamina_optlist_unescape(char *text);
