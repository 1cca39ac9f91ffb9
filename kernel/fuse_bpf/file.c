// SPDX-License-Identifier: GPL-2.0
/*
 * Open files of a view. Each has one open file of the topmost layer that has it, and passes reads
 * and maps to that: the pages are those of the backing inode, so all views of a layer share them.
 * The backing file has the layer's credentials; what the opener may do was checked by the VFS
 * against the view's inode.
 */
#include <linux/backing-file.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/fadvise.h>

#include "view.h"

/* Flags that fcntl(2) changes on an open file. */
#define SETFL_MASK (O_APPEND | O_NONBLOCK | O_NDELAY | O_DIRECT)

static struct file *open_backing(const struct file *file, const struct fuse_place *place)
{
	struct path path = fuse_place_path(place);
	const struct cred *old = fuse_place_override(place);
	int flags = file->f_flags | __FMODE_NONOTIFY;
	struct file *real;
	int err;

	err = inode_permission(mnt_idmap(path.mnt), d_inode(path.dentry),
			       MAY_OPEN | ACC_MODE(flags));
	real = err ? ERR_PTR(err) : backing_file_open(file, flags, &path, place->layer->cred);
	revert_creds(old);
	if (IS_ERR(real))
		return real;
	if (!real->f_op->read_iter) {
		fput(real);
		return ERR_PTR(-EOPNOTSUPP);
	}
	return real;
}

static int file_open(struct inode *inode, struct file *file)
{
	int err = fuse_view_alive(inode) ?: fuse_dentry_check(file->f_path.dentry);
	struct file *real;

	if (!err && fuse_filter_wanted(fuse_inode_view(inode), FUSE_FILTER_OPEN))
		err = fuse_filter_open(inode, file);
	if (err)
		return err;
	file->f_flags &= ~(O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC);
	real = open_backing(file, fuse_inode_top(inode));
	if (IS_ERR(real))
		return PTR_ERR(real);
	file->f_mode |= real->f_mode & FMODE_CAN_ODIRECT;
	file->private_data = real;
	fuse_view_count(fuse_inode_view(inode), FUSE_COUNT_OPENS);
	return 0;
}

static int file_release(struct inode *inode, struct file *file)
{
	fuse_view_gate(inode, FUSE_FILTER_RELEASE);
	fput(file->private_data);
	return 0;
}

/* The backing file, with the flags that the file has now. */
static struct file *backing(struct file *file)
{
	struct file *real = file->private_data;

	if (unlikely((file->f_flags ^ real->f_flags) & SETFL_MASK)) {
		spin_lock(&real->f_lock);
		real->f_flags = (real->f_flags & ~SETFL_MASK) | (file->f_flags & SETFL_MASK);
		real->f_iocb_flags = iocb_flags(real);
		spin_unlock(&real->f_lock);
	}
	return real;
}

static struct backing_file_ctx backing_ctx(struct file *file)
{
	return (struct backing_file_ctx){
		.cred = ((struct file *)file->private_data)->f_cred,
		.user_file = file,
	};
}

static ssize_t file_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	struct file *file = iocb->ki_filp;
	struct backing_file_ctx ctx = backing_ctx(file);
	int err = fuse_view_gate_at(file_inode(file), FUSE_FILTER_READ, iocb->ki_pos,
				    iov_iter_count(to));

	if (err)
		return err;
	return backing_file_read_iter(backing(file), to, iocb, iocb->ki_flags, &ctx);
}

static ssize_t file_splice_read(struct file *file, loff_t *pos, struct pipe_inode_info *pipe,
				size_t len, unsigned int flags)
{
	struct backing_file_ctx ctx = backing_ctx(file);
	int err = fuse_view_gate_at(file_inode(file), FUSE_FILTER_READ, *pos, len);

	if (err)
		return err;
	return backing_file_splice_read(backing(file), pos, pipe, len, flags, &ctx);
}

static int file_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct backing_file_ctx ctx = backing_ctx(file);
	int err =
		fuse_view_gate_at(file_inode(file), FUSE_FILTER_MMAP,
				  (loff_t)vma->vm_pgoff << PAGE_SHIFT, vma->vm_end - vma->vm_start);

	return err ?: backing_file_mmap(backing(file), vma, &ctx);
}

/* Only the backing file system knows of holes, and of its own limits. */
static loff_t file_llseek(struct file *file, loff_t offset, int whence)
{
	struct file *real = file->private_data;
	const struct cred *old;
	loff_t pos;
	int err = fuse_view_gate_at(file_inode(file), FUSE_FILTER_LSEEK, offset, 0);

	if (err)
		return err;
	real->f_pos = file->f_pos;
	old = override_creds(real->f_cred);
	pos = vfs_llseek(real, offset, whence);
	revert_creds(old);
	file->f_pos = real->f_pos;
	return pos;
}

static int file_fadvise(struct file *file, loff_t offset, loff_t len, int advice)
{
	struct file *real = backing(file);
	const struct cred *old;
	int err = fuse_view_gate_at(file_inode(file), FUSE_FILTER_FADVISE, offset, len);

	if (err)
		return err;
	old = override_creds(real->f_cred);
	err = vfs_fadvise(real, offset, len, advice);
	revert_creds(old);
	return err;
}

/* What a layer holds doesn't change, so there is nothing to write back. */
static int file_fsync(struct file *file, loff_t start, loff_t end, int datasync)
{
	return fuse_view_gate(file_inode(file), FUSE_FILTER_FSYNC);
}

/*
 * No ioctl: one that the backing file system knows would reach it with the layer's credentials.
 * No lock and flock: the VFS keeps them on the view's inode, so they hold within the view.
 */
const struct file_operations fuse_view_file_operations = {
	.open = file_open,
	.release = file_release,
	.llseek = file_llseek,
	.read_iter = file_read_iter,
	.splice_read = file_splice_read,
	.mmap = file_mmap,
	.fadvise = file_fadvise,
	.fsync = file_fsync,
};
