/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Attributes of objects in layers, with override_stat resolved in both directions: whoever reads
 * or changes owner, mode or device of an object does it here and need not know how a layer keeps
 * them. Ids are those of the layers; the mapping to a container's happens at the FUSE edge.
 */
#pragma once

#include <sys/stat.h>
#include <time.h>

#include "union/union.h"

/* What every lookup asks for. */
#define LAMINA_STATX_MASK (STATX_BASIC_STATS | STATX_BTIME)

/* Attributes of @name in @dirfd (a directory of layer @layer), of the object itself. */
errint_t lamina_attr_read_at(const struct lamina_union *u, unsigned int layer, int dirfd,
			     const char *name, struct statx *ret);

/* Attributes of what @fd refers to, which lies in layer @layer. */
errint_t lamina_attr_read_fd(const struct lamina_union *u, unsigned int layer, int fd,
			     struct statx *ret);

/*
 * Change the upper object @fd (O_PATH is fine). An id of -1 stays as it is. A chown clears what
 * the kernel clears at a chown: set-id bits and file capabilities. `times` as for utimensat(2).
 */
errint_t lamina_attr_chown(const struct lamina_union *u, int fd, uid_t uid, gid_t gid);
errint_t lamina_attr_chmod(const struct lamina_union *u, int fd, mode_t mode);
errint_t lamina_attr_set_times(int fd, const struct timespec times[2]);

/*
 * Give the fresh upper object @fd the owner, mode and device that @st says, whatever it had. A daemon
 * that may give nothing away (`owns_all`) keeps it, without the set-id bits that were another's.
 */
errint_t lamina_attr_imprint(const struct lamina_union *u, int fd, const struct statx *st);

/*
 * The same in two steps, for what has to be done between: an override holds all, and is the first. The
 * owner's clears set-id bits and capabilities, and after the mode's the daemon may have no permission.
 */
errint_t lamina_attr_imprint_owner(const struct lamina_union *u, int fd, const struct statx *st);
errint_t lamina_attr_imprint_mode(const struct lamina_union *u, int fd, const struct statx *st);

/* The mode in which a new upper object lies on disk: @mode, unless an override carries it. */
mode_t lamina_attr_disk_mode(const struct lamina_union *u, mode_t mode);

/* The inode number to show for an object of @layer whose layer says (@dev, @ino). */
uint64_t lamina_attr_ino(const struct lamina_union *u, unsigned int layer, dev_t dev, uint64_t ino);

/*
 * The target of the symbolic link @fd, NUL-terminated. Where a layer's override says that a plain
 * file is a link, its content is the target. Returns the length or -errno.
 */
errint_t lamina_attr_read_link(int fd, char *target, size_t size);

static inline dev_t lamina_statx_dev(const struct statx *st)
{
	return ((dev_t)st->stx_dev_major << 32) | st->stx_dev_minor;
}

static inline bool lamina_statx_is_chr_0_0(const struct statx *st)
{
	return S_ISCHR(st->stx_mode) && st->stx_rdev_major == 0 && st->stx_rdev_minor == 0;
}
