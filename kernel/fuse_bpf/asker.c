// SPDX-License-Identifier: GPL-2.0
/*
 * Who asks filters about the names of a directory: what the filters said of the directory itself,
 * who of them is to be asked, and which facts they want. What they say of directories belongs to an
 * epoch of the view; it is brought up to date by dentry.c, from the root down.
 */
#include <linux/fs.h>

#include "view.h"

/**
 * fuse_view_new_epoch - make all that is known of names known to be out of date
 * @view: the view
 *
 * Return: the new epoch.
 */
unsigned long fuse_view_new_epoch(struct fuse_view *view)
{
	unsigned long epoch;

	spin_lock(&view->epoch_lock);
	epoch = view->epoch + 1;
	/* Who reads the new number finds what led to it. */
	smp_store_release(&view->epoch, epoch);
	spin_unlock(&view->epoch_lock);
	return epoch;
}

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

/* Takes what each filter wants, and puts together what has to be collected. */
static void get_wants(struct fuse_asker *asker)
{
	unsigned int i, j;

	for (i = 0; i < asker->view->nr_filters; i++) {
		struct fuse_wants *wants = fuse_wants_get(&asker->view->filters[i]);

		asker->wants[i] = wants;
		if (!wants)
			continue;
		asker->rdev |= wants->facts & FUSE_FILTER_WANT_RDEV;
		asker->inside |= wants->child_len;
		if (wants->sibling_len)
			asker->siblings |= BIT(i);
		for (j = 0; j < FUSE_FILTER_MARKS; j++)
			asker->inside |= wants->marks[j][0];
	}
}

/* Filters that promised to have nothing to say where their state is 0. */
static u8 silent_ones(const struct fuse_asker *asker, u8 by_state)
{
	unsigned int i;
	u8 silent = 0;

	for (i = 0; i < asker->view->nr_filters; i++) {
		if (by_state & BIT(i) && !asker->states[i])
			silent |= BIT(i);
	}
	return silent;
}

/**
 * fuse_asker_init - be about to ask for verdicts on names in a directory
 * @asker: filled in
 * @dir: the directory
 *
 * Return: 0, -EAGAIN if the directory must be asked about first, by fuse_dentry_settle(), or what
 * the view was closed with. On success fuse_asker_done() ends it.
 */
int fuse_asker_init(struct fuse_asker *asker, struct inode *dir)
{
	struct fuse_view *view = fuse_inode_view(dir);
	const struct fuse_listeners *listeners = &view->listeners;
	u8 silent;

	asker->view = view;
	asker->names = 0;
	asker->access = 0;
	asker->entries = 0;
	asker->factual = 0;
	asker->siblings = 0;
	asker->facts = false;
	asker->rdev = false;
	asker->inside = false;
	asker->asks = 0;
	/* Pairs with refresh_view(): filters speak for this epoch, or a later one. */
	asker->epoch = smp_load_acquire(&view->epoch);
	if (!view->nr_filters && !view->upper)
		return 0;
	if (READ_ONCE(view->error))
		return READ_ONCE(view->error);
	if (!get_states(asker, dir))
		return -EAGAIN;
	if (!view->nr_filters)
		return 0;
	memset(asker->next, 0, sizeof(asker->next));
	asker->call.states = NULL;
	asker->dir = get_fuse_inode(dir)->orig_ino;
	silent = silent_ones(asker, READ_ONCE(listeners->by_state));
	asker->names = fuse_filter_wanted(view, FUSE_FILTER_LOOKUP) & ~silent;
	asker->access = fuse_filter_wanted(view, FUSE_FILTER_ACCESS) & ~silent;
	asker->entries = fuse_filter_wanted(view, FUSE_FILTER_ENTRY);
	asker->factual = READ_ONCE(listeners->by_facts);
	asker->facts = READ_ONCE(view->facts);
	if (asker->facts)
		get_wants(asker);
	return 0;
}

/**
 * fuse_asker_init_listing - the same for all names of a directory, since it is listed
 * @asker: filled in
 * @dir: the directory
 *
 * Who only watches isn't asked: listing a name is nothing that is done with it.
 *
 * Return: as fuse_asker_init().
 */
int fuse_asker_init_listing(struct fuse_asker *asker, struct inode *dir)
{
	int err = fuse_asker_init(asker, dir);
	u8 watching = READ_ONCE(asker->view->listeners.watching);

	asker->names &= ~watching;
	asker->entries &= ~watching;
	return err;
}

/**
 * fuse_asker_call - make ready what is asked next
 * @asker: who asks
 * @op: enum fuse_filter_op
 * @name: what about; not terminated
 * @len: its length; 0 if it is about no name
 *
 * The call isn't made before there is a question. Its mode, rdev, tag, layer, next and told are the
 * caller's to set.
 *
 * Return: the call.
 */
struct fuse_call *fuse_asker_call(struct fuse_asker *asker, enum fuse_filter_op op,
				  const char *name, unsigned int len)
{
	struct fuse_call *call = &asker->call;
	struct fuse_filter_ctx *ctx = &call->ctx;

	if (!call->states) {
		memset(call, 0, sizeof(*call));
		call->states = asker->states;
		call->epoch = asker->epoch;
		ctx->dir = asker->dir;
	}
	call->name = name;
	ctx->op = op;
	ctx->name_len = len;
	ctx->head = 0;
	memcpy(&ctx->head, name, min_t(unsigned int, len, sizeof(ctx->head)));
	/* Whatever was told, or asked for, of another name. */
	call->next = NULL;
	call->from = NULL;
	call->asks = NULL;
	call->dir = NULL;
	ctx->flags = 0;
	ctx->access = 0;
	memset(ctx->marks, 0, sizeof(ctx->marks));
	return call;
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
