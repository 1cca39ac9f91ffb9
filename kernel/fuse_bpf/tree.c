// SPDX-License-Identifier: GPL-2.0
/*
 * A directory with lower parts is about to move. The server copies up all that is shown in it and
 * makes it opaque, so that it has no lower parts any more, nor has what is in it. What the view
 * knows of what is in it is found out to be out of date by a new epoch.
 */
#include <linux/fs.h>
#include <linux/jiffies.h>
#include <linux/slab.h>

#include "view.h"

#define TRIES 16

static bool has_lower_parts(const struct inode *dir)
{
	const struct fuse_stack *stack = fuse_inode_stack(dir);

	return stack->nr > stack->upper;
}

/* What the server may want to tell people; NULL will do as well. */
static const char *path_of(struct dentry *entry, char **ret_buffer)
{
	const char *path;

	*ret_buffer = kmalloc(PATH_MAX, GFP_KERNEL);
	if (!*ret_buffer)
		return NULL;
	path = dentry_path_raw(entry, *ret_buffer, PATH_MAX);
	return IS_ERR(path) ? NULL : path + 1;
}

static int ask_server(struct dentry *dir, struct dentry *to, unsigned long start, bool *ret_passed)
{
	struct fuse_ask ask = {
		.kind = FUSE_UPCALL_RENAME,
		.entry = dir,
		.held = {d_inode(dir)},
		.start = start,
	};
	char *buffer;
	int ret;

	ask.text = path_of(to, &buffer);
	ret = fuse_upcall(&ask);
	kfree(buffer);
	*ret_passed = ask.passed;
	return ret;
}

/* All else may have lost lower parts. The directory itself is known. */
static void begin_epoch(struct dentry *dir, const struct fuse_view *view)
{
	struct fuse_inode *fi = get_fuse_inode(d_inode(dir));
	unsigned long before = dir->d_time, epoch;

	epoch = fuse_view_new_epoch(fuse_inode_view(d_inode(dir)));
	/* Unless filters have begun one as well. */
	if (before != epoch - 1)
		return;
	spin_lock(&fi->lock);
	if (fi->vdir.epoch == before)
		fi->vdir.epoch = epoch;
	spin_unlock(&fi->lock);
	WRITE_ONCE(dir->d_time, epoch);
}

/**
 * fuse_raise_tree - make a directory with lower parts one of the upper alone
 * @dir: the directory; held
 * @to: where it is going to be
 * @ret_passed: set if the hold is an upcall's now
 *
 * Context: fuse_view.paths is held alone, and no upcall is under way.
 * Return: 0 or an error.
 */
int fuse_raise_tree(struct dentry *dir, struct dentry *to, bool *ret_passed)
{
	unsigned long start = jiffies;
	int ret = FUSE_UPCALL_RETRY, err, i;

	for (i = 0; i < TRIES && ret == FUSE_UPCALL_RETRY && has_lower_parts(d_inode(dir)); i++) {
		ret = ask_server(dir, to, start, ret_passed);
		if (ret < 0)
			return ret;
		err = fuse_look_up_copy(dir);
		if (err)
			return err;
	}
	if (has_lower_parts(d_inode(dir)))
		return -EIO;
	begin_epoch(dir, fuse_inode_view(d_inode(dir)));
	return 0;
}
