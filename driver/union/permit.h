/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Permission for a moment. A daemon without privileges owns what is in its upper, but the modes there
 * are the container's: into a directory of mode 0555 it cannot put a copy, nor mark it. So for as long
 * as one change takes, the object's owner may read, write and search it.
 *
 * Nothing of that is seen through the mount (lamina_permit_statx()). What is changed is written down
 * in the work directory first: a symbolic link "mode.N" says "MODE NUMBER PATH", from which the next
 * mount restores the mode of an object that a killed daemon left with another one.
 *
 * Lock: the union's `permits` has one, which is held from begin to end, and may be taken again by the
 * thread that has it. No data are copied under it. With privileges there is none.
 */
#pragma once

#include <stdbool.h>
#include <sys/stat.h>

#include "union/union.h"
#include "union/work.h"

/* Where PATH leads from. */
enum lamina_permit_base {
	LAMINA_PERMIT_UPPER,
	LAMINA_PERMIT_INDEX,
};

struct lamina_permit {
	const struct lamina_union *u;	    /* NULL: there is nothing to end */
	int fd;				    /* borrowed */
	mode_t mode;			    /* to be restored */
	char record[LAMINA_WORK_NAME_SIZE]; /* "": nothing was changed */
};

/* Find out what the daemon may do in the upper, and whether @u needs permissions. Once. */
errint_t lamina_permits_init(struct lamina_union *u);
void lamina_permits_done(struct lamina_union *u);

/*
 * Permit what may be done with the upper object @fd (O_PATH is fine), which lies, or is about to lie,
 * at @dir/@name in the upper; an empty @name: at @dir. Does nothing to what has another owner, or has
 * the permissions.
 */
errint_t lamina_permit_begin(const struct lamina_union *u, int fd, const char *dir,
			     const char *name, struct lamina_permit *ret);
void lamina_permit_end(struct lamina_permit *permit);

#define _cleanup_permit_ _cleanup_(lamina_permit_end)

/*
 * Open the upper object @fd again with @flags, though its mode may forbid it: a handle from before, or
 * a removal, needs no permission any more. Returns an fd or -errno.
 */
errint_t lamina_permit_reopen(const struct lamina_union *u, int fd, enum lamina_permit_base base,
			      const char *path, int flags);

/*
 * Open what lies at @path in the layer @layer, as lamina_fd_open_beneath() does; in the upper also below
 * directories, and as an object, whose modes forbid it. Returns an fd or -errno.
 */
errint_t lamina_permit_open(const struct lamina_union *u, unsigned int layer, const char *path,
			    int flags);

/* statx(2) of an upper object, with the mode that it has when nothing is permitted. */
errint_t lamina_permit_statx(const struct lamina_union *u, int dirfd, const char *name, int flags,
			     unsigned int mask, struct statx *ret);

/* Restore what a killed daemon has changed. Before the work directory is cleared. */
errint_t lamina_permits_recover(const struct lamina_union *u);
