/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Mount tables, as far as they are needed here.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/errint.h"

struct lamina_table_entry {
	dev_t dev;
	const char *root; /* what of the file system is mounted */
	const char *target, *type, *source;
	uid_t owner; /* of a FUSE mount the user who made it; LAMINA_TABLE_NO_OWNER: not said */
};

#define LAMINA_TABLE_NO_OWNER ((uid_t) - 1)

/* Whether it is a mount that a daemon of ours serves. */
bool lamina_table_is_served(const struct lamina_table_entry *entry);

/* Whether it is the whole of a mount that may have a policy: of a daemon of ours, or a view. */
bool lamina_table_is_ours(const struct lamina_table_entry *entry);

/* The table of this process's namespace. */
#define LAMINA_TABLE_SELF "/proc/self/mountinfo"

/* Call @each for every mount in the table at @path, until it returns false. Returns 0 or -errno. */
errint_t lamina_table_each(const char *path,
			   bool (*each)(void *user, const struct lamina_table_entry *entry),
			   void *user);

/* The same for one line of a table. Returns whether to go on: what @each returned, or true for what is no line. */
bool lamina_table_line(const char *line,
		       bool (*each)(void *user, const struct lamina_table_entry *entry),
		       void *user);
