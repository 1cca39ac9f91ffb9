// SPDX-License-Identifier: GPL-2.0
/*
 * Who asks filters about the names of a directory: what the filters said of the directory itself,
 * and which facts they want. What they say of directories belongs to an epoch of the view; it is
 * brought up to date by dentry.c, from the root down.
 */
#include <linux/fs.h>

#include "view.h"

/* False if what is known is of another epoch. */
static bool get_states(struct fuse_asker *asker, struct inode *dir)
{
	struct fuse_inode *fi = get_fuse_inode(dir);
	struct fuse_view *view = asker->view;
	bool current_ones;
	unsigned int i;

	if (dir == d_inode(dir->i_sb->s_root)) {
		for (i = 0; i < view->nr_filters; i++)
			asker->states[i] = view->filters[i].cookie;
		return true;
	}
	spin_lock(&fi->lock);
	current_ones = fi->vdir.epoch == asker->epoch;
	memcpy(asker->states, fi->vdir.states, view->nr_filters * sizeof(u64));
	spin_unlock(&fi->lock);
	return current_ones;
}

/**
 * fuse_asker_init - be about to ask for verdicts on names in a directory
 * @asker: filled in
 * @dir: the directory
 *
 * Return: 0, or -EAGAIN if the directory must be asked about first, by fuse_dentry_settle(). On
 * success fuse_asker_done() ends it.
 */
int fuse_asker_init(struct fuse_asker *asker, struct inode *dir)
{
	struct fuse_view *view = fuse_inode_view(dir);
	unsigned int i;

	asker->view = view;
	asker->facts = false;
	/* Pairs with refresh_view(): filters speak for this epoch, or a later one. */
	asker->epoch = smp_load_acquire(&view->epoch);
	if (!view->nr_filters && !view->upper)
		return 0;
	if (!get_states(asker, dir))
		return -EAGAIN;
	if (!view->nr_filters)
		return 0;
	memset(asker->next, 0, sizeof(asker->next));
	memset(&asker->call, 0, sizeof(asker->call));
	asker->call.ctx.dir = get_fuse_inode(dir)->orig_ino;
	asker->call.states = asker->states;
	asker->facts = READ_ONCE(view->facts);
	for (i = 0; i < view->nr_filters && asker->facts; i++)
		asker->wants[i] = fuse_wants_get(&view->filters[i]);
	return 0;
}

void fuse_asker_done(struct fuse_asker *asker)
{
	unsigned int i;

	for (i = 0; i < asker->view->nr_filters && asker->facts; i++)
		fuse_wants_put(asker->wants[i]);
}

/* What was said of the name that was asked about last holds for this directory. */
void fuse_dir_set_states(struct inode *dir, const struct fuse_asker *asker)
{
	struct fuse_inode *fi = get_fuse_inode(dir);

	if (!asker->view->nr_filters && !asker->view->upper)
		return;
	spin_lock(&fi->lock);
	/* Somebody faster may know better. */
	if ((long)(asker->epoch - fi->vdir.epoch) >= 0) {
		memcpy(fi->vdir.states, asker->next, asker->view->nr_filters * sizeof(u64));
		fi->vdir.epoch = asker->epoch;
	}
	spin_unlock(&fi->lock);
}
