/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A user namespace as the kernel wants it to describe a mapping of ids. */
#pragma once

#include "union/idmap.h"

/*
 * A user namespace in which the ids on disk are those that are shown outside. A mapping that is NULL
 * or not active leaves ids as they are. Returns an fd of it or -errno.
 */
errint_t view_userns_open(const struct lamina_idmap *uids, const struct lamina_idmap *gids);
