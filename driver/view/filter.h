/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Filters of a view in the making. What reads whiteouts is needed by every view of layers. Loading one
 * takes libbpf, which only the program `lamina` has in it: it is run for that.
 */
#pragma once

#include "view/spec.h"

#define LAMINA_VIEW_FILTER "overlay"

/* Give a filter to a view in the making, which is known by @fd. Returns 0 or -errno with @error. */
typedef errint_t (*view_add_filter)(int fd, const struct lamina_view_filter *filter,
				    struct lamina_error *error);

/* The same; those that mounts get without being asked for are loaded if they are not there. */
errint_t view_need_filter(view_add_filter add, int fd, const struct lamina_view_filter *filter,
			  struct lamina_error *error);
