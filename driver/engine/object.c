// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Objects: nodes at work. The locks are described in node.h; nothing here holds one on return.
 */
#include "engine/object.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "union/attr.h"
#include "union/index.h"
#include "union/lookup.h"
#include "union/permit.h"

void object_done(struct object *o)
{
	if (o->node)
		node_put(&o->fs->table, o->node);
	o->node = NULL;
}

void held_file_done(struct held_file *held)
{
	if (held->file)
		file_put(&held->fs->table, held->file);
	held->file = NULL;
}

errint_t object_get(struct lamina_fs *fs, uint64_t id, struct object *ret)
{
	struct node *node = node_get(&fs->table, id);

	if (!node)
		return -ESTALE;
	*ret = (struct object){fs, node};
	return 0;
}

errint_t object_get_dir(struct lamina_fs *fs, uint64_t id, struct object *ret)
{
	struct object o;
	errint_t err = object_get(fs, id, &o);

	if (err < 0)
		return err;
	if (!S_ISDIR(o.node->type)) {
		object_done(&o);
		return -ENOTDIR;
	}
	*ret = o;
	return 0;
}

/* The layers know nothing of names that are gone, nor of directories that are merged. */
static errint_t correct_nlink(struct object *o, unsigned int layer, struct statx *st)
{
	struct node *node = o->node;
	errint_t nlink;

	if (S_ISDIR(node->type)) {
		if (node->gone)
			st->stx_nlink = 0;
		else if (node->stack->n > 1 || o->fs->options.static_nlink)
			st->stx_nlink = 1;
		return 0;
	}
	if (node->gone) {
		st->stx_nlink = 0;
		return 0;
	}
	if (node->aside[0] && st->stx_nlink > 0)
		st->stx_nlink--;
	if (!node->key || node->lower_nlink == 0)
		return 0;
	nlink = lamina_index_nlink(o->fs->u, node->key, node->lower_nlink,
				   o->fs->u->writable && layer == 0 ? st->stx_nlink : 0);
	if (nlink < 0)
		return nlink;
	st->stx_nlink = (uint32_t)nlink;
	return 0;
}

/* Open @o by its place. Under `tree`. */
static errint_t open_place(struct object *o, struct held_file *ret)
{
	errint_t fd = place_open(&o->fs->table, o->node, O_PATH);

	if (fd < 0)
		return fd;
	*ret = (struct held_file){o->fs, file_new(fd, false, false), o->node->layer};
	return ret->file ? 0 : -ENOMEM;
}

static errint_t hold(struct object *o, struct held_file *ret)
{
	/* What is cached of a metacopy is the file with its data, whose attributes are others. */
	struct file *cached =
		o->node->data_path ? NULL : node_file(&o->fs->table, o->node, false, false);

	*ret = (struct held_file){o->fs, cached, o->node->layer};
	return ret->file ? 0 : open_place(o, ret);
}

/* Under `tree`. */
static errint_t hold_in_place(struct object *o, struct held_file *ret)
{
	errint_t err = hold(o, ret);

	if (err == -ENOENT) /* unlinked meanwhile, and kept open for that reason */
		err = hold(o, ret);
	return err == -ENOENT ? -ESTALE : err;
}

errint_t object_hold(struct object *o, struct held_file *ret)
{
	struct node_table *t = &o->fs->table;
	errint_t err;

	pthread_rwlock_rdlock(&t->tree);
	err = hold_in_place(o, ret);
	pthread_rwlock_unlock(&t->tree);
	return err;
}

/* Under `tree`. */
static errint_t stat_in_place(struct object *o, struct statx *ret)
{
	_cleanup_held_ struct held_file held = {0};
	errint_t err;

	if (o->node->last_stat) {
		*ret = *o->node->last_stat;
		return correct_nlink(o, o->node->layer, ret);
	}
	err = hold_in_place(o, &held);
	if (err < 0)
		return err;
	err = lamina_attr_read_fd(o->fs->u, held.layer, held.file->fd, ret);
	return err < 0 ? err : correct_nlink(o, held.layer, ret);
}

errint_t object_stat(struct object *o, struct statx *ret)
{
	struct node_table *t = &o->fs->table;
	errint_t err;

	pthread_rwlock_rdlock(&t->tree);
	err = stat_in_place(o, ret);
	pthread_rwlock_unlock(&t->tree);
	return err;
}

static errint_t lookup_new(struct object *parent, struct place_dir *place, const char *name,
			   unsigned int first, struct object *ret, struct statx *st)
{
	_cleanup_entry_ struct lamina_entry entry = {0};
	errint_t err = lamina_lookup(&place->dir, name, first, &entry);

	if (err < 0)
		return err;
	*ret = (struct object){parent->fs,
			       node_enter(&parent->fs->table, parent->node, name, &entry)};
	if (!ret->node)
		return -ENOMEM;
	if (!st)
		return 0;
	*st = entry.st;
	if (S_ISDIR(entry.st.stx_mode) && parent->fs->options.static_nlink)
		st->stx_nlink = 1;
	if (ret->node->aside[0] && st->stx_nlink > 0)
		st->stx_nlink--;
	return 0;
}

/* Stat the known object @o by its name in @place. Returns 1, 0 (not to be found so) or -errno. */
static errint_t stat_by_name(struct object *o, struct place_dir *place, const char *name,
			     struct statx *st)
{
	struct lamina_dir *dir = &place->dir;
	unsigned int layer = o->node->layer, i = 0;
	errint_t err;

