// SPDX-License-Identifier: GPL-2.0
/*
 * What creating, removing and renaming share: a directory is made ready for a change of its names,
 * filters are asked about a name, and a name is looked up in the upper with the directory locked
 * there. The VFS has locked the directory in the view.
 */
#include <linux/fs.h>
#include <linux/namei.h>

#include "view.h"

/**
 * fuse_names_begin - make a directory ready for a change of its names
 * @dir: the directory
 *
 * Return: 0 if it is in the upper, and nothing is being made in it by the server; or an error.
 */
int fuse_names_begin(struct dentry *dir)
{
	struct inode *inode = d_inode(dir);

	return fuse_view_alive(inode) ?: fuse_wait_held(inode) ?: fuse_copy_up(dir, 0);
}

/**
 * fuse_name_free - may something of this name be made?
 * @asker: ready to ask about names in @dir
 * @dir: the directory, where the view shows no such name
 * @name: the name
 * @type: S_IFMT bits of what is to be made
 * @rdev: of a device
 *
 * A hidden name is not free, and what would not be shown can't be made.
 *
 * Return: 0, -EPERM if something is hidden there, -EINVAL if there can be no such name, or another
 * error.
 */
int fuse_name_free(struct fuse_asker *asker, struct inode *dir, const struct qstr *name,
		   umode_t type, dev_t rdev)
{
	struct fuse_found found;
	int err;

	if (!asker->view->nr_filters)
		return 0;
	err = fuse_view_search(dir, name, asker, &found);
	if (err)
		return err;
	if (found.hidden)
		err = -EPERM;
	else if (found.nr)
		err = -EEXIST;
	fuse_found_drop(&found);
	return err ?: fuse_name_suits(asker, name, type, rdev);
}

/**
 * fuse_upper_lookup - look up a name in a locked directory of the upper
 * @dir: the directory; its i_rwsem is held
 * @name: the name
 *
 * Context: with the upper's credentials.
 * Return: the dentry, which may be negative, or an error.
 */
struct dentry *fuse_upper_lookup(const struct fuse_place *dir, const struct qstr *name)
{
	return lookup_one(mnt_idmap(dir->layer->mnt), name->name, dir->dentry, name->len);
}

/**
 * fuse_upper_clear - remove a whiteout in a directory under which no lower layer has anything
 * @dir: the directory; its i_rwsem is held
 * @whiteout: a dentry of it
 *
 * Context: with the upper's credentials, and the right to write to its mount.
 */
int fuse_upper_clear(const struct fuse_place *dir, struct dentry *whiteout)
{
	return vfs_unlink(mnt_idmap(dir->layer->mnt), d_inode(dir->dentry), whiteout, NULL);
}

bool fuse_is_whiteout(const struct dentry *dentry)
{
	return d_is_positive(dentry) && IS_WHITEOUT(d_inode(dentry));
}

/**
 * fuse_upper_vacant - look up a name in the upper for something to be made there
 * @dir: the directory; its i_rwsem is held
 * @merged: it has lower parts
 * @name: the name
 * @ret_dentry: a negative dentry
 *
 * Context: with the upper's credentials, and the right to write to its mount.
 * Return: 0, 1 if a whiteout is there that something below may depend on, -EEXIST, or another
 * error.
 */
int fuse_upper_vacant(const struct fuse_place *dir, bool merged, const struct qstr *name,
		      struct dentry **ret_dentry)
{
	struct dentry *dentry = fuse_upper_lookup(dir, name);
	int ret;

	if (!IS_ERR(dentry) && fuse_is_whiteout(dentry)) {
		ret = merged ? 1 : fuse_upper_clear(dir, dentry);
		dput(dentry);
		if (ret)
			return ret;
		dentry = fuse_upper_lookup(dir, name);
	}
	if (IS_ERR(dentry))
		return PTR_ERR(dentry);
	if (d_is_positive(dentry)) {
		dput(dentry);
		return -EEXIST;
	}
	*ret_dentry = dentry;
	return 0;
}
