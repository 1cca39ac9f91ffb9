// SPDX-License-Identifier: GPL-2.0
/*
 * Lookup: from a name to a dentry. Called with the i_rwsem of the directory held.
 */
#include <linux/namei.h>

#include "view.h"

/*
 * The inode of a name, or NULL if there is none; *ret_epoch says for how long that holds, and
 * *ret_flags what is known of the name (FUSE_ENTRY_*).
 */
static struct inode *find_inode(struct dentry *dir, const struct qstr *name,
				unsigned long *ret_epoch, unsigned long *ret_flags)
{
	struct fuse_asker asker;
	struct inode *inode = NULL;
	struct fuse_found found;
	int err;

	for (;;) {
		err = fuse_asker_init(&asker, d_inode(dir));
		if (err != -EAGAIN)
			break;
		err = fuse_dentry_settle(dir);
		if (err)
			return ERR_PTR(err);
	}
	err = fuse_view_search(d_inode(dir), name, &asker, &found);
	if (err) {
		inode = ERR_PTR(err);
		goto out;
	}
	if (found.nr)
		inode = fuse_view_iget(dir->d_sb, &found);
	if (!IS_ERR_OR_NULL(inode) && S_ISDIR(inode->i_mode))
		fuse_dir_set_states(inode, &asker);
	*ret_epoch = asker.epoch;
	*ret_flags = fuse_entry_said(&asker) | (found.in_upper ? FUSE_ENTRY_UPPER : 0);
	fuse_found_drop(&found);
out:
	fuse_asker_done(&asker);
	return inode;
}

/**
 * fuse_view_lookup - inode_operations.lookup of a view's directories
 * @dir: where
 * @entry: the name
 * @flags: not used
 *
 * What is there for some and hidden from others gets its dentry, whoever asks; it's hidden by
 * revalidation from then on.
 *
 * Return: NULL or another dentry as for d_splice_alias(), or an error. A name that doesn't exist
 * leaves a negative dentry.
 */
struct dentry *fuse_view_lookup(struct inode *dir, struct dentry *entry, unsigned int flags)
{
	unsigned long epoch, known;
	struct inode *inode;
	struct dentry *other;
	int err;

	err = fuse_view_alive(dir);
	if (err)
		return ERR_PTR(err);
	if (entry->d_name.len > fuse_inode_view(dir)->namelen)
		return ERR_PTR(-ENAMETOOLONG);

	inode = find_inode(entry->d_parent, &entry->d_name, &epoch, &known);
	if (IS_ERR(inode))
		return ERR_CAST(inode);
	fuse_entry_know(entry, epoch, known);
	other = d_splice_alias(inode, entry);
	if (IS_ERR(other))
		return other;
	if (other)
		fuse_entry_know(other, epoch, known);
	err = fuse_view_access(other ?: entry, FUSE_ACCESS(SEE));
	if (!err)
		return other;
	dput(other);
	return ERR_PTR(err);
}
