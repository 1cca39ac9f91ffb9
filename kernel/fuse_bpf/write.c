// SPDX-License-Identifier: GPL-2.0
/*
 * Writing to open files. A file that can be written to was opened in the upper; what is written
 * goes to its backing file, with the upper's credentials, after the privileges of the view's inode
 * were stripped as the writer's own demand. The i_rwsem of the view's inode is held, which keeps
 * its attributes in step.
 */
#include <linux/backing-file.h>
#include <linux/file.h>
#include <linux/fs.h>

#include "view.h"

static void end_write(struct file *file, loff_t pos, ssize_t ret)
{
	fuse_inode_written(file_inode(file));
}

static struct backing_file_ctx write_ctx(struct file *file, struct file *real)
{
	return (struct backing_file_ctx){
		.cred = real->f_cred,
		.user_file = file,
		.end_write = end_write,
	};
}

ssize_t fuse_view_file_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	struct file *file = iocb->ki_filp, *real;
	struct inode *inode = file_inode(file);
	struct backing_file_ctx ctx;
	ssize_t ret =
		fuse_view_gate_at(inode, FUSE_FILTER_WRITE, iocb->ki_pos, iov_iter_count(from));

	if (ret)
		return ret;
	inode_lock(inode);
	real = fuse_view_file_backing(file, NULL);
	ret = PTR_ERR_OR_ZERO(real);
	if (!ret) {
		ctx = write_ctx(file, real);
		/* Completion is deferred by the helper alone. */
		ret = backing_file_write_iter(real, from, iocb,
					      iocb->ki_flags & ~IOCB_DIO_CALLER_COMP, &ctx);
	}
	inode_unlock(inode);
	return ret;
}

/*
 * The pipe is read for the backing file, not for this one: iter_file_splice_write() would take the
 * pipe's lock outside of the right to write to the upper, where others take it inside.
 */
ssize_t fuse_view_file_splice_write(struct pipe_inode_info *pipe, struct file *file, loff_t *pos,
				    size_t len, unsigned int flags)
{
	struct inode *inode = file_inode(file);
	struct backing_file_ctx ctx;
	struct file *real;
	ssize_t ret = fuse_view_gate_at(inode, FUSE_FILTER_WRITE, *pos, len);

	if (ret)
		return ret;
	inode_lock(inode);
	real = fuse_view_file_backing(file, NULL);
	ret = PTR_ERR_OR_ZERO(real);
	if (!ret) {
		ctx = write_ctx(file, real);
		ret = backing_file_splice_write(pipe, real, pos, len, flags, &ctx);
	}
	inode_unlock(inode);
	return ret;
}

long fuse_view_file_fallocate(struct file *file, int mode, loff_t offset, loff_t len)
{
	struct inode *inode = file_inode(file);
	const struct cred *old;
	struct file *real;
	long ret = fuse_view_gate_at(inode, FUSE_FILTER_WRITE, offset, len);

	if (ret)
		return ret;
	inode_lock(inode);
	real = fuse_view_file_backing(file, NULL);
	ret = IS_ERR(real) ? PTR_ERR(real) : file_remove_privs(file);
	if (!ret) {
		old = override_creds(real->f_cred);
		ret = vfs_fallocate(real, mode, offset, len);
		revert_creds(old);
		fuse_inode_written(inode);
	}
	inode_unlock(inode);
	return ret;
}

/* A range that is copied, cloned or found to be the same; both files may be of different views. */
struct transfer {
	struct file *in;
	loff_t in_pos;
	struct file *out;
	loff_t out_pos;
	loff_t len;
	unsigned int flags;
};

static loff_t copy_range(const struct transfer *r)
{
	return vfs_copy_file_range(r->in, r->in_pos, r->out, r->out_pos, r->len, r->flags);
}

static loff_t clone_range(const struct transfer *r)
{
	return vfs_clone_file_range(r->in, r->in_pos, r->out, r->out_pos, r->len, r->flags);
}

