// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Paths out of nodes: names are collected upwards to the root, or to the directory that lies
 * elsewhere in the layer in question. `lock` is taken for the walk; the callers' `tree` keeps what
 * was found true.
 */
#include "engine/place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "engine/cache.h"
#include "union/permit.h"

/* A path that grows to the front of its buffer. */
struct backwards {
	char *buffer; /* `start` is in it */
	char *owned;  /* the same, once the first one was too small; else NULL */
	size_t size;
	char *start;
};

static void backwards_init(struct backwards *b, char *buffer, size_t size)
{
	*b = (struct backwards){.buffer = buffer, .size = size, .start = buffer + size - 1};
	*b->start = '\0';
}

static errint_t grow(struct backwards *b, size_t need)
{
	size_t length = (size_t)(b->buffer + b->size - b->start), size = b->size;
	char *larger;

	while (size < length + need)
		size *= 2;
	larger = malloc(size);
	if (!larger)
		return -ENOMEM;
	memcpy(larger + size - length, b->start, length);
	free(b->owned);
	b->buffer = b->owned = larger;
	b->start = larger + size - length;
	b->size = size;
	return 0;
}

static errint_t prepend(struct backwards *b, const char *text)
{
	size_t length = strlen(text);
	bool slash = *b->start != '\0';

	if (length == 0)
		return 0;
	if ((size_t)(b->start - b->buffer) < length + slash) {
		errint_t err = grow(b, length + slash);

		if (err < 0)
			return err;
	}
	if (slash)
		*--b->start = '/';
	b->start -= length;
	memcpy(b->start, text, length);
	return 0;
}

/* Where @node's part in @layer lies if that is not where its names say; else NULL. */
static const char *moved_to(const struct node *node, unsigned int layer)
{
	for (unsigned int i = 0; node->stack && i < node->stack->n; i++)
		if (node->stack->parts[i].layer == layer)
			return node->stack->parts[i].path;
	return NULL;
}

/*
 * From @node up to the root of @layer, or to the object that is being renamed: then *@ret_anchor is its
 * file, from which the path leads.
 */
static errint_t collect(const struct node_table *t, const struct node *node, unsigned int layer,
			struct backwards *b, const struct file **ret_anchor)
{
	while (node != t->root) {
		const char *moved = t->moved ? moved_to(node, layer) : NULL;
		errint_t err;

		if (node->anchor) {
			*ret_anchor = node->anchor;
			return 0;
		}
		if (moved)
			return prepend(b, moved);
		if (!node->aliases)
			return -ENOENT;
		err = prepend(b, node->aliases->name);
		if (err < 0)
			return err;
		node = node->aliases->parent;
	}
	return 0;
}

/*
 * The path of @node in @layer, and the fd from which it leads. What is owned by @b is the caller's to
 * free.
 */
static errint_t path_of(struct node_table *t, const struct node *node, unsigned int layer,
			struct backwards *b, int *ret_from)
{
	const struct file *anchor = NULL;
	errint_t err;

	pthread_mutex_lock(&t->lock);
	err = collect(t, node, layer, b, &anchor);
	pthread_mutex_unlock(&t->lock);
	*ret_from = anchor ? anchor->fd : t->u->layers[layer].fd;
	return err;
}

/* @node lies in, or is, a directory that is being renamed, which has one part. */
static errint_t open_anchored(struct place_dir *place, int from, const char *path)
{
	errint_t fd = lamina_fd_open_beneath(from, path, O_PATH | O_DIRECTORY);

	if (fd < 0)
		return fd;
	place->dir.parts[0].fd = fd;
	return 0;
}

static errint_t init_same_path(struct node_table *t, struct node *node, struct place_dir *place)
{
	struct backwards b;
	errint_t err;
	int from;

	backwards_init(&b, place->inline_path, sizeof(place->inline_path));
	err = path_of(t, node, 0, &b, &from);
	place->path = b.owned;
	for (unsigned int i = 0; i < place->dir.n; i++)
		place->dir.parts[i].path = b.start;
	if (err == 0 && from != t->u->layers[0].fd)
		err = open_anchored(place, from, b.start);
	return err;
}

static errint_t init_own_paths(struct node_table *t, struct node *node, struct place_dir *place)
{
	place->paths = calloc(place->dir.n, sizeof(*place->paths));
	if (!place->paths)
		return -ENOMEM;
	for (unsigned int i = 0; i < place->dir.n; i++) {
		struct lamina_part *part = &place->dir.parts[i];
		struct backwards b;
		errint_t err;
		int from;

		backwards_init(&b, place->inline_path, sizeof(place->inline_path));
		err = path_of(t, node, part->layer, &b, &from);
		if (err == 0)
			place->paths[i] = strdup(b.start);
		if (err == 0 && from != t->u->layers[part->layer].fd)
			err = open_anchored(place, from, b.start);
		free(b.owned);
		if (err < 0)
			return err;
		if (!place->paths[i])
			return -ENOMEM;
		part->path = place->paths[i];
	}
	return 0;
}

