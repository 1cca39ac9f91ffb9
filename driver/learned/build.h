/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From what was noted to the tree of patterns.
 */
#pragma once

#include "learned/tree.h"

/* Put the paths in order, each once, with all that was done to it. */
void learned_sort(struct lamina_learned *learned);

/* The tree of all of them. NULL without memory. */
struct learned_node *learned_build(struct lamina_learned *learned);

/*
 * The node that stands for @path, made if need be. *@ret_below: only as one of all that lies below it.
 * NULL without memory.
 */
struct learned_node *learned_find(const struct lamina_learned *learned, struct learned_node *root,
				  const char *path, bool *ret_below);
