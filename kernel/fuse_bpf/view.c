// SPDX-License-Identifier: GPL-2.0
/*
 * Views: the layers of a connection, from the first one that is registered until the unmount. Once
 * set, a view doesn't change; what its inodes show hangs off them, see inode.c.
 */
#include <linux/mount.h>
#include <linux/namei.h>
#include <linux/slab.h>
#include <linux/statfs.h>

#include "view.h"

struct fuse_view *fuse_view_new(void)
{
	struct fuse_view *view = kvzalloc(sizeof(*view), GFP_KERNEL_ACCOUNT);

	if (!view)
		return NULL;
	view->counters = alloc_percpu(struct fuse_view_counters);
	if (!view->counters) {
		kvfree(view);
		return NULL;
	}
	mutex_init(&view->lock);
	spin_lock_init(&view->epoch_lock);
	init_rwsem(&view->paths);
	init_rwsem(&view->keys);
	fuse_upcalls_init(&view->upcalls);
	return view;
}

/**
 * fuse_view_free - free what remains of a view when its layers are gone
 * @view: the view; nobody can find it any more
 */
void fuse_view_free(struct fuse_view *view)
{
	free_percpu(view->counters);
	kvfree(view);
}

/* The last of the connection. Called in RCU's softirq. */
void fuse_view_free_conn(struct fuse_conn *fc)
{
	if (fc->view)
		fuse_view_free(fc->view);
}

/**
 * fuse_view_close - end the life of a view's layers
 * @view: the view
 *
 * No inode shows them any more, or none ever did.
 */
void fuse_view_close(struct fuse_view *view)
{
	unsigned int nr;

	mutex_lock(&view->lock);
	WRITE_ONCE(view->state, FUSE_VIEW_DEAD);
	nr = view->nr;
	view->nr = 0;
	fuse_filters_drop(view);
	mutex_unlock(&view->lock);
	fuse_writing_done(view);
	fuse_layers_free(view->layers, nr);
}

/* When the superblock is gone. An rcu-walk may still read the view, which stays until the end. */
void fuse_view_shutdown(struct fuse_conn *fc)
{
	if (fc->view)
		fuse_view_close(fc->view);
}

/*
 * Ends a view for everybody. Who has a file open may keep the mount for long, but the upper is free
 * for another when what is in the middle of changing it has ended.
 */
void fuse_view_abort(struct fuse_conn *fc)
{
	struct fuse_view *view = READ_ONCE(fc->view);

	if (!view)
		return;
	WRITE_ONCE(view->error, -ENOTCONN);
	/* What isn't set yet was never written to; its lock may be held for long. */
	if (READ_ONCE(view->state) != FUSE_VIEW_SET)
		return;
	mutex_lock(&view->lock);
	if (view->state == FUSE_VIEW_SET && view->upper)
		fuse_layer_retire(view->upper);
	mutex_unlock(&view->lock);
}

/* Layers on one file system share inode numbers; the first one found gets number 0. */
static u32 find_fsid(const struct fuse_view *view, dev_t dev)
{
	u32 next = 0;
	unsigned int i;

	for (i = 0; i < view->nr; i++) {
		const struct fuse_layer *layer = view->layers[i];

		if (!layer)
			continue;
		if (layer->dev == dev)
			return layer->fsid;
		next = max(next, layer->fsid + 1);
	}
	return next;
}

static int check_open(const struct fuse_view *view)
{
	if (view->state == FUSE_VIEW_DEAD)
		return -ENOTCONN;
	return view->state == FUSE_VIEW_OPEN ? 0 : -EBUSY;
}

static int check_room(const struct fuse_view *view, bool upper)
{
	unsigned int i, used = 0, uppers = 0;

	for (i = 0; i < view->nr; i++) {
		if (!view->layers[i])
			continue;
		used++;
		uppers += view->layers[i]->upper;
	}
	if (used >= rlimit(RLIMIT_NOFILE))
		return -EMFILE;
	return uppers + upper > 1 || used - uppers + !upper > FUSE_BPF_LAYERS_MAX ? -EMFILE : 0;
}

/**
 * fuse_view_add - give a layer to a view
 * @view: the view
 * @layer: owned by the view on success
 *
 * Return: the layer's id, -EMFILE, -EBUSY or -ENOTCONN.
 */
int fuse_view_add(struct fuse_view *view, struct fuse_layer *layer)
{
	unsigned int i;
	int err;

	mutex_lock(&view->lock);
	err = check_open(view) ?: check_room(view, layer->upper);
	if (err)
		goto out;
	layer->fsid = find_fsid(view, layer->dev);
	for (i = 0; i < view->nr && view->layers[i]; i++)
		;
	view->layers[i] = layer;
	view->nr = max(view->nr, i + 1);
	layer->id = i + 1;
	err = layer->id;
out:
	mutex_unlock(&view->lock);
	return err;
}

/**
 * fuse_view_add_filter - give a filter to a view
 * @view: the view
 * @id: name of the filter, or NULL
 * @fd: of its link, if no name is given
 * @cookie: for the filter to know the view by
 *
 * Return: 0, or the error documented with FUSE_BPF_IOC_FILTER_ADD.
 */
int fuse_view_add_filter(struct fuse_view *view, const char *id, int fd, u64 cookie)
{
	int err;

	mutex_lock(&view->lock);
	err = check_open(view);
	if (!err)
		err = id ? fuse_filter_add_id(view, id, cookie)
			 : fuse_filter_add_link(view, fd, cookie);
	mutex_unlock(&view->lock);
	return err;
}

