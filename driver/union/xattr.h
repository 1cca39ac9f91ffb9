/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Extended attributes: of objects in layers (raw), and as a container may see them (outer).
 *
 * Private to a union and never shown: overlayfs' `trusted.overlay.*` and `user.overlay.*`,
 * fuse-overlayfs' `user.fuseoverlayfs.*`, containers' `user.containers.override_*`, and our own
 * `trusted.lamina.*` and `user.lamina.*`. A container that uses the overlay names itself (an
 * overlayfs inside the container) gets them stored one level deeper, as overlayfs does:
 * `trusted.overlay.x` is kept as `trusted.overlay.overlay.x`.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "union/union.h"

/* Longest name on disk: the VFS' XATTR_NAME_MAX and a NUL. */
#define LAMINA_XATTR_NAME_SIZE 256

/* What a write takes away. */
#define LAMINA_XATTR_CAPABILITY "security.capability"

/*
 * Raw access to the object @name in @dirfd itself, never to a link's target. Results as of
 * lgetxattr(2) and llistxattr(2), or -errno. The dirfd may be O_PATH.
 */
ssize_t lamina_xattr_get_at(int dirfd, const char *name, const char *xattr, void *value,
			    size_t size);
ssize_t lamina_xattr_list_at(int dirfd, const char *name, char *list, size_t size);

/* Raw access to what @fd (any kind, also O_PATH of a symbolic link) refers to. */
ssize_t lamina_xattr_get_fd(int fd, const char *xattr, void *value, size_t size);
errint_t lamina_xattr_set_fd(int fd, const char *xattr, const void *value, size_t size, int flags);
ssize_t lamina_xattr_list_fd(int fd, char *list, size_t size);
errint_t lamina_xattr_remove_fd(int fd, const char *xattr);

/* Whether an error only says that there is no such attribute, or none at all, here. */
bool lamina_xattr_absent(ssize_t result);

/*
 * As a container sees them. @layer is the layer that holds the object of @fd: it decides where
 * `security.*` is kept. Getting a private name is -ENODATA, setting or removing one -EPERM.
 * @trusted: `trusted.*` is listed as well, which file systems do for the privileged only.
 */
ssize_t lamina_xattr_outer_get(const struct lamina_union *u, unsigned int layer, int fd,
			       const char *xattr, void *value, size_t size);
ssize_t lamina_xattr_outer_list(const struct lamina_union *u, unsigned int layer, int fd,
				bool trusted, char *list, size_t size);
errint_t lamina_xattr_outer_set(const struct lamina_union *u, int fd, const char *xattr,
				const void *value, size_t size, int flags);
errint_t lamina_xattr_outer_remove(const struct lamina_union *u, int fd, const char *xattr);

/*
 * Give the upper object @to all that a container can see of @from, which lies in @layer. What the
 * upper cannot hold for lack of support or of a mapping is left out, as overlayfs does; any other
 * error ends the copy.
 */
errint_t lamina_xattr_copy(const struct lamina_union *u, unsigned int layer, int from, int to);

/* The name of our own record "lamina.@what" in this union's namespace; false if there is none. */
bool lamina_xattr_own(const struct lamina_union *u, const char *what,
		      char name[LAMINA_XATTR_NAME_SIZE]);
