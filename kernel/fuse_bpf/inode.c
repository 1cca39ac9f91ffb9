// SPDX-License-Identifier: GPL-2.0
/*
 * Inodes of a view. The inode cache finds them by their topmost backing inode, so that all hard
 * links of a file are one inode. The stack is set under the cache's lock, before anybody can find
 * the inode.
 */
#include <linux/fs.h>
#include <linux/slab.h>

#include "view.h"

static const struct inode_operations dir_inode_operations = {
	.lookup = fuse_view_lookup,
	.permission = fuse_view_permission,
	.getattr = fuse_view_getattr,
	.listxattr = fuse_view_listxattr,
	.get_inode_acl = fuse_view_get_inode_acl,
	.get_acl = fuse_view_get_acl,
	.fileattr_get = fuse_view_fileattr_get,
};

static const struct inode_operations file_inode_operations = {
	.permission = fuse_view_permission,
	.getattr = fuse_view_getattr,
	.listxattr = fuse_view_listxattr,
	.get_inode_acl = fuse_view_get_inode_acl,
	.get_acl = fuse_view_get_acl,
	.fileattr_get = fuse_view_fileattr_get,
	.fiemap = fuse_view_fiemap,
};

static const struct inode_operations symlink_inode_operations = {
	.get_link = fuse_view_get_link,
	.getattr = fuse_view_getattr,
	.listxattr = fuse_view_listxattr,
};

static const struct inode_operations special_inode_operations = {
	.permission = fuse_view_permission,
	.getattr = fuse_view_getattr,
	.listxattr = fuse_view_listxattr,
	.get_inode_acl = fuse_view_get_inode_acl,
	.get_acl = fuse_view_get_acl,
};

/*
 * Views can lie on views, and then lock an inode of each, the upper one first. Lockdep needs to be
 * told that these are different kinds of lock.
 */
void fuse_view_annotate_locks(struct inode *inode)
{
#ifdef CONFIG_LOCKDEP
	static struct lock_class_key file_keys[FILESYSTEM_MAX_STACK_DEPTH];
	static struct lock_class_key dir_keys[FILESYSTEM_MAX_STACK_DEPTH];
	static struct lock_class_key mutex_keys[FILESYSTEM_MAX_STACK_DEPTH];
	int depth = inode->i_sb->s_stack_depth - 1;

	if (WARN_ON_ONCE(depth < 0 || depth >= FILESYSTEM_MAX_STACK_DEPTH))
		return;
	if (S_ISDIR(inode->i_mode))
		lockdep_set_class(&inode->i_rwsem, &dir_keys[depth]);
	else
		lockdep_set_class(&inode->i_rwsem, &file_keys[depth]);
	lockdep_set_class(&get_fuse_inode(inode)->mutex, &mutex_keys[depth]);
#endif
}

static void copy_attributes(struct inode *inode, const struct fuse_stack *stack)
{
	const struct fuse_place *top = &stack->at[0];
	struct inode *real = d_inode(top->dentry);

	fuse_shown_init(inode, top);
	inode_set_atime_to_ts(inode, inode_get_atime(real));
	inode_set_mtime_to_ts(inode, inode_get_mtime(real));
	inode_set_ctime_to_ts(inode, inode_get_ctime(real));
	i_size_write(inode, i_size_read(real));
	set_nlink(inode, stack->nr > 1 ? 1 : real->i_nlink);
	inode->i_blkbits = real->i_blkbits;
	inode->i_generation = real->i_generation;
	inode_set_flags(inode, real->i_flags & (S_APPEND | S_IMMUTABLE), S_APPEND | S_IMMUTABLE);
}

/**
 * fuse_view_adopt - make an inode show a stack
 * @inode: new, or the root that nobody uses yet
 * @stack: the inode owns it from now on
 */
