// SPDX-License-Identifier: GPL-2.0
/*
 * Who has an upper, and who is changing something in it: one view at a time, and after it was
 * aborted those of its tasks that are in the middle of a change.
 */
#include <linux/fs.h>
#include <linux/mount.h>

#include "view.h"

/**
 * fuse_upper_take - begin to use a directory as an upper
 * @root: the directory
 *
 * An upper has one user, be it a view or an overlayfs, whose mark this is: each would be surprised
 * by what the other does.
 *
 * Return: false if another has it.
 */
bool fuse_upper_take(struct inode *root)
{
	bool ret;

	spin_lock(&root->i_lock);
	ret = !(root->i_state & I_OVL_INUSE);
	root->i_state |= I_OVL_INUSE;
	spin_unlock(&root->i_lock);
	return ret;
}

void fuse_upper_give_back(struct inode *root)
{
	spin_lock(&root->i_lock);
	root->i_state &= ~I_OVL_INUSE;
	spin_unlock(&root->i_lock);
}

static void put_upper(struct fuse_layer *layer)
{
	if (refcount_dec_and_test(&layer->users))
		fuse_upper_give_back(d_inode(layer->mnt->mnt_root));
}

/**
 * fuse_layer_retire - let others have an upper, when who is changing something in it is done
 * @layer: an upper in use
 *
 * Files that are open for writing stay so: it is up to who has them that they aren't written to.
 *
 * Context: calls for one layer exclude each other.
 */
void fuse_layer_retire(struct fuse_layer *layer)
{
	if (layer->retired)
		return;
	WRITE_ONCE(layer->retired, true);
	put_upper(layer);
}

/**
 * fuse_layer_begin_change - get the right to change something in an upper
 * @layer: the upper
 *
 * Context: may sleep, until the file system thaws. Nothing in the upper is locked.
 * Return: 0, -ENOTCONN if the view was aborted, or another error; then nothing is to be ended.
 */
int fuse_layer_begin_change(struct fuse_layer *layer)
{
	int err = mnt_want_write(layer->mnt);

	if (err)
		return err;
	if (!READ_ONCE(layer->retired) && refcount_inc_not_zero(&layer->users))
		return 0;
	mnt_drop_write(layer->mnt);
	return -ENOTCONN;
}

void fuse_layer_end_change(struct fuse_layer *layer)
{
	put_upper(layer);
	mnt_drop_write(layer->mnt);
}

/**
 * fuse_place_begin_change - become who changes something in the upper
 * @place: where
 * @ret_old: for fuse_place_end_change()
 *
 * Context: may sleep, until the file system thaws. Nothing in the upper is locked.
 * Return: as fuse_layer_begin_change().
 */
int fuse_place_begin_change(const struct fuse_place *place, const struct cred **ret_old)
{
	int err = fuse_layer_begin_change(place->layer);

	if (!err)
		*ret_old = fuse_place_override(place);
	return err;
}

void fuse_place_end_change(const struct fuse_place *place, const struct cred *old)
{
	revert_creds(old);
	fuse_layer_end_change(place->layer);
}