errint_t place_dir_init(struct node_table *t, struct node *node, struct place_dir *ret)
{
	unsigned int n = node->stack->n;
	errint_t err;

	ret->table = t;
	ret->node = node;
	ret->top = NULL;
	ret->paths = NULL;
	ret->path = NULL;
	ret->dir.u = t->u;
	ret->dir.n = 0;
	ret->dir.parts =
		n <= PLACE_PARTS_INLINE ? ret->inline_parts : calloc(n, sizeof(*ret->dir.parts));
	if (!ret->dir.parts)
		return -ENOMEM;
	for (unsigned int i = 0; i < n; i++)
		ret->dir.parts[i] = (struct lamina_part){
			.layer = node->stack->parts[i].layer,
			.flags = node->stack->parts[i].flags,
			.fd = -1,
		};
	ret->dir.n = n;
	err = t->moved ? init_own_paths(t, node, ret) : init_same_path(t, node, ret);
	if (err < 0) {
		place_dir_done(ret);
		return err;
	}
	if (ret->dir.parts[0].fd >= 0)
		return 0;
	ret->top = node_file(t, node, false, false);
	if (ret->top) {
		ret->dir.parts[0].fd = ret->top->fd;
		ret->dir.parts[0].lent = true;
	}
	return 0;
}

errint_t place_dir_open(struct node_table *t, struct node *node, struct place_dir *ret)
{
	errint_t err;

	pthread_rwlock_rdlock(&t->tree);
	err = place_dir_init(t, node, ret);
	if (err == 0)
		err = lamina_dir_fd(&ret->dir, 0);
	pthread_rwlock_unlock(&t->tree);
	return err < 0 ? err : 0;
}

void place_dir_keep(struct place_dir *place)
{
	struct lamina_part *part = &place->dir.parts[0];

	if (place->top || part->fd < 0)
		return;
	place->top = file_new(part->fd, false, false);
	part->lent = place->top;
	if (place->top)
		node_set_file(place->table, place->node, place->top);
	else
		part->fd = -1; /* file_new() has closed it */
}

void place_dir_note_flags(const struct place_dir *place)
{
	pthread_rwlock_wrlock(&place->table->tree);
	place->node->stack->parts[0].flags |= place->dir.parts[0].flags;
	pthread_rwlock_unlock(&place->table->tree);
}

void place_dir_done(struct place_dir *place)
{
	unsigned int n = place->dir.n;

	lamina_dir_done(&place->dir);
	if (place->top)
		file_put(place->table, place->top);
	place->top = NULL;
	for (unsigned int i = 0; place->paths && i < n; i++)
		free(place->paths[i]);
	free(place->paths);
	free(place->path);
	if (place->dir.parts != place->inline_parts)
		free(place->dir.parts);
	place->dir.parts = NULL;
	place->paths = NULL;
	place->path = NULL;
}

static errint_t open_in_layer(struct node_table *t, struct node *node, unsigned int layer,
			      int flags)
{
	char buffer[PLACE_PATH_INLINE];
	struct backwards b;
	errint_t fd;
	int from;

	if (node->anchor)
		return lamina_fd_reopen(node->anchor->fd, flags & ~O_NOFOLLOW);
	backwards_init(&b, buffer, sizeof(buffer));
	fd = path_of(t, node, layer, &b, &from);
	if (fd == 0)
		fd = from == t->u->layers[layer].fd
			     ? lamina_permit_open(t->u, layer, b.start, flags)
			     : lamina_fd_open_beneath(from, b.start, flags);
	free(b.owned);
	return fd;
}

errint_t place_path(struct node_table *t, const struct node *node, char **ret)
{
	char buffer[PLACE_PATH_INLINE];
	struct backwards b;
	errint_t err;
	int from;

	backwards_init(&b, buffer, sizeof(buffer));
	err = path_of(t, node, node->layer, &b, &from);
	if (err == 0) {
		*ret = strdup(b.start);
		err = *ret ? 0 : -ENOMEM;
	}
	free(b.owned);
	return err;
}

errint_t place_open(struct node_table *t, struct node *node, int flags)
{
	if (node->aside[0])
		return lamina_fd_open_name(t->u->work_fd, node->aside, flags);
	if (node->lower_path)
		return lamina_fd_open_beneath(t->u->layers[node->layer].fd, node->lower_path,
					      flags | O_NOFOLLOW);
	if (node->indexed) {
		_cleanup_fd_ int fd = lamina_index_open(t->u, node->key);

		if (fd < 0 || (flags & O_PATH))
			return TAKE_FD(fd);
		return lamina_permit_reopen(t->u, fd, LAMINA_PERMIT_INDEX, node->key, flags);
	}
	return open_in_layer(t, node, node->layer, flags | O_NOFOLLOW);
}

errint_t place_open_data(struct node_table *t, struct node *node, int flags)
{
	if (node->data_path)
		return lamina_fd_open_beneath(t->u->layers[node->data_layer].fd, node->data_path,
					      flags | O_NOFOLLOW);
	return place_open(t, node, flags);
}