void fuse_view_adopt(struct inode *inode, struct fuse_stack *stack)
{
	const struct fuse_place *top = &stack->at[0];
	struct fuse_inode *fi = get_fuse_inode(inode);
	struct inode *real = d_inode(top->dentry);

	copy_attributes(inode, stack);
	inode->i_flags |= S_NOATIME | S_NOCMTIME;
	inode->i_acl = ACL_DONT_CACHE;
	inode->i_default_acl = ACL_DONT_CACHE;
	fi->orig_ino = fuse_layer_ino(top->layer, real->i_ino);
	inode->i_ino =
		sizeof(ino_t) < sizeof(u64) ? fi->orig_ino ^ fi->orig_ino >> 32 : fi->orig_ino;

	switch (inode->i_mode & S_IFMT) {
	case S_IFREG:
		inode->i_op = &file_inode_operations;
		inode->i_fop = &fuse_view_file_operations;
		break;
	case S_IFDIR:
		memset(&fi->vdir, 0, sizeof(fi->vdir));
		inode->i_op = &dir_inode_operations;
		inode->i_fop = &fuse_view_dir_operations;
		break;
	case S_IFLNK:
		inode->i_op = &symlink_inode_operations;
		break;
	default:
		inode->i_op = &special_inode_operations;
		init_special_inode(inode, inode->i_mode, real->i_rdev);
		break;
	}
	WRITE_ONCE(fi->stack, stack);
}

struct iget {
	struct inode *key;
	struct fuse_stack *stack;
};

static int iget_test(struct inode *inode, void *data)
{
	struct iget *iget = data;

	return get_fuse_inode(inode)->key == iget->key;
}

static int iget_set(struct inode *inode, void *data)
{
	struct iget *iget = data;

	get_fuse_inode(inode)->key = iget->key;
	get_fuse_inode(inode)->stack = iget->stack;
	return 0;
}

/**
 * fuse_view_iget - the inode for backing objects
 * @sb: of the view
 * @places: the topmost first; the references to their dentries are taken over, also on failure
 * @nr: how many
 *
 * Return: the inode, or -ESTALE if the one that is known for the topmost object has others below
 * it: somebody changed the layers.
 */
struct inode *fuse_view_iget(struct super_block *sb, const struct fuse_place *places,
			     unsigned int nr)
{
	struct iget iget = {.key = d_inode(places[0].dentry)};
	struct inode *inode;
	bool same;

	iget.stack = fuse_stack_new(places, nr);
	if (!iget.stack)
		return ERR_PTR(-ENOMEM);
	inode = iget5_locked(sb, (unsigned long)iget.key, iget_test, iget_set, &iget);
	if (!inode) {
		fuse_stack_free(iget.stack);
		return ERR_PTR(-ENOMEM);
	}
	if (inode->i_state & I_NEW) {
		fuse_view_adopt(inode, iget.stack);
		fuse_view_annotate_locks(inode);
		unlock_new_inode(inode);
		return inode;
	}
	same = fuse_places_same(fuse_inode_stack(inode), iget.stack->at, nr);
	fuse_stack_free(iget.stack);
	if (!same) {
		iput(inode);
		return ERR_PTR(-ESTALE);
	}
	return inode;
}

/* The inode of a view never asks a server to forget it. */
bool fuse_view_needs_forget(struct super_block *sb)
{
	struct fuse_view *view = READ_ONCE(get_fuse_conn_super(sb)->view);

	return !view || READ_ONCE(view->state) == FUSE_VIEW_OPEN;
}

/* References are dropped while it can still be slept; rcu-walks may still read the stack. */
void fuse_view_evict_inode(struct inode *inode)
{
	struct fuse_inode *fi = get_fuse_inode(inode);
	struct fuse_stack *stack = fi->stack;

	if (!stack)
		return;
	if (S_ISDIR(inode->i_mode))
		fuse_listing_put(rcu_replace_pointer(fi->vdir.listing, NULL, true));
	fuse_places_put(stack->at, stack->nr);
}

/* After the grace period. */
void fuse_view_free_inode(struct fuse_inode *fi)
{
	kfree(fi->stack);
}
