/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owner, mode and type kept in an extended attribute, for layers whose files cannot carry them
 * (an unprivileged user without a range of ids, a network file system). The format is the one of
 * containers/storage and fuse-overlayfs: "UID:GID:OCTALMODE[:TYPE]", TYPE being file, dir,
 * symlink, pipe, socket, block-MAJOR-MINOR or char-MAJOR-MINOR.
 */
#pragma once

#include <sys/stat.h>

#include "union/union.h"

/* Longest value that is read or written. */
#define LAMINA_OVERRIDE_SIZE 128

/* The attribute that layers of this kind use; NULL for LAMINA_OVERRIDE_NONE. */
const char *lamina_override_xattr(enum lamina_override kind);

/* What the layer root @fd says about its layer. Returns an enum lamina_override or -errno. */
errint_t lamina_override_detect(int fd);

/* Replace owner, mode and device of @st by what @value says. Returns 0 or -EINVAL. */
errint_t lamina_override_parse(const char *value, struct statx *st);

/* The value that stands for @st; returns its length. */
size_t lamina_override_format(const struct statx *st, char value[LAMINA_OVERRIDE_SIZE]);
