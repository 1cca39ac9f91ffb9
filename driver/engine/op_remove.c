// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Handlers that take names away or move them.
 */
#include <errno.h>
#include <stdio.h>

#include "engine/orphan.h"
#include "engine/policy.h"
#include "engine/protect.h"
#include "engine/raise.h"
#include "engine/show.h"
#include "engine/sweep.h"
#include "union/remove.h"
#include "union/rename.h"

static struct lamina_links links_of(const struct node *node)
{
	return (struct lamina_links){node->key ? node->key : "", node->lower_nlink,
				     node->aside[0] != '\0'};
}

/* Attributes and data of @o must be in one file: else what is kept open could not serve both. */
static errint_t join_data(struct object *o)
{
	errint_t err = S_ISREG(o->node->type) ? object_find_data(o) : 0;

	return err == 0 && o->node->data_path ? raise_object(o, RAISE_WHOLE, NULL) : err;
}

/*
 * Begin to take a name away from @o, which may go on being used. @other is marked as changing as well,
 * if it is not NULL.
 */
static errint_t begin_removal(struct object *o, struct node *other)
{
	struct node_table *t = &o->fs->table;
	errint_t err = join_data(o);

	if (err < 0)
		return err;
	node_begin_change_two(t, o->node, other);
	err = orphan_prepare(o);
	if (err < 0)
		node_end_change_two(t, o->node, other);
	return err;
}

/* After a removal that returned @result: is @node's object without a name now? Under `lock`. */
static bool is_gone(const struct node *node, errint_t result)
{
	/* Without a key it is known by the names that it was given, and by no others. */
	if (!node->key)
		return !node->aliases || !node->aliases->next;
	/* One of several upper names: the file's own count tells. */
	return node->lower_nlink > 0 && result > 0;
}

/*
 * The name @name of @o has gone by a removal that returned @result. Where files are found by their
 * paths, what was opened by that name leads nowhere now; by another name it is opened again.
 */
static void drop_name(struct object *o, struct node *parent, const char *name, errint_t result)
{
	struct node_table *t = &o->fs->table;
	struct node *node = o->node;
	bool gone, named;

	pthread_mutex_lock(&t->lock);
	gone = is_gone(node, result);
	pthread_mutex_unlock(&t->lock);
	node_drop_alias(t, node, parent, name, gone);
	if (!o->fs->u->layers[0].fuse)
		return;
	pthread_mutex_lock(&t->lock);
	named = !node->gone && (node->aliases || node->indexed);
	pthread_mutex_unlock(&t->lock);
	if (named)
		node_set_file(t, node, NULL);
}

static errint_t remove_name(struct object *parent, const char *name, struct object *o)
{
	struct lamina_fs *fs = parent->fs;
	struct node_table *t = &fs->table;
	_cleanup_place_dir_ struct place_dir place = {0}, self = {0};
	bool is_dir = S_ISDIR(o->node->type);
	struct lamina_links links = links_of(o->node);
	errint_t err;

	err = place_dir_open(t, parent->node, &place);
	if (err == 0 && is_dir)
		err = place_dir_open(t, o->node, &self);
	if (err == 0)
		err = lamina_remove(fs->u, &place.dir, name, is_dir ? &self.dir : NULL, &links);
	if (err >= 0)
		place_dir_keep(&place);
	if (err >= 0)
		drop_name(o, parent->node, name, err);
	node_changed(t, parent->node);
	return err < 0 ? err : 0;
}

static errint_t remove_request(struct wire_request *r, bool is_dir)
{
	struct lamina_fs *fs = fs_of(r);
	_cleanup_object_ struct object parent = {0}, o = {0};
	errint_t err = object_get_dir(fs, r->in->nodeid, &parent);

	if (err == 0)
		err = object_lookup(&parent, r->name, &o, NULL);
	if (err == 0 && S_ISDIR(o.node->type) != is_dir)
		err = is_dir ? -ENOTDIR : -EISDIR;
	if (err == 0)
		err = policy_name(r, &parent, r->name, policy_remove_bit(o.node->type));
	if (err == 0)
		err = protect_removal(&parent, &o);
	if (err == 0)
		err = raise_object(&parent, RAISE_WHOLE, &r->interrupted);
	if (err == 0)
		err = begin_removal(&o, NULL);
	if (err < 0)
		return err;
	err = remove_name(&parent, r->name, &o);
	orphan_settle(&o);
	node_end_change(&fs->table, o.node);
	return err;
}

errint_t op_unlink(struct wire_request *r)
{
	return remove_request(r, false);
}

errint_t op_rmdir(struct wire_request *r)
{
	return remove_request(r, true);
}

/* ---- rename ---- */

