// SPDX-License-Identifier: GPL-2.0
/*
 * Names of a view in the dcache: whether one that was looked up still means the same. Parts of this
 * run in rcu-walk.
 */
#include <linux/dcache.h>
#include <linux/namei.h>

#include "view.h"

/* Does the name still mean what the dentry says? */
static int search_again(struct dentry *entry, struct inode *dir)
{
	unsigned long epoch = READ_ONCE(fuse_inode_view(dir)->epoch);
	struct inode *inode = d_inode(entry);
	struct name_snapshot name;
	struct fuse_found found;
	int err;

	take_dentry_name_snapshot(&name, entry);
	err = fuse_view_search(dir, &name.name, &found);
	release_dentry_name_snapshot(&name);
	if (err)
		return err == -ENOMEM || err == -EINTR ? err : 0;

	if (inode)
		err = fuse_places_same(fuse_inode_stack(inode), found.places, found.nr);
	else
		err = !found.nr;
	fuse_found_drop(&found);
	if (err)
		entry->d_time = epoch;
	return err;
}

static int revalidate(struct dentry *entry, unsigned int flags)
{
	const struct fuse_view *view = get_fuse_conn_super(entry->d_sb)->view;
	struct dentry *parent;
	int ret;

	if (!view->remote && entry->d_time == READ_ONCE(view->epoch))
		return 1;
	if (flags & LOOKUP_RCU)
		return -ECHILD;

	parent = dget_parent(entry);
	ret = search_again(entry, d_inode(parent));
	dput(parent);
	return ret;
}

/* Whom the kernel asks for the inode that is mapped: uprobes, IMA. */
static struct dentry *real_dentry(struct dentry *entry, enum d_real_type type)
{
	struct inode *inode = d_inode(entry);

	if (!inode || !S_ISREG(inode->i_mode))
		return entry;
	return d_real(fuse_inode_top(inode)->dentry, type);
}

/* While nothing can change, no name needs a second look. */
const struct dentry_operations fuse_view_dentry_operations = {
	.d_real = real_dentry,
};

const struct dentry_operations fuse_view_checked_dentry_operations = {
	.d_revalidate = revalidate,
	.d_real = real_dentry,
};
