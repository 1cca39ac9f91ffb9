// SPDX-License-Identifier: GPL-2.0
/*
 * The owner and mode that an inode of a view shows: those of the topmost backing object, which
 * filters may change. They hold for an epoch, and are asked for again when a permission is checked
 * or attributes are read in another one. fuse_inode.lock is held to change them; who reads them
 * takes any of the values that they had, as with chmod(2).
 */
#include <linux/fs.h>
#include <linux/slab.h>
#include <linux/xattr.h>

#include "view.h"

static void get_value(const struct fuse_place *place, const char *name, struct fuse_value *value)
{
	const struct cred *old;

	value->len = -ENODATA;
	if (!name[0])
		return;
	old = fuse_place_override(place);
	value->len = vfs_getxattr(mnt_idmap(place->layer->mnt), place->dentry, name, value->bytes,
				  sizeof(value->bytes));
	revert_creds(old);
	if (value->len == -EOPNOTSUPP)
		value->len = -ENODATA;
}

/* The values that filters want, one for each; NULL if none does, or an error. */
static struct fuse_value *get_values(struct fuse_view *view, const struct fuse_place *place)
{
	struct fuse_value *values;
	unsigned int i;

	if (!READ_ONCE(view->facts))
		return NULL;
	values = kcalloc(view->nr_filters, sizeof(*values), GFP_KERNEL);
	if (!values)
		return ERR_PTR(-ENOMEM);
	for (i = 0; i < view->nr_filters; i++) {
		struct fuse_wants *wants = fuse_wants_get(&view->filters[i]);

		get_value(place, wants ? wants->value : "", &values[i]);
		fuse_wants_put(wants);
	}
	return values;
}

static int ask(struct inode *inode, struct fuse_filter_attr *attr, bool *ret_changed)
{
	const struct fuse_place *place = fuse_inode_top(inode);
	struct fuse_view *view = fuse_inode_view(inode);
	struct fuse_call call = {
		.ctx.op = FUSE_FILTER_ATTR,
		.ctx.tag = place->layer->tag,
		.ctx.layer = place->layer->pos,
		.ctx.ino = get_fuse_inode(inode)->orig_ino,
		.ctx.mode = attr->mode,
		.ctx.uid = attr->uid,
		.ctx.gid = attr->gid,
		.attr = attr,
		.user_ns = inode->i_sb->s_user_ns,
	};
	int verdict;

	call.value = get_values(view, place);
	if (IS_ERR(call.value))
		return PTR_ERR(call.value);
	verdict = fuse_filter_ask(view, fuse_filter_wanted(view, FUSE_FILTER_ATTR), &call);
	kfree(call.value);
	*ret_changed = call.changed;
	return verdict;
}

static void show(struct inode *inode, const struct fuse_filter_attr *attr, bool changed,
		 unsigned long epoch)
{
	struct fuse_inode *fi = get_fuse_inode(inode);

	spin_lock(&fi->lock);
	inode->i_mode = attr->mode;
	inode->i_uid = KUIDT_INIT(attr->uid);
	inode->i_gid = KGIDT_INIT(attr->gid);
	fi->view.shown_changed = changed;
	WRITE_ONCE(fi->view.shown_epoch, epoch);
	spin_unlock(&fi->lock);
}

/* What the backing object has. */
static struct fuse_filter_attr real_attr(const struct inode *inode)
{
	const struct fuse_place *place = fuse_inode_top(inode);
	struct mnt_idmap *idmap = mnt_idmap(place->layer->mnt);
	const struct inode *real = d_inode(place->dentry);

	return (struct fuse_filter_attr){
		.mode = real->i_mode,
		.uid = __kuid_val(vfsuid_into_kuid(i_uid_into_vfsuid(idmap, real))),
		.gid = __kgid_val(vfsgid_into_kgid(i_gid_into_vfsgid(idmap, real))),
	};
}

/**
 * fuse_shown_init - start with what a new inode's backing object has
 * @inode: the inode; its stack is set
 */
void fuse_shown_init(struct inode *inode)
{
	struct fuse_view *view = fuse_inode_view(inode);
	/* As in fuse_asker_init(). */
	unsigned long epoch = smp_load_acquire(&view->epoch);
	struct fuse_filter_attr attr = real_attr(inode);

	/* Filters are asked when somebody wants to know. */
	show(inode, &attr, false, fuse_filter_wanted(view, FUSE_FILTER_ATTR) ? epoch - 1 : epoch);
}

/**
 * fuse_shown_refresh - owner or mode of the backing object were changed
 * @inode: the inode
 */
void fuse_shown_refresh(struct inode *inode)
{
	struct fuse_view *view = fuse_inode_view(inode);
	struct fuse_inode *fi = get_fuse_inode(inode);
	/* As in fuse_asker_init(). */
	unsigned long epoch = smp_load_acquire(&view->epoch);
	struct fuse_filter_attr attr = real_attr(inode);

	if (!fuse_filter_wanted(view, FUSE_FILTER_ATTR)) {
		show(inode, &attr, false, epoch);
		return;
	}
	/* What filters want to be shown stays until they are asked again. */
	spin_lock(&fi->lock);
	WRITE_ONCE(fi->view.shown_epoch, epoch - 1);
	spin_unlock(&fi->lock);
}

static bool same_attr(const struct fuse_filter_attr *a, const struct fuse_filter_attr *b)
{
	return a->mode == b->mode && a->uid == b->uid && a->gid == b->gid;
}

/**
 * fuse_shown_update - bring owner and mode of an inode up to date
 * @inode: the inode
 * @may_sleep: false in rcu-walk
 *
 * Return: 0, -ECHILD if it would have to sleep, or the filters' error.
 */
int fuse_shown_update(struct inode *inode, bool may_sleep)
{
	struct fuse_view *view = fuse_inode_view(inode);
	struct fuse_filter_attr before, now, attr;
	unsigned long epoch;
	bool changed = false;
	int err;

	/* As in fuse_asker_init(). */
	epoch = smp_load_acquire(&view->epoch);
	if (likely(READ_ONCE(fuse_vinode(inode)->shown_epoch) == epoch))
		return 0;
	if (!may_sleep)
		return -ECHILD;
	do {
		before = real_attr(inode);
		attr = before;
		if (fuse_filter_wanted(view, FUSE_FILTER_ATTR)) {
			err = ask(inode, &attr, &changed);
			if (err)
				return err;
		}
		show(inode, &attr, changed, epoch);
		/* What was said of a mode that is another by now must not stay. */
		now = real_attr(inode);
	} while (!same_attr(&before, &now));
	return 0;
}
