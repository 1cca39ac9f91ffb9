// SPDX-License-Identifier: GPL-2.0
/*
 * Asking filters about an operation on a name, and what they say of directories that move.
 */
#include <linux/fs.h>

#include "view.h"

#ifdef CONFIG_FUSE_BPF_FILTERS

static void describe(struct fuse_filter_ctx *ctx, const struct dentry *entry)
{
	const struct inode *inode = d_inode(entry);
	const struct inode *shows = inode ?: d_inode(entry->d_parent);
	const struct fuse_layer *layer = fuse_inode_top(shows)->layer;

	ctx->tag = layer->tag;
	ctx->layer = layer->pos;
	ctx->ino = inode ? container_of(inode, struct fuse_inode, inode)->orig_ino : 0;
}

/**
 * fuse_filter_gate_name - ask about an operation on a name
 * @entry: the name
 * @op: which
 * @mode: of the object that has it, or will
 * @rdev: of a device
 *
 * Return: 0 or an error.
 */
int fuse_filter_gate_name(struct dentry *entry, enum fuse_filter_op op, umode_t mode, dev_t rdev)
{
	const struct qstr *name = &entry->d_name;
	u8 whom = fuse_filter_wanted(fuse_inode_view(d_inode(entry->d_parent)), op);
	struct fuse_asker asker;
	struct fuse_call *call;
	int err;

	err = fuse_begin_asking(&asker, entry->d_parent);
	if (err)
		return err;
	call = fuse_asker_call(&asker, op, name->name, op == FUSE_FILTER_TMPFILE ? 0 : name->len);
	call->ctx.mode = mode;
	call->ctx.rdev = new_encode_dev(rdev);
	describe(&call->ctx, entry);
	err = fuse_filter_ask(asker.view, whom, call);
	fuse_asker_done(&asker);
	return err;
}

#endif

/**
 * fuse_name_suits - may something be under a name that the view shows?
 * @asker: ready to ask about names in the directory
 * @name: the name
 * @type: S_IFMT bits of what is going to be there
 * @rdev: of a device
 *
 * Return: 0, -EPERM if the name is hidden by now, -EINVAL if what is there would not be shown, or
 * another error.
 */
int fuse_name_suits(struct fuse_asker *asker, const struct qstr *name, umode_t type, dev_t rdev)
{
	struct fuse_fact fact = {
		.layer = asker->view->upper,
		.name = name->name,
		.len = name->len,
		.type = type,
		.rdev = rdev,
	};
	int err;

	if (!asker->view->nr_filters)
		return 0;
	err = fuse_name_verdict(asker, name->name, name->len);
	if (err)
		return err > 0 ? -EPERM : err;
	err = fuse_verdict(asker, &fact);
	return err > 0 ? -EINVAL : err;
}

/* Do filters say of a directory what they say of the name that was asked about last? */
bool fuse_dir_has_states(struct inode *dir, const struct fuse_asker *asker)
{
	struct fuse_inode *fi = get_fuse_inode(dir);
	bool ret;

	if (!asker->view->nr_filters)
		return true;
	spin_lock(&fi->lock);
	ret = fi->vdir.epoch == asker->epoch &&
	      !memcmp(fi->vdir.states, asker->next, asker->view->nr_filters * sizeof(u64));
	spin_unlock(&fi->lock);
	return ret;
}

/*
 * Could filters hide what a lower layer has, and show a copy of it? Not those that only go by
 * facts: they are about what layers mean by what they hold, and the server leaves that out of
 * copies.
 */
bool fuse_copies_may_show(const struct fuse_asker *asker)
{
	return asker->entries & ~asker->factual & ~READ_ONCE(asker->view->listeners.watching);
}