/* One end: the directory, the name, and the object that has it (none: node is NULL). */
struct end {
	struct object parent, object;
	const char *name;
};

static void end_done(struct end *end)
{
	object_done(&end->object);
	object_done(&end->parent);
}

static errint_t find_end(struct lamina_fs *fs, uint64_t parent, const char *name, struct end *ret)
{
	errint_t err = object_get_dir(fs, parent, &ret->parent);

	ret->name = name;
	if (err == 0)
		err = object_lookup(&ret->parent, name, &ret->object, NULL);
	return err;
}

/* What moves must lie in the upper with all that belongs to it. */
static errint_t raise_end(struct end *end, const atomic_bool *cancel)
{
	errint_t err = raise_object(&end->parent, RAISE_WHOLE, cancel);

	if (err < 0)
		return err;
	if (S_ISDIR(end->object.node->type))
		return raise_tree(&end->object, cancel);
	return raise_name(&end->parent, end->name, &end->object, cancel);
}

/* What a rename does in the upper at one end. */
struct site {
	struct place_dir place, self;
	struct held_file held; /* the object's file, which is its anchor */
};

static void site_done(struct site *site)
{
	place_dir_done(&site->place);
	place_dir_done(&site->self);
	held_file_done(&site->held);
}

/*
 * Have the object found from its own file as long as its names and its path disagree. One that has
 * lower parts is replaced, and its paths into the layers stay true. Under `tree` for writing.
 */
static void set_anchor(const struct end *end, struct site *site)
{
	struct node *node = end->object.node;

	if (site->held.file && node->layer == 0 && (!node->stack || node->stack->n == 1))
		node->anchor = site->held.file;
}

static void clear_anchor(const struct end *end)
{
	if (end->object.node)
		end->object.node->anchor = NULL;
}

/* The union's view of an end, with all open that lies in the upper. Under `tree`. */
static errint_t view_end(struct end *end, struct site *site, struct lamina_rename_end *ret)
{
	struct node_table *t = &end->parent.fs->table;
	struct node *node = end->object.node;
	errint_t err = place_dir_init(t, end->parent.node, &site->place);

	if (err == 0)
		err = lamina_dir_fd(&site->place.dir, 0);
	if (err < 0)
		return err;
	*ret = (struct lamina_rename_end){
		.dir = &site->place.dir,
		.name = end->name,
		.links = {.key = ""},
		.exists = node,
	};
	if (!node)
		return 0;
	if (!S_ISDIR(node->type)) {
		ret->links = links_of(node);
		return 0;
	}
	ret->self = &site->self.dir;
	err = place_dir_init(t, node, &site->self);
	if (err == 0)
		err = lamina_dir_fd(&site->self.dir, 0);
	return err < 0 ? err : 0;
}

/* Make the nodes follow. Under `tree` for writing. */
static errint_t move_nodes(struct end *from, struct end *to, bool exchange, errint_t result)
{
	struct node_table *t = &from->parent.fs->table;
	struct node *target = to->object.node;
	errint_t err;

	if (target && !exchange)
		drop_name(&to->object, to->parent.node, to->name, result);
	err = node_add_alias(t, from->object.node, to->parent.node, to->name);
	if (exchange && err == 0)
		return node_add_alias(t, target, from->parent.node, from->name);
	node_drop_alias(t, from->object.node, from->parent.node, from->name, false);
	return err;
}

static errint_t hold_ends(struct end *from, struct end *to, struct site *a, struct site *b)
{
	errint_t err = object_hold(&from->object, &a->held);

	if (err == 0 && to->object.node)
		err = object_hold(&to->object, &b->held);
	return err;
}

static errint_t rename_ends(struct end *from, struct end *to, unsigned int flags)
{
	struct lamina_fs *fs = from->parent.fs;
	struct node_table *t = &fs->table;
	_cleanup_(site_done) struct site from_site = {0}, to_site = {0};
	struct lamina_rename_end a, b;
	errint_t err = hold_ends(from, to, &from_site, &to_site);

	if (err < 0)
		return err;
	pthread_rwlock_wrlock(&t->tree);
	set_anchor(from, &from_site);
	set_anchor(to, &to_site);
	err = view_end(from, &from_site, &a);
	if (err == 0)
		err = view_end(to, &to_site, &b);
	pthread_rwlock_unlock(&t->tree);
	if (err == 0)
		err = lamina_rename(fs->u, &a, &b, flags);
	if (err >= 0) {
		place_dir_note_flags(&from_site.place);
		place_dir_note_flags(&to_site.place);
	}
	pthread_rwlock_wrlock(&t->tree);
	if (err >= 0)
		err = move_nodes(from, to, flags & RENAME_EXCHANGE, err);
	clear_anchor(from);
	clear_anchor(to);
	pthread_rwlock_unlock(&t->tree);
	node_changed(t, from->parent.node);
	node_changed(t, to->parent.node);
	return err < 0 ? err : 0;
}