static loff_t dedupe_range(const struct transfer *r)
{
	return vfs_dedupe_file_range_one(r->in, r->in_pos, r->out, r->out_pos, r->len, r->flags);
}

/* Does to the backing files what is to be done to the view's. */
static loff_t transfer_backing(struct transfer r, loff_t (*how)(const struct transfer *r),
			       bool changes)
{
	struct file *in = r.in, *out = r.out;
	const struct cred *old;
	loff_t ret = 0;

	if (changes)
		ret = file_remove_privs(out);
	if (ret)
		return ret;
	r.in = fuse_view_file_backing(in, NULL);
	r.out = fuse_view_file_backing(out, NULL);
	if (IS_ERR(r.in) || IS_ERR(r.out))
		return IS_ERR(r.in) ? PTR_ERR(r.in) : PTR_ERR(r.out);
	/* What follows is done with the rights of the view that is written to alone. */
	old = override_creds(r.in->f_cred);
	ret = rw_verify_area(READ, r.in, &r.in_pos, r.len);
	revert_creds(old);
	if (ret)
		return ret;
	old = override_creds(r.out->f_cred);
	ret = how(&r);
	revert_creds(old);
	fuse_inode_written(file_inode(out));
	return ret;
}

static loff_t transfer_locked(const struct transfer *r, loff_t (*how)(const struct transfer *r),
			      bool changes)
{
	struct inode *inode = file_inode(r->out);
	loff_t ret = fuse_view_gate_at(file_inode(r->in), FUSE_FILTER_READ, r->in_pos, r->len)
			     ?: fuse_view_gate_at(inode, FUSE_FILTER_WRITE, r->out_pos, r->len);

	if (ret)
		return ret;
	inode_lock(inode);
	ret = transfer_backing(*r, how, changes);
	inode_unlock(inode);
	return ret;
}

ssize_t fuse_view_file_copy_range(struct file *in, loff_t in_pos, struct file *out, loff_t out_pos,
				  size_t len, unsigned int flags)
{
	struct transfer r = {in, in_pos, out, out_pos, len, flags};

	return transfer_locked(&r, copy_range, true);
}

loff_t fuse_view_file_remap_range(struct file *in, loff_t in_pos, struct file *out, loff_t out_pos,
				  loff_t len, unsigned int flags)
{
	struct transfer r = {in, in_pos, out, out_pos, len, flags};
	bool dedupe = flags & REMAP_FILE_DEDUP;

	if (flags & ~(REMAP_FILE_DEDUP | REMAP_FILE_ADVISORY))
		return -EINVAL;
	/* A lower file would have to be copied first: the opposite of what is wanted. */
	if (dedupe &&
	    (!fuse_inode_stack(file_inode(in))->upper || !fuse_inode_stack(file_inode(out))->upper))
		return -EPERM;
	return transfer_locked(&r, dedupe ? dedupe_range : clone_range, !dedupe);
}

/* What a lower layer holds doesn't change, so there is nothing to write back. */
int fuse_view_file_fsync(struct file *file, loff_t start, loff_t end, int datasync)
{
	int err = fuse_view_gate(file_inode(file), FUSE_FILTER_FSYNC);
	const struct cred *old;
	struct file *real;
	bool upper;

	if (err)
		return err;
	real = fuse_view_file_backing(file, &upper);
	if (IS_ERR(real))
		return PTR_ERR(real);
	if (!upper)
		return 0;
	old = override_creds(real->f_cred);
	err = vfs_fsync_range(real, start, end, datasync);
	revert_creds(old);
	return err;
}

/* Some file systems only tell at close(2) that something could not be written. */
int fuse_view_file_flush(struct file *file, fl_owner_t id)
{
	struct file *real = fuse_view_file_opened_upper(file);
	const struct cred *old;
	int err;

	if (!real || !real->f_op->flush)
		return 0;
	old = override_creds(real->f_cred);
	err = real->f_op->flush(real, id);
	revert_creds(old);
	return err;
}
