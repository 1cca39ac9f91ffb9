// SPDX-License-Identifier: GPL-2.0-or-later
#include "learned/build.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "learned/names.h"

#define BIT(access) (1u << LAMINA_ACCESS_##access)
#define MADE                                                                               \
	(BIT(MAKE_DIR) | BIT(MAKE_REG) | BIT(MAKE_SYM) | BIT(MAKE_SOCK) | BIT(MAKE_FIFO) | \
	 BIT(MAKE_CHAR) | BIT(MAKE_BLOCK))
#define REMOVED (BIT(REMOVE_DIR) | BIT(REMOVE_FILE))

/* Components that are written one by one: what lies deeper is taken as a whole. */
#define DEPTH_MAX (LAMINA_POLICY_MAX_COMPONENTS - 4)

static int by_path(const void *a, const void *b)
{
	const struct learned_path *first = a, *second = b;

	return strcmp(first->path, second->path);
}

static struct learned_path *look_up(const struct lamina_learned *learned, const char *path)
{
	struct learned_path key = {.path = (char *)(uintptr_t)path};

	if (learned->n_paths == 0)
		return NULL;
	return bsearch(&key, learned->paths, learned->n_paths, sizeof(key), by_path);
}

void learned_sort(struct lamina_learned *learned)
{
	size_t n = 0;

	if (learned->n_paths > 0)
		qsort(learned->paths, learned->n_paths, sizeof(*learned->paths), by_path);
	for (size_t i = 0; i < learned->n_paths; i++) {
		struct learned_path *path = &learned->paths[i];

		if (n > 0 && !strcmp(learned->paths[n - 1].path, path->path)) {
			learned->paths[n - 1].bits |= path->bits;
			free(path->path);
		} else {
			learned->paths[n++] = *path;
		}
	}
	learned->n_paths = n;
	for (size_t i = 0; i < learned->n_moves; i++) {
		struct learned_path *from = look_up(learned, learned->moves[i].from);

		if (from)
			from->moved = true;
	}
}

static enum lamina_name_kind kind_of(const struct learned_path *path)
{
	if (!path || !(path->bits & MADE))
		return LAMINA_NAME_FOUND;
	return path->moved || path->bits & REMOVED ? LAMINA_NAME_PASSING : LAMINA_NAME_MADE;
}

/*
 * The longest name beside that of @path from which it is made; its length in @path, or 0. The path is
 * cut off while it is looked for, and put together again.
 */
static size_t base_of(const struct lamina_learned *learned, char *path, size_t length)
{
	size_t start = length;

	while (path[start - 1] != '/')
		start--;
	for (size_t n = length - 1; n > start; n--) {
		char cut = path[n];
		const struct learned_path *beside;

		path[n] = '\0';
		beside = look_up(learned, path);
		path[n] = cut;
		if (beside && kind_of(beside) != LAMINA_NAME_PASSING)
			return n - start;
	}
	return 0;
}

/*
 * The child of @node for the component that ends at @end of @path, which is cut there. *@ret_whole: what
 * lies below is not looked at one by one.
 */
static struct learned_node *step(const struct lamina_learned *learned, struct learned_node *node,
				 char *path, size_t end, bool *ret_whole)
{
	_cleanup_text_ struct lamina_text pattern = {0};
	_cleanup_free_ char *base = NULL;
	const struct learned_path *at = look_up(learned, path);
	enum lamina_name_kind kind = kind_of(at);
	const char *name = strrchr(path, '/') + 1;
	size_t n = kind == LAMINA_NAME_PASSING ? base_of(learned, path, end) : 0;

	if (n > 0) {
		base = strndup(name, n);
		if (!base)
			return NULL;
	}
	*ret_whole = kind == LAMINA_NAME_PASSING && at->bits & BIT(MAKE_DIR);
	lamina_learned_name(name, kind, base, &pattern);
	return pattern.broken ? NULL : learned_tree_child(node, pattern.bytes);
}

struct learned_node *learned_find(const struct lamina_learned *learned, struct learned_node *root,
				  const char *path, bool *ret_below)
{
	_cleanup_free_ char *copy = strdup(path);
	struct learned_node *node = root;
	unsigned int depth = 0;
	bool whole = false;
	char *at = copy;

	*ret_below = false;
	while (copy && node && at[0] && at[1]) {
		size_t end = (size_t)(strchrnul(at + 1, '/') - copy);
		char cut = copy[end];

		if (whole || depth++ == DEPTH_MAX) {
			*ret_below = true;
			break;
		}
		copy[end] = '\0';
		node = step(learned, node, copy, end, &whole);
		copy[end] = cut;
		at = copy + end;
	}
	return copy ? node : NULL;
}

struct learned_node *learned_build(struct lamina_learned *learned)
{
	struct learned_node *root = learned_tree_new();

	for (size_t i = 0; root && i < learned->n_paths; i++) {
		const struct learned_path *path = &learned->paths[i];
		bool below;
		struct learned_node *node = learned_find(learned, root, path->path, &below);

		if (!node) {
			learned_tree_free(root);
			return NULL;
		}
		if (below)
			node->deep |= path->bits;
		else
			node->bits |= path->bits;
	}
	if (root)
		learned_tree_widen(root);
	return root;
}