/* Whether the object at the new name must lie in the upper, where it is to go; see lamina_rename(). */
static bool replaced_must_rise(const struct end *to, unsigned int flags)
{
	return !(flags & RENAME_EXCHANGE) && S_ISDIR(to->object.node->type) &&
	       to->parent.fs->u->whiteout_form == LAMINA_WHITEOUT_MARKED;
}

/* Bring into the upper what that needs, and begin the change of both objects' names. */
static errint_t begin_rename(struct end *from, struct end *to, unsigned int flags,
			     const atomic_bool *cancel)
{
	struct node_table *t = &from->parent.fs->table;
	bool exists = to->object.node;
	errint_t err;

	if (flags & ~(unsigned int)(RENAME_NOREPLACE | RENAME_EXCHANGE))
		return -EINVAL;
	if (flags & RENAME_NOREPLACE && exists)
		return -EEXIST;
	if (flags & RENAME_EXCHANGE && !exists)
		return -ENOENT;
	err = raise_end(from, cancel);
	if (err == 0)
		err = flags & RENAME_EXCHANGE ? raise_end(to, cancel)
					      : raise_object(&to->parent, RAISE_WHOLE, cancel);
	if (err == 0 && exists && replaced_must_rise(to, flags))
		err = raise_object(&to->object, RAISE_WHOLE, cancel);
	if (err < 0)
		return err;
	if (exists && !(flags & RENAME_EXCHANGE))
		return begin_removal(&to->object, from->object.node);
	node_begin_change_two(t, from->object.node, to->object.node);
	return 0;
}

/*
 * A directory that went to another one has another "..". The kernel reads the listing again only of
 * directories in which names changed.
 */
static void forget_dot_dot(const struct end *moved, const struct end *away)
{
	struct node *node = moved->object.node;

	if (node && S_ISDIR(node->type) && moved->parent.node != away->parent.node)
		wire_session_invalidate_all(moved->parent.fs->session, node->id);
}

static errint_t ask_policy(const struct wire_request *r, struct end *from, struct end *to,
			   unsigned int flags)
{
	errint_t err =
		policy_move(r, &from->object, &from->parent, from->name, &to->parent, to->name);

	if (err < 0 || !to->object.node)
		return err;
	if (flags & RENAME_EXCHANGE)
		return policy_move(r, &to->object, &to->parent, to->name, &from->parent,
				   from->name);
	return policy_name(r, &to->parent, to->name, policy_remove_bit(to->object.node->type));
}

/* A name goes at each end where there is one, and one comes at the other. */
static errint_t ask_protection(struct end *from, struct end *to)
{
	errint_t err = protect_removal(&from->parent, &from->object);

	if (err < 0)
		return err;
	return to->object.node ? protect_removal(&to->parent, &to->object)
			       : protect_object(&to->parent, PROTECT_APPEND);
}

static errint_t rename_request(struct wire_request *r, uint64_t newdir, unsigned int flags)
{
	struct lamina_fs *fs = fs_of(r);
	_cleanup_(end_done) struct end from = {0}, to = {0};
	errint_t err = find_end(fs, r->in->nodeid, r->name, &from);

	if (err == 0) {
		err = find_end(fs, newdir, r->name2, &to);
		if (err == -ENOENT && to.parent.node)
			err = 0;
	}
	/* The kernel answers that itself, unless it knows the object by two inodes. */
	if (err == 0 && from.object.node == to.object.node)
		return flags & RENAME_NOREPLACE ? -EEXIST : 0;
	if (err == 0)
		err = ask_policy(r, &from, &to, flags);
	if (err == 0)
		err = ask_protection(&from, &to);
	if (err == 0)
		err = begin_rename(&from, &to, flags, &r->interrupted);
	if (err < 0)
		return err;
	err = rename_ends(&from, &to, flags);
	if (to.object.node)
		orphan_settle(&to.object);
	node_end_change_two(&fs->table, from.object.node, to.object.node);
	if (err == 0) {
		forget_dot_dot(&from, &to);
		if (flags & RENAME_EXCHANGE)
			forget_dot_dot(&to, &from);
	}
	if (err == 0 && policy_move_mattered(fs, &from.parent, from.name, &to.parent, to.name))
		sweep_after_move(fs);
	return err;
}

errint_t op_rename(struct wire_request *r)
{
	const struct fuse_rename_in *in = r->arg;

	return rename_request(r, in->newdir, 0);
}

errint_t op_rename2(struct wire_request *r)
{
	const struct fuse_rename2_in *in = r->arg;

	return rename_request(r, in->newdir, in->flags);
}
