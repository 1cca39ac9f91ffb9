/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whiteouts and opaque directories: every form that layers hold is read, in every layer; the form
 * that is written is the union's best (see lamina_union.whiteout_form).
 *
 *   deleted name      character device 0:0 with the name          overlayfs
 *                     empty file marked `overlay.whiteout`,       overlayfs in an overlayfs
 *                       in a directory marked `overlay.opaque=x`
 *                     file `.wh.NAME`, hides NAME below its layer AUFS, OCI layers
 *   opaque directory  attribute `{trusted,user}.overlay.opaque`   overlayfs
 *                     attribute `user.fuseoverlayfs.opaque`       fuse-overlayfs
 *                     file `.wh..wh..opq` in it                   AUFS, OCI layers
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "union/union.h"
#include "union/work.h"

#define LAMINA_DOT_WHITEOUT ".wh."
#define LAMINA_DOT_OPAQUE   ".wh..wh..opq"

/* Whether @name belongs to the `.wh.` namespace, which no container can see or use. */
bool lamina_whiteout_reserved(const char *name);

/* `.wh.NAME` in @dot; false if that is too long to exist. */
bool lamina_whiteout_dot_name(const char *name, char dot[NAME_MAX + 1]);

/* Whether `.wh.NAME` lies in @dirfd. Returns 1, 0 or -errno. */
errint_t lamina_whiteout_dot_exists(int dirfd, const char *name);

/*
 * Whether the object @name of @dirfd with attributes @st stands for a deleted name. @xwhiteouts:
 * the directory was marked as one where empty files may be whiteouts. Returns 1, 0 or -errno.
 */
errint_t lamina_whiteout_is(int dirfd, const char *name, const struct statx *st, bool xwhiteouts);

/* What the attributes of one layer's directory say. */
struct lamina_marks {
	bool opaque;
	bool xwhiteouts;
	bool impure;	/* see LAMINA_PART_IMPURE; only ever true in the upper */
	char *redirect; /* owned: "/absolute/path" in the layers below, or another name there */
};

/* Read the marks of the directory @name in @dirfd, of layer @layer. */
errint_t lamina_marks_read(const struct lamina_union *u, unsigned int layer, int dirfd,
			   const char *name, struct lamina_marks *ret);

void lamina_marks_done(struct lamina_marks *marks);

/* Whether the directory @name of @dirfd holds `.wh..wh..opq`. Returns 1, 0 or -errno. */
errint_t lamina_opaque_dot_exists(int dirfd, const char *name);

/* Whether the directory @fd is marked as one where empty files may be whiteouts. */
bool lamina_whiteouts_marked(int fd);

/*
 * Where whiteouts are marked: make one for the upper directory @dirfd, which is marked, too. It is still
 * in the work directory, as @fresh.
 */
errint_t lamina_whiteout_make(const struct lamina_union *u, int dirfd,
			      char fresh[LAMINA_WORK_NAME_SIZE]);

/* Mark the upper directory @fd as one where empty files may be whiteouts, unless it is opaque. */
errint_t lamina_whiteouts_mark(const struct lamina_union *u, int fd);

/* Record in the upper directory @dirfd, where nothing has that name, that @name is deleted. */
errint_t lamina_whiteout_write(const struct lamina_union *u, int dirfd, const char *name);

/* Put `.wh.NAME` into the upper directory @dirfd, unless it is there. -ENAMETOOLONG: it cannot be. */
errint_t lamina_whiteout_dot_write(int dirfd, const char *name);

/* Remove `.wh.NAME` from the upper directory @dirfd if it is there. */
errint_t lamina_whiteout_dot_remove(int dirfd, const char *name);

/* Make the upper directory @fd hide whatever lower layers have at its place. */
errint_t lamina_opaque_write(const struct lamina_union *u, int fd);

/* What lamina_whiteout_clear() removes besides devices and `.wh.` files. */
#define LAMINA_CLEAR_MARKED 0x1 /* empty files that are marked as whiteouts */
#define LAMINA_CLEAR_OPAQUE \
	0x2 /* the opaque mark, if that is a file: the directory is about to go */

/*
 * Remove all whiteouts from the upper directory @fd, where an opaque mark has made them
 * superfluous.
 */
errint_t lamina_whiteout_clear(int fd, unsigned int what);
