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

/*
 * Do filters say of a directory what they say of the name that was asked about last? Of those that
 * are asked about accesses, and so about the move, it is only noted. Returns 0, -EXDEV, or -EAGAIN
 * if what they said of the directory is of another epoch, or of one that is about to end: who is
 * asked in it changes before its number does.
 */
static int compare_states(struct inode *dir, const struct fuse_asker *asker, bool *ret_restates)
{
	u8 asked = fuse_filter_wanted(asker->view, FUSE_FILTER_ACCESS);
	struct fuse_inode *fi = get_fuse_inode(dir);
	unsigned int i;
	int ret;

	if (!asker->view->nr_filters)
		return 0;
	spin_lock(&fi->lock);
	ret = fi->vdir.epoch == asker->epoch ? 0 : -EAGAIN;
	for (i = 0; !ret && i < asker->view->nr_filters; i++) {
		if (fi->vdir.states[i] == asker->next[i])
			continue;
		if (asked & BIT(i))
			*ret_restates = true;
		else
			ret = -EXDEV;
	}
	spin_unlock(&fi->lock);
	if (ret == -EXDEV && !fuse_filters_speak_for(asker->view, asker->epoch))
		ret = -EAGAIN;
	return ret;
}

/*
 * Could filters hide what a lower layer has, and show a copy of it? Not those that only go by
 * facts: they are about what layers mean by what they hold, and the server leaves that out of
 * copies.
 */
static bool copies_may_show(const struct fuse_asker *asker)
{
	return asker->entries & ~asker->factual & ~READ_ONCE(asker->view->listeners.watching);
}

static int move_suits(struct dentry *from, struct dentry *to, bool copied, bool *ret_restates)
{
	struct inode *inode = d_inode(from), *dir = d_inode(to->d_parent);
	umode_t type = inode->i_mode & S_IFMT;
	struct fuse_asker asker;
	int err;

	err = S_ISDIR(type) ? fuse_dentry_check(from) : 0;
	if (!err)
		err = fuse_begin_asking(&asker, to->d_parent);
	if (err)
		return err;
	if (d_really_is_positive(to))
		err = fuse_name_suits(&asker, &to->d_name, type, inode->i_rdev);
	else
		err = fuse_name_free(&asker, dir, &to->d_name, type, inode->i_rdev);
	/* What filters say of what is in it follows from what they say of it. */
	if (!err && S_ISDIR(type))
		err = compare_states(inode, &asker, ret_restates);
	/* What is hidden in it would be copied, too. */
	if (!err && copied && copies_may_show(&asker))
		err = -EXDEV;
	fuse_asker_done(&asker);
	return err;
}

/**
 * fuse_move_suits - may filters let an object be under another name?
 * @from: the object
 * @to: the name, whose directory is locked
 * @copied: it is a directory, of which lower layers have a part
 * @ret_restates: set if what is in a directory will have to be asked about again
 *
 * Return: 0, -EXDEV if less would be hidden, or as fuse_name_free() and fuse_name_suits().
 */
int fuse_move_suits(struct dentry *from, struct dentry *to, bool copied, bool *ret_restates)
{
	int err;

	do {
		err = move_suits(from, to, copied, ret_restates);
	} while (err == -EAGAIN);
	return err;
}
