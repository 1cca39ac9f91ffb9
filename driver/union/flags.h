/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * File attributes (chattr) of objects, as overlayfs keeps them. Two are copied with a file or
 * directory: S and A. Two protect it: i and a. Those cannot be set on an upper object, which then could
 * not be linked, moved or marked; they are in its attribute `overlay.protattr`, and whoever changes
 * something asks. What a layer has is not changed.
 */
#pragma once

#include <linux/fs.h>
#include <sys/stat.h>

#include "union/union.h"

/* FS_*_FL flags. */
#define LAMINA_FLAGS_COPIED    (FS_SYNC_FL | FS_NOATIME_FL)
#define LAMINA_FLAGS_PROTECTED (FS_IMMUTABLE_FL | FS_APPEND_FL)

/* Which of LAMINA_FLAGS_PROTECTED the attributes @st of an object of a layer tell. */
unsigned int lamina_flags_of(const struct statx *st);

/* Which the upper object @fd (O_PATH is fine) has. Returns them or -errno. */
errint_t lamina_flags_protecting(int fd);

/*
 * Give the upper object @fd the protection of @flags and no other, in its attribute. -EPERM: the upper
 * can hold no attribute.
 */
errint_t lamina_flags_protect(const struct lamina_union *u, int fd, unsigned int flags);

/*
 * Give the copy @to the flags of @from, which has attributes @st; both are regular files or
 * directories, @to in the upper. What a file system does not know is left out.
 */
errint_t lamina_flags_copy(const struct lamina_union *u, int from, const struct statx *st, int to);