	if (o->node->indexed || o->fs->table.moved)
		return 0;
	while (i < dir->n && dir->parts[i].layer != layer)
		i++;
	if (i == dir->n)
		return 0;
	err = lamina_dir_fd(dir, i);
	if (err >= 0)
		err = lamina_attr_read_at(dir->u, layer, err, name, st);
	if (err == 0)
		err = correct_nlink(o, layer, st);
	return err < 0 ? err : 1;
}

errint_t object_lookup_in(struct object *parent, struct place_dir *place, const char *name,
			  unsigned int first, struct object *ret, struct statx *st)
{
	errint_t err;

	*ret = (struct object){parent->fs, node_find(&parent->fs->table, parent->node, name)};
	if (!ret->node)
		return lookup_new(parent, place, name, first, ret, st);
	err = st ? stat_by_name(ret, place, name, st) : 1;
	if (err == 0)
		err = stat_in_place(ret, st);
	if (err < 0)
		object_done(ret);
	return err < 0 ? err : 0;
}

errint_t object_lookup(struct object *parent, const char *name, struct object *ret,
		       struct statx *st)
{
	struct node_table *t = &parent->fs->table;
	_cleanup_place_dir_ struct place_dir place = {0};
	errint_t err;

	pthread_rwlock_rdlock(&t->tree);
	err = place_dir_init(t, parent->node, &place);
	if (err == 0)
		err = object_lookup_in(parent, &place, name, 0, ret, st);
	if (err == 0)
		place_dir_keep(&place);
	pthread_rwlock_unlock(&t->tree);
	return err;
}

/* Look for the data by one of the names of @o. Under `tree`; -ENOENT: it has none. */
static errint_t look_for_data(struct object *o, struct lamina_entry *ret)
{
	struct node_table *t = &o->fs->table;
	_cleanup_object_ struct object parent = {.fs = o->fs};
	_cleanup_place_dir_ struct place_dir place = {0};
	char name[NAME_MAX + 1];
	errint_t err;

	parent.node = node_first_name(t, o->node, name);
	if (!parent.node)
		return -ENOENT;
	err = place_dir_init(t, parent.node, &place);
	return err < 0 ? err : lamina_lookup_data(&place.dir, name, ret);
}

errint_t object_find_data(struct object *o)
{
	struct node_table *t = &o->fs->table;
	_cleanup_entry_ struct lamina_entry entry = {0};
	_cleanup_held_ struct held_file held = {0};
	errint_t err;

	if (o->node->data_known)
		return 0;
	err = object_hold(o, &held);
	if (err == 0)
		err = lamina_lookup_is_metacopy(held.file->fd);
	if (err < 0)
		return err;
	pthread_rwlock_wrlock(&t->tree);
	if (err > 0 && !o->node->data_known)
		err = look_for_data(o, &entry);
	if (err >= 0 && !o->node->data_known) {
		o->node->data_path = TAKE_PTR(entry.data_path);
		o->node->data_layer = entry.data_layer;
		o->node->data_known = true;
	}
	pthread_rwlock_unlock(&t->tree);
	return err < 0 ? err : 0;
}

static errint_t open_data(struct object *o, bool write)
{
	struct node_table *t = &o->fs->table;
	const struct lamina_union *u = o->fs->u;
	bool upper = u->writable && o->node->layer == 0;
	int flags = write ? O_RDWR : O_RDONLY, noatime = upper ? u->noatime : O_NOATIME;
	errint_t fd;

	if (write && !upper)
		return -EROFS;
	fd = place_open_data(t, o->node, flags | noatime);
	/* The owner alone may ask for that. */
	return fd == -EPERM && noatime ? place_open_data(t, o->node, flags) : fd;
}

/* An object without a name is reached through the file that was kept. */
static errint_t reopen_kept(struct object *o, bool write)
{
	_cleanup_held_ struct held_file kept = {o->fs,
						node_file(&o->fs->table, o->node, false, false), 0};

	if (!kept.file)
		return -ESTALE;
	return lamina_permit_reopen(o->fs->u, kept.file->fd, LAMINA_PERMIT_UPPER, "",
				    write ? O_RDWR : O_RDONLY);
}

errint_t object_data(struct object *o, bool write, struct held_file *ret)
{
	struct node_table *t = &o->fs->table;
	errint_t fd = 0;

	ret->fs = o->fs;
	ret->file = node_file(t, o->node, true, write);
	if (ret->file)
		return 0;
	fd = object_find_data(o);
	if (fd < 0)
		return fd;
	/* Under `tree`, so that no copy-up puts another file in the cache between open and set. */
	pthread_rwlock_rdlock(&t->tree);
	fd = open_data(o, write);
	if (fd == -ENOENT)
		fd = reopen_kept(o, write);
	if (fd >= 0) {
		ret->file = file_new(fd, true, write);
		ret->layer = o->node->layer;
		if (ret->file)
			node_set_file(t, o->node, ret->file);
	}
	pthread_rwlock_unlock(&t->tree);
	if (fd < 0)
		return fd;
	return ret->file ? 0 : -ENOMEM;
}

errint_t object_data_append(struct object *o, struct held_file *ret)
{
	struct node_table *t = &o->fs->table;
	errint_t fd;

	pthread_rwlock_rdlock(&t->tree);
	/* A copy-up may have failed with the same error: a layer is never opened for writing. */
	fd = o->fs->u->writable && o->node->layer == 0 && !o->node->data_path
		     ? place_open_data(t, o->node, O_WRONLY | O_APPEND)
		     : -EPERM;
	pthread_rwlock_unlock(&t->tree);
	if (fd < 0)
		return fd;
	*ret = (struct held_file){o->fs, file_new(fd, false, false), 0};
	return ret->file ? 0 : -ENOMEM;
}
