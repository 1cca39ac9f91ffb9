/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Deleting names: from the upper, or by a whiteout, or both in one step.
 */
#pragma once

#include "union/dir.h"

/* What a file's several names have in common; key "" for a file with one. */
struct lamina_links {
	const char *key;
	unsigned int lower_nlink;
	unsigned int aside; /* links of the copy that are no names: in the work directory */
};

/*
 * Delete the name @name of @dir, which has an upper part. @self is the directory that has the name,
 * or NULL if it is no directory; one that shows any name is -ENOTEMPTY. The deleted object stays
 * usable through fds of it. Returns 1 if @links has a lower file and this was the last of its names.
 */
errint_t lamina_remove(struct lamina_union *u, struct lamina_dir *dir, const char *name,
		       struct lamina_dir *self, const struct lamina_links *links);

/*
 * Make the directory whose upper part @name lies in @dir and which shows no name empty on disk as
 * well: opaque if @merged, when anything lies below it, and free of whiteouts, also if @xwhiteouts of
 * marked files.
 */
errint_t lamina_remove_leftovers(const struct lamina_union *u, struct lamina_dir *dir,
				 const char *name, bool merged, bool xwhiteouts);

/*
 * Exchange the upper object @name of @dir (an empty directory if @is_dir) for a whiteout, so that
 * what lies below is never seen.
 */
errint_t lamina_remove_by_whiteout(const struct lamina_union *u, struct lamina_dir *dir,
				   const char *name, bool is_dir);

/* The name @name of @dir, a lower one of @links, is about to no longer show the lower file. */
errint_t lamina_links_cover(struct lamina_union *u, const struct lamina_links *links,
			    const struct lamina_dir *dir, const char *name);

/*
 * It has gone: count it, and end the index entry of a file without names. Returns 1 if it has none,
 * else 0 or -errno.
 */
errint_t lamina_links_covered(struct lamina_union *u, const struct lamina_links *links);

/* As above, when an upper name has gone. */
errint_t lamina_links_settle(struct lamina_union *u, const struct lamina_links *links);
