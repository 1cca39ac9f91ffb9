// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What leads to objects without names. The share of descriptors is under the table's `lock`, all else
 * under `tree`.
 */
#include "engine/orphan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "engine/reaper.h"
#include "union/work.h"

/* Take one of the @most descriptors for orphans. Returns false if there is none left. */
static bool take_share(struct node_table *t, struct node *node, size_t most)
{
	bool taken;

	pthread_mutex_lock(&t->lock);
	taken = node->kept || t->n_kept < most;
	if (taken && !node->kept) {
		node->kept = true;
		t->n_kept++;
	}
	pthread_mutex_unlock(&t->lock);
	return taken;
}

static void give_share_back(struct node_table *t, struct node *node)
{
	pthread_mutex_lock(&t->lock);
	node_unkeep(t, node);
	pthread_mutex_unlock(&t->lock);
}

/* Where files are found by their paths, only one that is open outlives its name. */
static errint_t hold(struct object *o, struct held_file *ret)
{
	bool by_path = o->fs->u->layers[0].fuse && S_ISREG(o->node->type);

	return by_path && object_data(o, false, ret) == 0 ? 0 : object_hold(o, ret);
}

static errint_t keep_file(struct object *o)
{
	_cleanup_held_ struct held_file held = {0};
	errint_t err = hold(o, &held);

	if (err < 0)
		give_share_back(&o->fs->table, o->node);
	else
		node_keep_file(&o->fs->table, o->node, held.file);
	return err;
}

static errint_t remember_attributes(struct object *o)
{
	struct node_table *t = &o->fs->table;
	struct statx *st = malloc(sizeof(*st));
	errint_t err = st ? object_stat(o, st) : -ENOMEM;

	if (err < 0) {
		free(st);
		return err;
	}
	pthread_rwlock_wrlock(&t->tree);
	o->node->last_stat = st;
	pthread_rwlock_unlock(&t->tree);
	return 0;
}

static errint_t remember_lower_path(struct object *o)
{
	struct node_table *t = &o->fs->table;
	errint_t err;

	pthread_rwlock_wrlock(&t->tree);
	err = place_path(t, o->node, &o->node->lower_path);
	pthread_rwlock_unlock(&t->tree);
	return err;
}

/* Link the upper file @fd, which may have no name, into the work directory. */
static errint_t put_aside(struct object *o, int fd)
{
	struct node_table *t = &o->fs->table;
	char name[LAMINA_WORK_NAME_SIZE];
	errint_t err;

	lamina_work_name(name);
	err = lamina_fd_link(fd, t->u->work_fd, name);
	if (err < 0)
		return err;
	pthread_rwlock_wrlock(&t->tree);
	strcpy(o->node->aside, name);
	pthread_rwlock_unlock(&t->tree);
	return 0;
}

static errint_t put_upper_aside(struct object *o)
{
	_cleanup_held_ struct held_file held = {0};
	errint_t err = object_hold(o, &held);

	return err < 0 ? err : put_aside(o, held.file->fd);
}

static bool is_prepared(const struct node *node)
{
	return node->aside[0] || node->lower_path || node->last_stat;
}

errint_t orphan_prepare(struct object *o)
{
	struct node *node = o->node;

	if (is_prepared(node))
		return 0;
	if (take_share(&o->fs->table, node, o->fs->table.max_kept))
		return keep_file(o);
	if (S_ISDIR(node->type))
		return remember_attributes(o);
	if (node->layer != 0 || !o->fs->u->writable)
		return remember_lower_path(o);
	/* A file system may be too full for a link, or have none: removing must work all the same. */
	if (put_upper_aside(o) == 0)
		return 0;
	if (!take_share(&o->fs->table, node, o->fs->table.most_kept))
		return -ENFILE;
	return keep_file(o);
}

void orphan_settle(struct object *o)
{
	struct node_table *t = &o->fs->table;
	struct node *node = o->node;
	bool found;

	pthread_rwlock_wrlock(&t->tree);
	pthread_mutex_lock(&t->lock);
	found = node->aliases || (node->indexed && !node->gone);
	pthread_mutex_unlock(&t->lock);
	if (found)
		orphan_release(t, node);
	pthread_rwlock_unlock(&t->tree);
}

errint_t orphan_adopt(struct object *o, int fd)
{
	struct node_table *t = &o->fs->table;
	bool found = take_share(t, o->node, t->max_kept) || put_aside(o, fd) == 0 ||
		     take_share(t, o->node, t->most_kept);

	return found ? 0 : -ENFILE;
}

void orphan_release(struct node_table *t, struct node *node)
{
	give_share_back(t, node);
	if (node->aside[0])
		reaper_add(&t->reaper, node->aside);
	node->aside[0] = '\0';
	free(node->lower_path);
	node->lower_path = NULL;
	free(node->last_stat);
	node->last_stat = NULL;
}
