/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Making views: mounts in which the kernel shows layers by itself. One that is read-only needs no
 * process afterwards; a writable one has a server, see upcall/server.h.
 */
#pragma once

#include "view/spec.h"

/* Make the view. On success the caller owns what is in @ret. */
errint_t lamina_view_make(const struct lamina_view_spec *spec, struct lamina_view *ret,
			  struct lamina_error *error);

/*
 * Whether the directory @fd is the upper of a view, perhaps of one that nobody serves, so that it is
 * not locked. Returns 1, 0 (also where there are no views), or -errno.
 */
errint_t lamina_view_has_upper(int fd);
