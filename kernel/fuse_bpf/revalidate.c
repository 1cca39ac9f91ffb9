// SPDX-License-Identifier: GPL-2.0
/*
 * Dentry operations: the VFS asks whether a name still holds, and may not be for who walks there.
 * Parts of this run in rcu-walk.
 */
#include <linux/dcache.h>
#include <linux/namei.h>

#include "view.h"

static int revalidate(struct dentry *entry, unsigned int flags)
{
	const struct fuse_view *view = get_fuse_conn_super(entry->d_sb)->view;
	bool known = !view->remote && fuse_entry_is_of(entry, READ_ONCE(view->epoch));
	int ret;

	if (likely(known && !(fuse_entry_asks(entry) & FUSE_ACCESS(SEE))))
		return 1;
	if (flags & LOOKUP_RCU)
		return -ECHILD;
	if (!known) {
		ret = fuse_dentry_search(entry);
		if (ret <= 0)
			return ret == -ENOENT ? 0 : ret;
	}
	/* An error is for who asks alone: others go on with the dentry. */
	return fuse_view_access(entry, FUSE_ACCESS(SEE)) ?: 1;
}

/* What was reached through /proc/PID/fd, or is the root of the view. */
static int weak_revalidate(struct dentry *entry, unsigned int flags)
{
	int err = fuse_dentry_check(entry) ?: fuse_view_access(entry, FUSE_ACCESS(SEE));

	return err ?: 1;
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
	.d_weak_revalidate = weak_revalidate,
	.d_real = real_dentry,
};
