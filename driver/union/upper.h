/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the upper's file system can do, and what is done where it cannot. Everything is tried once, at
 * mount, on objects of the work directory, and what was made is looked at: there are file systems that
 * answer success, or EEXIST, and make nothing.
 */
#pragma once

#include "union/union.h"
#include "union/work.h"

/*
 * Find out what the upper can hold: fills `can`, `xattr_ns`, `whiteout_form` and `name_max`. The work
 * directory is open and empty, and is so afterwards. -EOPNOTSUPP: no whiteout of any form.
 */
errint_t lamina_upper_probe(struct lamina_union *u, bool dot_whiteouts);

/*
 * An empty regular file of the daemon's own, which nothing shows. @fresh becomes its name in the work
 * directory, or "" where the upper can hold files without a name. Returns an O_RDWR fd or -errno.
 */
errint_t lamina_upper_new_file(const struct lamina_union *u, char fresh[LAMINA_WORK_NAME_SIZE]);

/*
 * Move @fresh of the work directory to @name in @dirfd. -EEXIST: there is such a name; where the file
 * system cannot tell (`can.noreplace`), the caller's lock has to make sure that there is none.
 */
errint_t lamina_upper_place(const struct lamina_union *u, const char *fresh, int dirfd,
			    const char *name);

/* Exchange the two names. -EINVAL: the file system cannot (`can.exchange`). */
errint_t lamina_upper_exchange(const struct lamina_union *u, int dirfd, const char *name,
			       int other_dirfd, const char *other);

/*
 * Move @name of @from to @to_name in @to and leave a character device whiteout, in one step. -EINVAL:
 * the file system cannot (`can.rename_whiteout`).
 */
errint_t lamina_upper_rename_whiteout(const struct lamina_union *u, int from, const char *name,
				      int to, const char *to_name);

/* Take the name @name of @dirfd, which is no directory's, away. */
errint_t lamina_upper_unlink(const struct lamina_union *u, int dirfd, const char *name);
