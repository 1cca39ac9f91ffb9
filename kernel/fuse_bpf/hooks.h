/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the rest of fs/fuse calls of the views, and what stands for it when they are not built.
 * Included by fuse_i.h, at its end.
 */
#ifndef _FS_FUSE_BPF_HOOKS_H
#define _FS_FUSE_BPF_HOOKS_H

struct seq_file;
struct kstatfs;
struct fs_parameter;

#ifdef CONFIG_FUSE_BPF

/* Is the inode shown by a view? Then it has operations of its own and no node id. */
static inline bool fuse_inode_in_view(const struct inode *inode)
{
	return READ_ONCE(container_of(inode, struct fuse_inode, inode)->view.stack);
}

/* Does another server serve the view, so that this device gets no more requests? */
static inline bool fuse_dev_replaced(const struct fuse_dev *fud)
{
	return READ_ONCE(fud->replaced);
}

/* Were layers given as mount options? */
static inline bool fuse_context_has_view(const struct fuse_fs_context *ctx)
{
	return ctx->view;
}

bool fuse_view_needs_forget(struct super_block *sb);
void fuse_view_evict_inode(struct inode *inode);
void fuse_view_free_inode(struct fuse_inode *fi);
int fuse_view_sync_fs(struct super_block *sb, int wait);
int fuse_view_statfs(struct dentry *dentry, struct kstatfs *buf);
int fuse_view_reconfigure(struct fs_context *fsc);
void fuse_view_show_options(struct seq_file *m, struct dentry *root);
int fuse_view_opt_root_dir(struct fs_context *fsc, struct fs_parameter *param, int fd);
int fuse_view_opt_marks(struct fs_context *fsc, const char *value);
int fuse_view_opt_filter(struct fs_context *fsc, const char *id, int fd);
int fuse_view_opt_cookie(struct fs_context *fsc, const char *value);
int fuse_view_fill_super(struct super_block *sb, struct fs_context *fsc);
void fuse_view_drop_context(struct fuse_fs_context *ctx);
void fuse_view_shutdown(struct fuse_conn *fc);
void fuse_view_free_conn(struct fuse_conn *fc);
long fuse_view_ioctl(struct file *file, unsigned int cmd, void __user *argp);
void fuse_view_show_fdinfo(struct seq_file *m, struct file *file);
void fuse_view_show(struct seq_file *m, struct fuse_conn *fc);
void fuse_view_abort(struct fuse_conn *fc);
int fuse_view_getxattr(struct dentry *dentry, const char *name, void *value, size_t size);
int fuse_view_setxattr(struct dentry *dentry, const char *name, const void *value, size_t size,
		       int flags);
bool fuse_view_outlives_server(struct fuse_conn *fc);
void fuse_view_lose_device(struct fuse_dev *fud);
int fuse_view_init(void);

#else

static inline bool fuse_inode_in_view(const struct inode *inode)
{
	return false;
}

static inline bool fuse_dev_replaced(const struct fuse_dev *fud)
{
	return false;
}

static inline bool fuse_context_has_view(const struct fuse_fs_context *ctx)
{
	return false;
}

static inline bool fuse_view_needs_forget(struct super_block *sb)
{
	return true;
}

static inline void fuse_view_evict_inode(struct inode *inode)
{
}

static inline void fuse_view_free_inode(struct fuse_inode *fi)
{
}

static inline int fuse_view_sync_fs(struct super_block *sb, int wait)
{
	return 0;
}

static inline int fuse_view_statfs(struct dentry *dentry, struct kstatfs *buf)
{
	return -EIO;
}

static inline int fuse_view_reconfigure(struct fs_context *fsc)
{
	return 0;
}

static inline void fuse_view_show_options(struct seq_file *m, struct dentry *root)
{
}

static inline int fuse_view_opt_root_dir(struct fs_context *fsc, struct fs_parameter *param, int fd)
{
	return -EINVAL;
}

static inline int fuse_view_opt_marks(struct fs_context *fsc, const char *value)
{
	return -EINVAL;
}

static inline int fuse_view_opt_filter(struct fs_context *fsc, const char *id, int fd)
{
	return -EINVAL;
}

static inline int fuse_view_opt_cookie(struct fs_context *fsc, const char *value)
{
	return -EINVAL;
}

static inline int fuse_view_fill_super(struct super_block *sb, struct fs_context *fsc)
{
	return -EINVAL;
}

static inline void fuse_view_drop_context(struct fuse_fs_context *ctx)
{
}

static inline void fuse_view_shutdown(struct fuse_conn *fc)
{
}

static inline void fuse_view_free_conn(struct fuse_conn *fc)
{
}

static inline long fuse_view_ioctl(struct file *file, unsigned int cmd, void __user *argp)
{
	return -ENOTTY;
}

static inline void fuse_view_show_fdinfo(struct seq_file *m, struct file *file)
{
}

static inline void fuse_view_show(struct seq_file *m, struct fuse_conn *fc)
{
}

static inline void fuse_view_abort(struct fuse_conn *fc)
{
}

static inline int fuse_view_getxattr(struct dentry *dentry, const char *name, void *value,
				     size_t size)
{
	return -EOPNOTSUPP;
}

static inline int fuse_view_setxattr(struct dentry *dentry, const char *name, const void *value,
				     size_t size, int flags)
{
	return -EOPNOTSUPP;
}

static inline bool fuse_view_outlives_server(struct fuse_conn *fc)
{
	return false;
}

static inline void fuse_view_lose_device(struct fuse_dev *fud)
{
}

static inline int fuse_view_init(void)
{
	return 0;
}

#endif /* CONFIG_FUSE_BPF */

#endif /* _FS_FUSE_BPF_HOOKS_H */
