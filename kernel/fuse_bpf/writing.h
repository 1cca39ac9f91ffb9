/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of this directory call of each other to write to a view. Each is described where
 * it is defined. Included by view.h.
 */
#ifndef _FS_FUSE_BPF_WRITING_H
#define _FS_FUSE_BPF_WRITING_H

struct pipe_inode_info;

/* Of a file that is copied up: all of it. */
#define FUSE_COPY_ALL ((u64)S64_MAX)

/* writable.c */
int fuse_writing_prepare(struct fuse_view *view, const struct fuse_stack *stack,
			 const struct fuse_bpf_view_set *arg);
void fuse_writing_begin(struct fuse_view *view, struct super_block *sb,
			const struct fuse_stack *stack);
void fuse_writing_done(struct fuse_view *view);

/* upcall.c */
int fuse_hold(struct inode *inode);
void fuse_unhold(struct inode *inode);
int fuse_wait_held(struct inode *inode);
int fuse_upcall(struct fuse_ask *ask);
int fuse_upcalls_drain(struct fuse_view *view);
void fuse_upcalls_init(struct fuse_upcalls *all);
void fuse_upcalls_wake(struct fuse_view *view);

/* server.c */
void fuse_server_init(struct fuse_conn *fc, struct fuse_view *view);
int fuse_server_attach(struct file *device, int fd, bool replace);

/* renew.c, origin.c */
int fuse_inode_renew(struct inode *inode, struct fuse_found *found);
int fuse_found_identify(struct fuse_view *view, struct fuse_found *found);
int fuse_found_follow(struct fuse_view *view, struct fuse_found *found);
bool fuse_links_are_counted(const struct inode *inode);
unsigned int fuse_inode_nlink(const struct inode *inode);
int fuse_dir_is_impure(const struct fuse_view *view, const struct fuse_place *dir);
int fuse_dir_mark_impure(const struct fuse_view *view, const struct fuse_place *dir);

/* flags.c */
void fuse_inode_protect(struct inode *inode);
void fuse_fileattr_protection(const struct inode *inode, struct fileattr *fa);
unsigned int fuse_fileattr_split(struct fileattr *fa);
int fuse_protection_set(const struct inode *inode, unsigned int flags);

/* copyup.c */
bool fuse_entry_is_up(const struct dentry *entry);
int fuse_look_up_copy(struct dentry *entry);
int fuse_check_whole(struct inode *inode);
int fuse_copy_up(struct dentry *entry, u64 size);

/* names.c, gate.c, empty.c */
int fuse_names_begin(struct dentry *dir);
int fuse_name_free(struct fuse_asker *asker, struct inode *dir, const struct qstr *name,
		   umode_t type, dev_t rdev);
int fuse_name_suits(struct fuse_asker *asker, const struct qstr *name, umode_t type, dev_t rdev);
int fuse_move_suits(struct dentry *from, struct dentry *to, bool copied, bool *ret_restates);
bool fuse_is_whiteout(const struct dentry *dentry);
struct dentry *fuse_upper_lookup(const struct fuse_place *dir, const struct qstr *name);
int fuse_upper_vacant(const struct fuse_place *dir, bool merged, const struct qstr *name,
		      struct dentry **ret_dentry);
int fuse_upper_clear(const struct fuse_place *dir, struct dentry *whiteout);
int fuse_upper_clear_all(const struct fuse_place *dir);
int fuse_dir_check_empty(struct dentry *dir, bool *ret_leftovers);

/* create.c, link.c */
int fuse_override_create(struct mnt_idmap *idmap, struct dentry *entry, umode_t mode,
			 struct mnt_idmap **ret_upper, const struct cred **ret_old);
int fuse_view_create(struct mnt_idmap *idmap, struct inode *dir, struct dentry *entry, umode_t mode,
		     bool excl);
int fuse_view_atomic_open(struct inode *dir, struct dentry *entry, struct file *file,
			  unsigned int flags, umode_t mode);
int fuse_view_mkdir(struct mnt_idmap *idmap, struct inode *dir, struct dentry *entry, umode_t mode);
int fuse_view_mknod(struct mnt_idmap *idmap, struct inode *dir, struct dentry *entry, umode_t mode,
		    dev_t rdev);
int fuse_view_symlink(struct mnt_idmap *idmap, struct inode *dir, struct dentry *entry,
		      const char *target);
int fuse_view_link(struct dentry *old, struct inode *dir, struct dentry *new);
int fuse_view_tmpfile(struct mnt_idmap *idmap, struct inode *dir, struct file *file, umode_t mode);

/* remove.c, rename.c, tree.c */
int fuse_lower_has(struct dentry *entry);
void fuse_inode_lost_name(struct inode *inode, unsigned int links);
int fuse_view_unlink(struct inode *dir, struct dentry *entry);
int fuse_view_rmdir(struct inode *dir, struct dentry *entry);
int fuse_raise_tree(struct dentry *dir, struct dentry *to, bool *ret_passed);
int fuse_view_rename(struct mnt_idmap *idmap, struct inode *old_dir, struct dentry *old,
		     struct inode *new_dir, struct dentry *new, unsigned int flags);

/* setattr.c */
int fuse_view_setattr(struct mnt_idmap *idmap, struct dentry *entry, struct iattr *attr);
int fuse_view_update_time(struct inode *inode, int flags);
int fuse_view_set_acl(struct mnt_idmap *idmap, struct dentry *entry, struct posix_acl *acl,
		      int type);
int fuse_view_fileattr_set(struct mnt_idmap *idmap, struct dentry *entry, struct fileattr *fa);

/* backing.c, write.c */
struct file *fuse_view_file_opened_upper(const struct file *file);
ssize_t fuse_view_file_write_iter(struct kiocb *iocb, struct iov_iter *from);
ssize_t fuse_view_file_splice_write(struct pipe_inode_info *pipe, struct file *file, loff_t *pos,
				    size_t len, unsigned int flags);
long fuse_view_file_fallocate(struct file *file, int mode, loff_t offset, loff_t len);
ssize_t fuse_view_file_copy_range(struct file *in, loff_t in_pos, struct file *out, loff_t out_pos,
				  size_t len, unsigned int flags);
loff_t fuse_view_file_remap_range(struct file *in, loff_t in_pos, struct file *out, loff_t out_pos,
				  loff_t len, unsigned int flags);
int fuse_view_file_fsync(struct file *file, loff_t start, loff_t end, int datasync);
int fuse_view_file_flush(struct file *file, fl_owner_t id);

#endif /* _FS_FUSE_BPF_WRITING_H */
