// SPDX-License-Identifier: GPL-2.0-or-later
#include "learned/tree.h"

#include <stdlib.h>
#include <string.h>

struct learned_node *learned_tree_new(void)
{
	struct learned_node *root = calloc(1, sizeof(*root));

	if (root)
		root->pattern = strdup("");
	if (!root || root->pattern)
		return root;
	free(root);
	return NULL;
}

/* Without recursion: paths may be long. */
void learned_tree_free(struct learned_node *root)
{
	while (root) {
		struct learned_node *up = root->parent;

		if (root->n > 0) {
			root = root->children[--root->n];
			continue;
		}
		free(root->children);
		free(root->pattern);
		free(root);
		root = up;
	}
}

static size_t place_of(const struct learned_node *node, const char *pattern)
{
	size_t low = 0, high = node->n;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (strcmp(node->children[middle]->pattern, pattern) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct learned_node *learned_tree_child(struct learned_node *node, const char *pattern)
{
	size_t at = place_of(node, pattern);
	struct learned_node *child;

	if (at < node->n && !strcmp(node->children[at]->pattern, pattern))
		return node->children[at];
	if (node->n == node->room) {
		size_t room = node->room ? node->room * 2 : 8;
		struct learned_node **children =
			reallocarray(node->children, room, sizeof(struct learned_node *));

		if (!children)
			return NULL;
		node->children = children;
		node->room = room;
	}
	child = learned_tree_new();
	if (!child)
		return NULL;
	free(child->pattern);
	child->pattern = strdup(pattern);
	if (!child->pattern) {
		free(child);
		return NULL;
	}
	child->parent = node;
	memmove(&node->children[at + 1], &node->children[at],
		(node->n - at) * sizeof(struct learned_node *));
	node->children[at] = child;
	node->n++;
	return child;
}

/* How many children are used as @bits says, as themselves or by what stands in them. */
static size_t count_children(const struct learned_node *node, unsigned int bits)
{
	size_t n = 0;

	for (size_t i = 0; i < node->n; i++)
		n += node->children[i]->bits == bits;
	return n;
}

static size_t count_folders(const struct learned_node *node, unsigned int bits)
{
	size_t n = 0;

	for (size_t i = 0; i < node->n; i++)
		n += (node->children[i]->each | node->children[i]->deep) == bits;
	return n;
}

static void widen(struct learned_node *node)
{
	for (size_t i = 0; i < node->n; i++) {
		const struct learned_node *child = node->children[i];
		unsigned int all = child->each | child->deep;

		if (child->bits & ~node->each &&
		    count_children(node, child->bits) >= LAMINA_LEARNED_MANY)
			node->each |= child->bits;
		if (all & ~node->deep && count_folders(node, all) >= LAMINA_LEARNED_MANY_DIRS)
			node->deep |= all;
	}
}

/* From the bottom up, without recursion. */
void learned_tree_widen(struct learned_node *root)
{
	struct learned_node *at = root;

	while (at->n > 0)
		at = at->children[0];
	for (;;) {
		struct learned_node *up = at->parent;
		size_t i = 0;

		widen(at);
		if (at == root)
			return;
		i = place_of(up, at->pattern) + 1;
		if (i == up->n) {
			at = up;
			continue;
		}
		at = up->children[i];
		while (at->n > 0)
			at = at->children[0];
	}
}

unsigned int learned_tree_inherited(const struct learned_node *node)
{
	unsigned int bits = node->parent ? node->parent->each : 0;

	for (const struct learned_node *at = node->parent; at; at = at->parent)
		bits |= at->deep;
	return bits;
}
