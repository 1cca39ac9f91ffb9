// SPDX-License-Identifier: GPL-2.0
/*
 * Open files of a view pass reads and maps to their backing files (backing.c): the pages are those
 * of the backing inode, so all views of a layer share them. Writing is in write.c.
 */
#include <linux/backing-file.h>
#include <linux/fs.h>
#include <linux/fadvise.h>

#include "view.h"

static int file_release(struct inode *inode, struct file *file)
{
	fuse_view_gate(inode, FUSE_FILTER_RELEASE);
	fuse_view_file_detach(file);
	return 0;
}

/* Only what is in the upper has a time of access. */
static void accessed(struct file *file)
{
	struct inode *inode = file_inode(file);

	if (file->f_flags & O_NOATIME || inode->i_flags & S_NOATIME)
		return;
	/* Mapped pages may have been written to. */
	fuse_inode_written(inode);
	touch_atime(&file->f_path);
}

static struct backing_file_ctx backing_ctx(struct file *file, struct file *real)
{
	return (struct backing_file_ctx){
		.cred = real->f_cred,
		.user_file = file,
		.accessed = accessed,
	};
}

/* What @file is read from, by who may do @op with @len bytes from @pos on; or an error. */
static struct file *backing_for(struct file *file, enum fuse_filter_op op, loff_t pos, u64 len)
{
	int err = fuse_view_gate_at(file_inode(file), op, pos, len);

	return err ? ERR_PTR(err) : fuse_view_file_backing(file, NULL);
}

static ssize_t file_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	struct file *file = iocb->ki_filp;
	struct file *real = backing_for(file, FUSE_FILTER_READ, iocb->ki_pos, iov_iter_count(to));
	struct backing_file_ctx ctx;

	if (IS_ERR(real))
		return PTR_ERR(real);
	ctx = backing_ctx(file, real);
	return backing_file_read_iter(real, to, iocb, iocb->ki_flags, &ctx);
}

static ssize_t file_splice_read(struct file *file, loff_t *pos, struct pipe_inode_info *pipe,
				size_t len, unsigned int flags)
{
	struct file *real = backing_for(file, FUSE_FILTER_READ, *pos, len);
	struct backing_file_ctx ctx;

	if (IS_ERR(real))
		return PTR_ERR(real);
	ctx = backing_ctx(file, real);
	return backing_file_splice_read(real, pos, pipe, len, flags, &ctx);
}

static int file_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct file *real = backing_for(file, FUSE_FILTER_MMAP, (loff_t)vma->vm_pgoff << PAGE_SHIFT,
					vma->vm_end - vma->vm_start);
	struct backing_file_ctx ctx;

	if (IS_ERR(real))
		return PTR_ERR(real);
	ctx = backing_ctx(file, real);
	return backing_file_mmap(real, vma, &ctx);
}

/* Only the backing file system knows of holes, and of its own limits. */
static loff_t file_llseek(struct file *file, loff_t offset, int whence)
{
	struct file *real = backing_for(file, FUSE_FILTER_LSEEK, offset, 0);
	const struct cred *old;
	loff_t pos;

	if (IS_ERR(real))
		return PTR_ERR(real);
	real->f_pos = file->f_pos;
	old = override_creds(real->f_cred);
	pos = vfs_llseek(real, offset, whence);
	revert_creds(old);
	file->f_pos = real->f_pos;
	return pos;
}

static int file_fadvise(struct file *file, loff_t offset, loff_t len, int advice)
{
	struct file *real = backing_for(file, FUSE_FILTER_FADVISE, offset, len);
	const struct cred *old;
	int err;

	if (IS_ERR(real))
		return PTR_ERR(real);
	old = override_creds(real->f_cred);
	err = vfs_fadvise(real, offset, len, advice);
	revert_creds(old);
	return err;
}

/*
 * No ioctl: one that the backing file system knows would reach it with the layer's credentials.
 * No lock and flock: the VFS keeps them on the view's inode, so they hold within the view.
 */
const struct file_operations fuse_view_file_operations = {
	.open = fuse_view_file_open,
	.flush = fuse_view_file_flush,
	.release = file_release,
	.llseek = file_llseek,
	.read_iter = file_read_iter,
	.write_iter = fuse_view_file_write_iter,
	.splice_read = file_splice_read,
	.splice_write = fuse_view_file_splice_write,
	.mmap = file_mmap,
	.fadvise = file_fadvise,
	.fallocate = fuse_view_file_fallocate,
	.copy_file_range = fuse_view_file_copy_range,
	.remap_file_range = fuse_view_file_remap_range,
	.fsync = fuse_view_file_fsync,
};
