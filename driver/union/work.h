/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The work directory: where an object is made ready before it appears in the upper in one step,
 * and where it goes to be taken apart. Whatever lies here at mount time is a leftover.
 */
#pragma once

#include "base/cleanup.h"
#include "union/union.h"

#define LAMINA_WORK_NAME_SIZE 24

/* A name that nothing in the work directory has. */
void lamina_work_name(char name[LAMINA_WORK_NAME_SIZE]);

/* Remove @name of @dirfd with all that is in it. Returns 0 (also if it is not there) or -errno. */
errint_t lamina_work_remove_tree(int dirfd, const char *name);

/* Remove all entries of the directory @dirfd. */
errint_t lamina_work_clear(int dirfd);

/*
 * The directory @name of @dirfd, made if it is not there: a place to make objects, which get nothing
 * from it. Returns an fd or -errno.
 */
errint_t lamina_work_open_dir(int dirfd, const char *name);

/*
 * The same for the directory @name beside the work directory: for others than us who work in the
 * upper.
 */
errint_t lamina_work_open_beside(const struct lamina_union *u, const char *name);

/*
 * A directory in which new objects get what a new object of the upper directory @parent gets from
 * it: group and default ACL. `fd` is the work directory itself where the parent hands down nothing.
 */
struct lamina_nursery {
	const struct lamina_union *u;
	int fd;
	char name[LAMINA_WORK_NAME_SIZE]; /* "" if it is the work directory */
};

errint_t lamina_nursery_open(const struct lamina_union *u, int parent, struct lamina_nursery *ret);
void lamina_nursery_close(struct lamina_nursery *nursery);

#define _cleanup_nursery_ _cleanup_(lamina_nursery_close)
