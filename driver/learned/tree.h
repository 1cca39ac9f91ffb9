/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What was used as a tree of patterns, a component a node, and the folders in it that stand for all
 * that is in them.
 */
#pragma once

#include "learned/learned.h"

struct learned_node {
	char *pattern; /* the component; of the root "" */
	struct learned_node *parent;
	struct learned_node **children; /* sorted by pattern */
	size_t n, room;
	unsigned int bits; /* what was done to it */
	unsigned int each; /* what may be done to each child */
	unsigned int deep; /* and to all below */
};

struct learned_node *learned_tree_new(void);
void learned_tree_free(struct learned_node *root);

/* The child of @node with this pattern, made if there is none. NULL without memory. */
struct learned_node *learned_tree_child(struct learned_node *node, const char *pattern);

/* Let folders stand for what is in them, where much of it is used in the same way. */
void learned_tree_widen(struct learned_node *node);

/* What is allowed to @node by what stands for it. */
unsigned int learned_tree_inherited(const struct learned_node *node);
