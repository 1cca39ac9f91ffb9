/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * New objects in the upper, also where a whiteout stands.
 */
#pragma once

#include "union/dir.h"

struct lamina_new {
	mode_t mode; /* type and permissions, before the umask */
	dev_t rdev;
	const char *target; /* of a symbolic link */
	uid_t uid;
	gid_t gid;
	mode_t umask;
};

/*
 * Create @name in @dir, which has an upper part. For a regular file *@ret_fd becomes an O_RDWR fd
 * of it; for anything else -1. -EEXIST: the upper has the name; -EINVAL: the name is reserved for
 * whiteouts; -ENAMETOOLONG: its deletion could not be recorded; -EPERM: a device 0:0, which is
 * what a whiteout is. A kill at any moment leaves either nothing or the finished object.
 */
errint_t lamina_create(struct lamina_dir *dir, const char *name, const struct lamina_new *what,
		       int *ret_fd);

/*
 * Put a new object in the place of the whiteout @name in the upper part of @dir, in one step; a
 * directory is opaque.
 */
errint_t lamina_create_over(struct lamina_dir *dir, const char *name,
			    const struct lamina_new *what);

/*
 * A file without a name, in the upper part of @dir, which can be given one: whether a caller may do
 * that is the VFS's matter. Returns an O_RDWR fd or -errno.
 */
errint_t lamina_create_unnamed(struct lamina_dir *dir, const struct lamina_new *what);

/* Give the upper object @fd (may be unnamed) the name @name in @dir. Errors as lamina_create(). */
errint_t lamina_create_link(struct lamina_dir *dir, const char *name, int fd);

/* Whether a container may give an object the name @name: 0, -EINVAL or -ENAMETOOLONG. */
errint_t lamina_name_allowed(const struct lamina_union *u, const char *name);
