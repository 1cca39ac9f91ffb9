/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Copy-up: a lower object becomes an upper one, complete, in one step. Its owner, mode, times,
 * extended attributes, ACLs, capabilities, inode number and hard links stay what they were; the
 * parent directory's times too.
 */
#pragma once

#include <stdatomic.h>

#include "union/lookup.h"

struct lamina_source {
	unsigned int layer;
	int fd;	     /* the lower object, O_PATH */
	int data_fd; /* O_PATH of the file with its data, if that is another one; else -1 */
	struct statx st;
	uint64_t ino;	 /* the number it shows */
	const char *key; /* of a file with several names; else "" */
	unsigned int lower_nlink;
};

struct lamina_copyup_options {
	off_t size;		   /* copy at most so much data: the rest is truncated anyway */
	const atomic_bool *cancel; /* may be NULL */
};

/*
 * Copy @from up as @name of @parent, which has an upper part. For a file with several names the
 * copy is made once: if the index has it, the name is linked to it. Sets LAMINA_PART_IMPURE in
 * @parent. *@ret_fd becomes an O_RDWR fd of a regular file that was copied, else -1. On error
 * nothing of the copy is visible anywhere. -EEXIST: the upper has the name.
 */
errint_t lamina_copyup(struct lamina_union *u, struct lamina_dir *parent, const char *name,
		       const struct lamina_source *from,
		       const struct lamina_copyup_options *options, int *ret_fd);

/* Copy the regular file @from, which has lost all its names, up without one: an O_RDWR fd of it. */
errint_t lamina_copyup_unnamed(const struct lamina_union *u, const struct lamina_source *from,
			       const struct lamina_copyup_options *options);

/*
 * Give the upper file @to (O_RDWR), which overlayfs left with its attributes alone, its data, which
 * are those of @data (O_PATH). Until all of them are there the file goes on pointing to @data.
 */
errint_t lamina_copyup_data(const struct lamina_union *u, int to, int data,
			    const struct lamina_copyup_options *options);
