// SPDX-License-Identifier: GPL-2.0
/*
 * Is a directory empty, for who wants to remove it or rename another over it? What filters hide by
 * name counts: it would go unseen. Whiteouts that are left in the upper don't.
 */
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/namei.h>
#include <linux/slab.h>

#include "view.h"

/* A name in a directory of the upper that may be a whiteout; the name follows. */
struct special {
	struct list_head list;
	unsigned int len;
	char name[];
};

struct walk {
	struct dir_context ctx;
	struct list_head specials;
	unsigned int calls;
	int err;
};

static bool walk_fill(struct dir_context *ctx, const char *name, int len, loff_t offset, u64 ino,
		      unsigned int d_type)
{
	struct walk *w = container_of(ctx, struct walk, ctx);
	struct special *special;

	w->calls++;
	if (name[0] == '.' && (len == 1 || (len == 2 && name[1] == '.')))
		return true;
	if (d_type != DT_CHR && d_type != DT_UNKNOWN) {
		w->err = -ENOTEMPTY;
		return false;
	}
	special = kmalloc(struct_size(special, name, len), GFP_KERNEL);
	if (!special) {
		w->err = -ENOMEM;
		return false;
	}
	special->len = len;
	memcpy(special->name, name, len);
	list_add(&special->list, &w->specials);
	return true;
}

static void walk_free(struct walk *w)
{
	struct special *special, *next;

	list_for_each_entry_safe(special, next, &w->specials, list)
		kfree(special);
}

/* Collects what may be whiteouts; -ENOTEMPTY if there is anything else. */
static int walk(struct walk *w, const struct fuse_place *dir)
{
	struct file *file = fuse_layer_open_dir(dir, O_RDONLY);
	unsigned int before;
	int err;

	if (IS_ERR(file))
		return PTR_ERR(file);
	do {
		before = w->calls;
		err = iterate_dir(file, &w->ctx) ?: w->err;
		if (!err && fatal_signal_pending(current))
			err = -EINTR;
	} while (!err && w->calls != before);
	fput(file);
	return err;
}

static int has_only_whiteouts(const struct walk *w, const struct fuse_place *dir)
{
	const struct special *special;
	struct dentry *dentry;
	bool whiteout;
	int err;

	list_for_each_entry(special, &w->specials, list) {
		err = fuse_layer_lookup(dir, special->name, special->len, &dentry);
		if (err == -ENOENT)
			continue;
		if (err)
			return err;
		whiteout = fuse_is_whiteout(dentry);
		dput(dentry);
		if (!whiteout)
			return -ENOTEMPTY;
		cond_resched();
	}
	return 0;
}

static int check_upper(const struct fuse_place *dir, bool *ret_leftovers)
{
	struct walk w = {.ctx.actor = walk_fill, .specials = LIST_HEAD_INIT(w.specials)};
	const struct cred *old = fuse_place_override(dir);
	int err = walk(&w, dir);

	revert_creds(old);
	if (!err)
		err = has_only_whiteouts(&w, dir);
	*ret_leftovers = !list_empty(&w.specials);
	walk_free(&w);
	return err;
}

/* Is there something in the lower parts that the upper has no whiteout for? */
static int check_lowers(struct inode *dir, const struct fuse_stack *stack)
{
	struct fuse_listing *listing = fuse_listing_get(dir);
	struct dentry *dentry;
	int err = 0;
	u32 i;

	if (IS_ERR(listing))
		return PTR_ERR(listing);
	for (i = 0; i < listing->nr && !err; i++) {
		struct fuse_name *n = listing->names[i];

		if (bitmap_empty(n->where, listing->places))
			continue;
		err = -ENOTEMPTY;
		if (!stack->upper)
			break;
		/* The upper has nothing but whiteouts. */
		err = fuse_layer_lookup(&stack->at[0], fuse_name_text(listing, n), n->len, &dentry);
		if (!err)
			dput(dentry);
		else if (err == -ENOENT)
			err = -ENOTEMPTY;
		cond_resched();
	}
	fuse_listing_put(listing);
	return err;
}

/**
 * fuse_dir_check_empty - is there nothing in a directory?
 * @dir: the directory; the VFS has locked it
 * @ret_leftovers: its part in the upper has whiteouts
 *
 * Return: 0, -ENOTEMPTY, or another error.
 */
int fuse_dir_check_empty(struct dentry *dir, bool *ret_leftovers)
{
	struct inode *inode = d_inode(dir);
	const struct fuse_stack *stack;
	int err;

	do {
		err = fuse_dentry_check(dir);
		if (err)
			return err;
		stack = fuse_inode_stack(inode);
		*ret_leftovers = false;
		if (stack->upper)
			err = check_upper(&stack->at[0], ret_leftovers);
		if (!err && stack->nr > stack->upper)
			err = check_lowers(inode, stack);
	} while (err == -EAGAIN);
	return err;
}

/* With the directory locked in the upper. */
static int clear_locked(const struct walk *w, const struct fuse_place *dir)
{
	const struct special *special;
	struct dentry *dentry;
	int err = 0;

	list_for_each_entry(special, &w->specials, list) {
		dentry = fuse_upper_lookup(dir,
					   &(struct qstr)QSTR_INIT(special->name, special->len));
		if (IS_ERR(dentry))
			return PTR_ERR(dentry);
		if (fuse_is_whiteout(dentry))
			err = fuse_upper_clear(dir, dentry);
		dput(dentry);
		if (err)
			break;
	}
	return err;
}

/**
 * fuse_upper_clear_all - remove the whiteouts in a directory of the upper that is to be removed
 * @dir: the directory; opaque, or without lower parts
 *
 * Context: with the upper's credentials, and the right to write to its mount.
 * Return: 0 or an error.
 */
int fuse_upper_clear_all(const struct fuse_place *dir)
{
	struct walk w = {.ctx.actor = walk_fill, .specials = LIST_HEAD_INIT(w.specials)};
	int err = walk(&w, dir);

	if (!err) {
		inode_lock_nested(d_inode(dir->dentry), I_MUTEX_PARENT);
		err = clear_locked(&w, dir);
		inode_unlock(d_inode(dir->dentry));
	}
	walk_free(&w);
	return err;
}
