/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Giving layers to the kernel, with mapped ids where that is asked for: then each is a clone of its
 * mount with an id mapping. The kernel only takes layers that are mounted in the namespace of who
 * gives them, so clones are mounted in one of a child's, for as long as that takes.
 */
#pragma once

#include "view/view.h"

/* Give the layer @fd, which is number @i of the spec, to the kernel. Returns its id, 0 or -errno. */
typedef errint_t (*view_add_layer)(void *user, const struct lamina_view_spec *spec, size_t i,
				   int fd, struct lamina_error *error);

/*
 * Call @add for each layer, in their order, and store what it returns in @ids. What it does must not
 * depend on the process that calls it.
 */
errint_t view_layers_add(const struct lamina_view_spec *spec, view_add_layer add, void *user,
			 uint32_t *ids, struct lamina_error *error);
