// SPDX-License-Identifier: GPL-2.0
/*
 * Inodes of a view. The inode cache finds them by their topmost backing inode, so that all hard
 * links of a file are one inode. The stack is set under the cache's lock, before anybody can find
 * the inode.
 */
#include <linux/fs.h>
#include <linux/slab.h>

#include "view.h"

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

	fi->view.stack = stack;
	fuse_shown_init(inode);
	fuse_inode_refresh(inode);
	fuse_inode_protect(inode);
	inode->i_flags |= S_NOCMTIME;
	inode->i_acl = ACL_DONT_CACHE;
	inode->i_default_acl = ACL_DONT_CACHE;
	if (!fi->view.numbered)
		fi->orig_ino = fuse_layer_ino(top->layer, real->i_ino);
	inode->i_ino =
		sizeof(ino_t) < sizeof(u64) ? fi->orig_ino ^ fi->orig_ino >> 32 : fi->orig_ino;

	switch (inode->i_mode & S_IFMT) {
	case S_IFREG:
		inode->i_op = &fuse_view_file_inode_operations;
		inode->i_fop = &fuse_view_file_operations;
		break;
	case S_IFDIR:
		memset(&fi->vdir, 0, sizeof(fi->vdir));
		inode->i_op = &fuse_view_dir_inode_operations;
		inode->i_fop = &fuse_view_dir_operations;
		break;
	case S_IFLNK:
		inode->i_op = &fuse_view_symlink_inode_operations;
		break;
	default:
		inode->i_op = &fuse_view_special_inode_operations;
		init_special_inode(inode, inode->i_mode, real->i_rdev);
		break;
	}
}

struct iget {
	struct fuse_found *found;
	struct inode *key;
	struct fuse_stack *stack;
};

static int iget_test(struct inode *inode, void *data)
{
	const struct fuse_view_inode *vi = fuse_vinode(inode);
	struct iget *iget = data;

	if (iget->found->link)
		return vi->link && !strcmp(vi->link, iget->found->link);
	return !vi->link && vi->key == iget->key;
}

static int iget_set(struct inode *inode, void *data)
{
	struct fuse_view_inode *vi = fuse_vinode(inode);
	struct iget *iget = data;

	vi->key = iget->key;
	vi->stack = iget->stack;
	vi->link = iget->found->link;
	vi->lower_nlink = iget->found->lower_nlink;
	vi->numbered = iget->found->numbered;
	get_fuse_inode(inode)->orig_ino = iget->found->ino;
	iget->found->link = NULL;
	return 0;
}

static struct inode *get_locked(struct super_block *sb, struct iget *iget)
{
	struct fuse_view *view = get_fuse_conn_super(sb)->view;
	unsigned long hash = fuse_inode_hash(iget->found->link, iget->key);
	struct inode *inode;

	down_read(&view->keys);
	inode = iget5_locked(sb, hash, iget_test, iget_set, iget);
	up_read(&view->keys);
	return inode;
}

/**
 * fuse_view_iget - the inode for what was found under a name
 * @sb: of the view
 * @found: at least one place; still to be dropped by the caller
 *
 * Return: the inode, or -ESTALE if the one that is known for the topmost object has others below
 * it: somebody changed the layers.
 */
struct inode *fuse_view_iget(struct super_block *sb, struct fuse_found *found)
{
	struct iget iget = {.found = found, .key = d_inode(found->places[0].dentry)};
	struct inode *inode;
	int err;

	err = fuse_found_identify(get_fuse_conn_super(sb)->view, found);
	if (err)
		return ERR_PTR(err);
	iget.stack = fuse_stack_copy(found->places, found->nr);
	if (!iget.stack)
		return ERR_PTR(-ENOMEM);
	inode = get_locked(sb, &iget);
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
	fuse_stack_free(iget.stack);
	err = fuse_inode_renew(inode, found);
	if (err <= 0) {
		iput(inode);
		return ERR_PTR(err ?: -ESTALE);
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

	if (S_ISDIR(inode->i_mode))
		fuse_listing_put(rcu_replace_pointer(fi->vdir.listing, NULL, true));
	fuse_stack_put(fi->view.stack);
}

/* After the grace period. */
void fuse_view_free_inode(struct fuse_inode *fi)
{
	fuse_stack_free_all(fi->view.stack);
	kfree(fi->view.link);
}
