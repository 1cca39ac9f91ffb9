/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Renaming upper objects. An object with a lower part never moves by itself: the caller has copied
 * it up before, a directory with all that it shows.
 */
#pragma once

#include "union/dir.h"
#include "union/remove.h"

struct lamina_rename_end {
	struct lamina_dir *dir; /* has an upper part */
	const char *name;
	struct lamina_dir *self;   /* the object, if it is a directory; else NULL */
	struct lamina_links links; /* of the object, if it is none */
	bool exists;		   /* at the new end: something is replaced, or exchanged */
};

/*
 * Rename @from to @to. @flags: 0, RENAME_NOREPLACE or RENAME_EXCHANGE; anything else is -EINVAL,
 * as for overlayfs. @from must lie wholly in the upper; so must @to for an exchange, and a directory
 * that is replaced must lie there as well where whiteouts are marked files. A directory
 * that is replaced must show no name (-ENOTEMPTY). Returns 1 if a file with a lower origin was
 * replaced and lost its last name by that.
 */
errint_t lamina_rename(struct lamina_union *u, struct lamina_rename_end *from,
		       struct lamina_rename_end *to, unsigned int flags);
