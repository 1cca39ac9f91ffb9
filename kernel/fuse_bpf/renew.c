// SPDX-License-Identifier: GPL-2.0
/*
 * An inode is brought up to date: its attributes, when its backing object was changed, and what it
 * stands for. It gets another stack when it was copied up, and so has a part in the upper now, or
 * when a directory lost lower parts because one on the way to it was made opaque. The inode stays
 * what it is, with its number, its locks and all that holds it. Callers hold the inode or have its
 * name looked up; they may race with each other.
 */
#include <linux/fs.h>
#include <linux/slab.h>

#include "view.h"

static void copy_attributes(struct inode *inode, const struct fuse_stack *stack)
{
	struct inode *real = d_inode(stack->at[0].dentry);

	spin_lock(&inode->i_lock);
	inode_set_atime_to_ts(inode, inode_get_atime(real));
	inode_set_mtime_to_ts(inode, inode_get_mtime(real));
	inode_set_ctime_to_ts(inode, inode_get_ctime(real));
	i_size_write(inode, i_size_read(real));
	inode->i_blkbits = real->i_blkbits;
	inode->i_generation = real->i_generation;
	/* Access times are kept for the upper alone. */
	inode_set_flags(inode, stack->upper ? 0 : S_NOATIME, S_NOATIME);
	spin_unlock(&inode->i_lock);
}

static void refresh_nlink(struct inode *inode)
{
	unsigned int nlink = fuse_inode_nlink(inode);

	spin_lock(&inode->i_lock);
	set_nlink(inode, nlink);
	spin_unlock(&inode->i_lock);
}

/**
 * fuse_inode_refresh - bring the attributes that the VFS sees up to date
 * @inode: whose backing object was changed
 *
 * Context: may sleep.
 */
void fuse_inode_refresh(struct inode *inode)
{
	fuse_shown_refresh(inode);
	copy_attributes(inode, fuse_inode_stack(inode));
	refresh_nlink(inode);
}

/* The same where neither owner nor number of links were changed. */
void fuse_inode_written(struct inode *inode)
{
	const struct fuse_stack *stack = fuse_inode_stack(inode);
	const struct inode *real = d_inode(stack->at[0].dentry);
	struct timespec64 mtime = inode_get_mtime(inode), ctime = inode_get_ctime(inode);
	struct timespec64 real_mtime = inode_get_mtime(real), real_ctime = inode_get_ctime(real);

	if (inode->i_mode != real->i_mode)
		fuse_shown_refresh(inode);
	if (!timespec64_equal(&mtime, &real_mtime) || !timespec64_equal(&ctime, &real_ctime) ||
	    i_size_read(inode) != i_size_read(real))
		copy_attributes(inode, stack);
}

/* An inode is found by the key of a lower file with several names, else by its topmost place. */
unsigned long fuse_inode_hash(const char *link, const struct inode *key)
{
	return link ? full_name_hash(NULL, link, strlen(link)) : (unsigned long)key;
}

/* The inode is found by its topmost backing inode, which is another one now. */
static void rehash(struct inode *inode)
{
	struct fuse_view *view = fuse_inode_view(inode);
	struct fuse_view_inode *vi = fuse_vinode(inode);

	if (vi->link || !vi->key)
		return;
	down_write(&view->keys);
	remove_inode_hash(inode);
	vi->key = d_inode(fuse_inode_top(inode)->dentry);
	__insert_inode_hash(inode, fuse_inode_hash(NULL, vi->key));
	up_write(&view->keys);
}

static bool same_object(const struct fuse_place *a, const struct fuse_place *b)
{
	return a->layer == b->layer && d_inode(a->dentry) == d_inode(b->dentry);
}

/* A directory keeps its part in the upper, and those of its lower parts that are still found. */
static bool is_newer_dir(const struct fuse_stack *cur, const struct fuse_found *found)
{
	unsigned int i;

	if (cur->upper && !same_object(&cur->at[0], &found->places[0]))
		return false;
	if (found->nr - 1 > cur->nr - cur->upper)
		return false;
	for (i = 1; i < found->nr; i++) {
		if (!same_object(&cur->at[i - 1 + cur->upper], &found->places[i]))
			return false;
	}
	return true;
}

/*
 * Is the object of the upper a copy of this one? It says so itself, unless it is of a kind that
 * can't have the record (user.* attributes); then nothing else can have the name, see
 * FUSE_ENTRY_GOING.
 */
static int is_copy(struct inode *inode, struct fuse_found *found)
{
	const struct fuse_view_inode *vi = fuse_vinode(inode);
	int err;

	err = fuse_found_identify(fuse_inode_view(inode), found);
	if (err)
		return err;
	if (vi->link)
		return found->link && !strcmp(found->link, vi->link);
	if (found->numbered)
		return !found->link && found->ino == get_fuse_inode(inode)->orig_ino;
	return !S_ISREG(inode->i_mode);
}

/* Returns 1, 0 or an error. */
static int is_newer(struct inode *inode, const struct fuse_stack *cur, struct fuse_found *found)
{
	umode_t found_type;

	if (!found->nr || !found->places[0].layer->upper)
		return 0;
	found_type = d_inode(found->places[0].dentry)->i_mode & S_IFMT;
	if (found_type != (inode->i_mode & S_IFMT))
		return 0;
	if (found_type == S_IFDIR)
		return is_newer_dir(cur, found);
	return cur->upper ? 0 : is_copy(inode, found);
}

/* False if somebody else was faster. */
static bool replace_stack(struct inode *inode, struct fuse_stack *cur, struct fuse_stack *stack)
{
	struct fuse_inode *fi = get_fuse_inode(inode);
	bool ret;

	spin_lock(&fi->lock);
	ret = fi->view.stack == cur;
	if (ret) {
		stack->old = cur;
		fi->view.numbered = true;
		/* Who reads the pointer reads what it points to. */
		smp_store_release(&fi->view.stack, stack);
	}
	spin_unlock(&fi->lock);
	return ret;
}

/**
 * fuse_inode_renew - compare an inode with what was found for it, and bring it up to date
 * @inode: the inode
 * @found: under its name, just now
 *
 * Return: 1 if the inode stands for what was found, by now at least; 0 if that is something else;
 * or an error.
 */
int fuse_inode_renew(struct inode *inode, struct fuse_found *found)
{
	struct fuse_stack *cur, *stack;
	int ret;

	for (;;) {
		cur = fuse_inode_stack(inode);
		if (fuse_places_same(cur, found->places, found->nr))
			return 1;
		ret = is_newer(inode, cur, found);
		if (ret <= 0)
			return ret;
		stack = fuse_stack_copy(found->places, found->nr);
		if (!stack)
			return -ENOMEM;
		if (replace_stack(inode, cur, stack))
			break;
		fuse_stack_free(stack);
	}
	if (!cur->upper)
		rehash(inode);
	fuse_inode_protect(inode);
	fuse_inode_refresh(inode);
	return 1;
}
