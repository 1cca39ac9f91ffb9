/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Opening one layer, and checking that layers can be stacked. Used by lamina_union_open() only.
 */
#pragma once

#include "union/union.h"

/*
 * Open the directory @path, relative to the directory @at and named @what in messages ("lower
 * directory"), and look at its kind.
 */
errint_t lamina_layer_open(struct lamina_layer *ret, int at, const char *path, const char *what,
			   struct lamina_error *error);

void lamina_layer_close(struct lamina_layer *layer);

/* A directory that must not contain, or be, any of the others. */
struct lamina_root {
	int fd;
	const char *path;
	const char *what;
};

/* -ELOOP with a sentence if one of @roots is the same as another, or lies inside it. */
errint_t lamina_layers_check_overlap(const struct lamina_root *roots, size_t n,
				     struct lamina_error *error);
