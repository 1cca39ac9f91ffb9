// SPDX-License-Identifier: GPL-2.0
/*
 * What makes a view writable, when it is set, and what that means for the superblock.
 */
#include <linux/file.h>
#include <linux/mount.h>
#include <linux/namei.h>
#include <linux/xattr.h>

#include "view.h"

/* A directory of the upper's file system that no layer shows. */
static int get_dir(const struct fuse_stack *stack, int fd, struct dentry **ret_dentry)
{
	struct file *file = fget_raw(fd);
	struct dentry *dentry;
	unsigned int i;
	int err = 0;

	if (!file)
		return -EBADF;
	dentry = file->f_path.dentry;
	if (!d_is_dir(dentry))
		err = -ENOTDIR;
	else if (dentry->d_sb != stack->at[0].dentry->d_sb)
		err = -EXDEV;
	for (i = 0; i < stack->nr && !err; i++)
		err = fuse_trees_overlap(dentry, stack->at[i].dentry) ? -ELOOP : 0;
	if (!err)
		*ret_dentry = dget(dentry);
	fput(file);
	return err;
}

static bool is_name(const char *text, size_t size)
{
	size_t len = strnlen(text, size), prefix;

	if (len == size)
		return false;
	prefix = str_has_prefix(text, XATTR_TRUSTED_PREFIX)
			 ?: str_has_prefix(text, XATTR_USER_PREFIX);
	return prefix && len > prefix;
}

/**
 * fuse_writing_prepare - take what a writable view needs besides its layers
 * @view: not set yet
 * @stack: of its root
 * @arg: what it was given
 *
 * Return: 0, or the error documented with FUSE_BPF_IOC_VIEW_SET; fuse_writing_done() undoes it in
 * any case.
 */
int fuse_writing_prepare(struct fuse_view *view, const struct fuse_stack *stack,
			 const struct fuse_bpf_view_set *arg)
{
	int err;

	if (!is_name(arg->own, sizeof(arg->own)) || !is_name(arg->opaque, sizeof(arg->opaque)) ||
	    arg->reserved2)
		return -EINVAL;
	strscpy(view->own, arg->own);
	strscpy(view->opaque, arg->opaque);
	view->wait = arg->wait;
	err = get_dir(stack, arg->index, &view->index) ?: get_dir(stack, arg->work, &view->work);
	if (!err && fuse_trees_overlap(view->index, view->work))
		err = -ELOOP;
	return err;
}

void fuse_writing_done(struct fuse_view *view)
{
	dput(view->index);
	dput(view->work);
	view->index = NULL;
	view->work = NULL;
}

/**
 * fuse_writing_begin - a view begins to be shown: is it writable?
 * @view: the view
 * @sb: its superblock
 * @stack: of its root
 */
void fuse_writing_begin(struct fuse_view *view, struct super_block *sb,
			const struct fuse_stack *stack)
{
	const struct super_block *upper;

	if (!stack->upper) {
		sb->s_flags |= SB_RDONLY;
		return;
	}
	view->upper = stack->at[0].layer;
	upper = view->upper->mnt->mnt_sb;
	sb->s_flags |= upper->s_flags & SB_NOSEC;
	/* sync(2) comes to the upper's file system by itself. */
	sb->s_iflags |= SB_I_SKIP_SYNC;
	sb->s_time_gran = upper->s_time_gran;
	sb->s_time_min = upper->s_time_min;
	sb->s_time_max = upper->s_time_max;
	sb->s_maxbytes = upper->s_maxbytes;
	fuse_server_init(get_fuse_conn_super(sb), view);
}

/* syncfs(2), unmounting, and becoming read-only: what was written is on the upper's file system. */
int fuse_view_sync_fs(struct super_block *sb, int wait)
{
	const struct fuse_view *view = get_fuse_conn_super(sb)->view;
	struct super_block *upper;
	int err;

	if (!view->upper || !wait)
		return 0;
	upper = view->upper->mnt->mnt_sb;
	down_read(&upper->s_umount);
	err = sync_filesystem(upper);
	up_read(&upper->s_umount);
	return err;
}