/* Returns 0, -ENOENT, -EBUSY or -ENOTCONN. */
int fuse_view_del(struct fuse_view *view, u32 id)
{
	struct fuse_layer *layer = NULL;
	int err;

	mutex_lock(&view->lock);
	err = check_open(view);
	if (!err && id && id <= view->nr)
		swap(layer, view->layers[id - 1]);
	mutex_unlock(&view->lock);
	if (err)
		return err;
	if (!layer)
		return -ENOENT;
	fuse_layers_free(&layer, 1);
	return 0;
}

/* Fills in the roots of the layers. The dentries are not referenced yet. */
static int find_places(const struct fuse_view *view, const u32 *ids, unsigned int nr, bool writable,
		       struct fuse_place *places)
{
	unsigned int i, j;

	for (i = 0; i < nr; i++) {
		struct fuse_layer *layer;

		if (!ids[i] || ids[i] > view->nr)
			return -ENOENT;
		layer = view->layers[ids[i] - 1];
		if (!layer)
			return -ENOENT;
		if (layer->upper != (writable && !i))
			return -EINVAL;
		places[i].layer = layer;
		places[i].dentry = layer->mnt->mnt_root;
		for (j = 0; j < i; j++) {
			if (fuse_trees_overlap(places[i].dentry, places[j].dentry))
				return -ELOOP;
		}
		if (fatal_signal_pending(current))
			return -EINTR;
	}
	return 0;
}

static int longest_name(const struct fuse_stack *stack, long *ret_len)
{
	struct kstatfs stat;
	unsigned int i;
	int err;

	*ret_len = 0;
	for (i = 0; i < stack->nr; i++) {
		struct path path = fuse_place_path(&stack->at[i]);

		err = vfs_statfs(&path, &stat);
		if (err)
			return err;
		*ret_len = clamp_t(long, stat.f_namelen, *ret_len, NAME_MAX);
	}
	return 0;
}

static struct fuse_stack *make_root(const struct fuse_view *view, const u32 *ids, unsigned int nr,
				    bool writable)
{
	struct fuse_place *places;
	struct fuse_stack *stack;
	unsigned int i;
	int err;

	places = kvmalloc_array(nr, sizeof(*places), GFP_KERNEL);
	if (!places)
		return ERR_PTR(-ENOMEM);
	err = find_places(view, ids, nr, writable, places);
	if (err) {
		kvfree(places);
		return ERR_PTR(err);
	}
	for (i = 0; i < nr; i++)
		dget(places[i].dentry);
	stack = fuse_stack_new(places, nr);
	kvfree(places);
	return stack ?: ERR_PTR(-ENOMEM);
}

/* Nobody may know a name below the root, nor be about to learn one. */
static int lock_unused_root(struct super_block *sb)
{
	struct dentry *root = sb->s_root;
	bool used;

	if (!inode_trylock(d_inode(root)))
		return -EBUSY;
	spin_lock(&root->d_lock);
	used = !hlist_empty(&root->d_children);
	spin_unlock(&root->d_lock);
	if (used) {
		inode_unlock(d_inode(root));
		return -EBUSY;
	}
	return 0;
}

/* From now on the layers are kept as they are stacked; those that aren't shown come last. */
static void sort_layers(struct fuse_view *view, const struct fuse_stack *stack)
{
	unsigned int i, j;

	for (i = 0; i < stack->nr; i++) {
		for (j = i; view->layers[j] != stack->at[i].layer; j++)
			;
		swap(view->layers[i], view->layers[j]);
		view->layers[i]->pos = i;
	}
	view->shown = stack->nr;
}

static int show_stack(struct fuse_view *view, struct super_block *sb, struct fuse_stack *stack)
{
	bool checked;
	int err = longest_name(stack, &view->namelen) ?: lock_unused_root(sb);

	if (err)
		return err;
	view->remote = stack->remote;
	sort_layers(view, stack);
	fuse_writing_begin(view, sb, stack);
	/* A node id means nothing in a view, so it gives out no handles. */
	sb->s_export_op = NULL;
	checked = view->remote || view->nr_filters || view->upper;
	sb->s_d_op = checked ? &fuse_view_checked_dentry_operations : &fuse_view_dentry_operations;
	/* From here on inodes are made without the means to be forgotten by a server. */
	WRITE_ONCE(view->state, FUSE_VIEW_SET);
	fuse_view_adopt(d_inode(sb->s_root), stack);
	inode_unlock(d_inode(sb->s_root));
	fuse_view_annotate_locks(d_inode(sb->s_root));
	return 0;
}

/**
 * fuse_view_set - make a mount show layers
 * @view: of the mount's connection
 * @sb: its superblock, which can't go meanwhile
 * @ids: of the layers, the topmost first
 * @arg: the rest, with at least one layer and valid flags
 *
 * Return: 0, or the error documented with FUSE_BPF_IOC_VIEW_SET.
 */
int fuse_view_set(struct fuse_view *view, struct super_block *sb, const u32 *ids,
		  const struct fuse_bpf_view_set *arg)
{
	bool writable = arg->flags & FUSE_VIEW_WRITABLE;
	struct fuse_stack *stack;
	int err;

	mutex_lock(&view->lock);
	err = check_open(view);
	if (err)
		goto out;
	stack = make_root(view, ids, arg->nr, writable);
	err = PTR_ERR_OR_ZERO(stack);
	if (err)
		goto out;
	view->marks = arg->flags & ~FUSE_VIEW_WRITABLE;
	view->dev = new_encode_dev(sb->s_dev);
	err = writable ? fuse_writing_prepare(view, stack, arg) : 0;
	if (!err)
		err = show_stack(view, sb, stack);
	if (err) {
		fuse_writing_done(view);
		fuse_stack_free(stack);
	}
out:
	mutex_unlock(&view->lock);
	return err;
}
