// SPDX-License-Identifier: GPL-2.0
/*
 * The backing files of open files of a view. Each has one open file of the topmost layer that has
 * it, with the layer's credentials; what the opener may do was checked by the VFS against the
 * view's inode.
 *
 * A file that was opened in a lower layer, and copied up since, is read from the copy from then on;
 * what was mapped before stays what it was.
 */
#include <linux/backing-file.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/slab.h>

#include "view.h"

/* Flags that fcntl(2) changes on an open file. */
#define SETFL_MASK (O_APPEND | O_NONBLOCK | O_NDELAY | O_DIRECT)

/**
 * struct open_file - an open file of a view
 * @first: the backing file that it was opened with
 * @upper: that is one in the upper
 * @copy: of the copy in the upper, once the file is used after it was copied up; set once
 */
struct open_file {
	struct file *first;
	bool upper;
	struct file *copy;
};

static struct file *open_backing(const struct file *file, const struct fuse_place *place)
{
	struct path path = fuse_place_path(place);
	const struct cred *old = fuse_place_override(place);
	struct mnt_idmap *idmap = mnt_idmap(path.mnt);
	struct inode *inode = d_inode(path.dentry);
	int flags = file->f_flags | __FMODE_NONOTIFY;
	int mask = MAY_OPEN | ACC_MODE(flags);
	struct file *real;
	int err;

	if (flags & O_APPEND)
		mask |= MAY_APPEND;
	/* The time of access is kept by the view, if at all. */
	if (place->layer->upper && inode_owner_or_capable(idmap, inode))
		flags |= O_NOATIME;
	err = inode_permission(idmap, inode, mask);
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

/**
 * fuse_view_file_attach - give an open file of a view its backing file
 * @file: being opened
 * @real: its backing file; taken over on success
 * @upper: it is one in the upper
 *
 * Return: 0 or -ENOMEM.
 */
int fuse_view_file_attach(struct file *file, struct file *real, bool upper)
{
	struct open_file *of = kmalloc(sizeof(*of), GFP_KERNEL_ACCOUNT);

	if (!of)
		return -ENOMEM;
	of->first = real;
	of->upper = upper;
	of->copy = NULL;
	file->private_data = of;
	file->f_mode |= real->f_mode & FMODE_CAN_ODIRECT;
	fuse_view_count(get_fuse_conn_super(file->f_path.dentry->d_sb)->view, FUSE_COUNT_OPENS);
	return 0;
}

/* Undoes that, when the file can't be opened after all. */
void fuse_view_file_detach(struct file *file)
{
	struct open_file *of = file->private_data;

	fput(of->first);
	if (of->copy)
		fput(of->copy);
	kfree(of);
	file->private_data = NULL;
}

/* Brings a file that is opened for writing into the upper. */
static int raise(struct inode *inode, const struct file *file)
{
	int err;

	if (fuse_entry_is_up(file->f_path.dentry))
		return 0;
	if (!(file->f_flags & O_TRUNC))
		return fuse_copy_up(file->f_path.dentry, FUSE_COPY_ALL);
	/* The VFS truncates when it is open; who may not must not find the copy empty by then. */
	err = fuse_view_gate_at(inode, FUSE_FILTER_TRUNCATE, 0, 0);
	return err ?: fuse_copy_up(file->f_path.dentry, 0);
}

int fuse_view_file_open(struct inode *inode, struct file *file)
{
	const struct fuse_place *place;
	struct file *real;
	int err;

	err = fuse_view_alive(inode) ?: fuse_dentry_check(file->f_path.dentry) ?:
	      fuse_check_whole(inode);
	if (!err && fuse_filter_wanted(fuse_inode_view(inode), FUSE_FILTER_OPEN))
		err = fuse_filter_open(inode, file);
	/* Creating has asked already. */
	if (!err && !(file->f_mode & FMODE_CREATED))
		err = fuse_view_access(file->f_path.dentry, fuse_access_open(file->f_flags));
	if (!err && (file->f_mode & FMODE_WRITE || file->f_flags & O_TRUNC))
		err = raise(inode, file);
	if (err)
		return err;
	file->f_flags &= ~(O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC);
	place = fuse_inode_top(inode);
	real = open_backing(file, place);
	if (IS_ERR(real))
		return PTR_ERR(real);
	err = fuse_view_file_attach(file, real, place->layer->upper);
	if (err)
		fput(real);
	return err;
}

/* It was opened before the file was copied up. */
static struct file *open_copy(const struct file *file, struct open_file *of)
{
	struct file *copy = open_backing(file, fuse_inode_top(file_inode(file))), *other;

	if (IS_ERR(copy))
		return copy;
	/* Pairs with smp_load_acquire() in fuse_view_file_backing(): found is found complete. */
	other = cmpxchg_release(&of->copy, NULL, copy);
	if (!other)
		return copy;
	fput(copy);
	return other;
}

/**
 * fuse_view_file_backing - what an open file of a view is read from and written to
 * @file: the file
 * @ret_upper: set to whether that is in the upper; or NULL
 *
 * Return: the backing file, with the flags that the file has now, as long as the file is open; or
 * an error.
 */
struct file *fuse_view_file_backing(struct file *file, bool *ret_upper)
{
	struct open_file *of = file->private_data;
	bool upper = of->upper;
	struct file *real = of->first;

	if (!upper && unlikely(fuse_inode_stack(file_inode(file))->upper)) {
		upper = true;
		/* Pairs with cmpxchg_release() in open_copy(). */
		real = smp_load_acquire(&of->copy) ?: open_copy(file, of);
		if (IS_ERR(real))
			return real;
	}
	if (unlikely((file->f_flags ^ real->f_flags) & SETFL_MASK)) {
		spin_lock(&real->f_lock);
		real->f_flags = (real->f_flags & ~SETFL_MASK) | (file->f_flags & SETFL_MASK);
		real->f_iocb_flags = iocb_flags(real);
		spin_unlock(&real->f_lock);
	}
	if (ret_upper)
		*ret_upper = upper;
	return real;
}

/* The backing file in the upper, if one was ever opened. */
struct file *fuse_view_file_opened_upper(const struct file *file)
{
	const struct open_file *of = file->private_data;

	if (of->upper)
		return of->first;
	/* Pairs with cmpxchg_release() in open_copy(). */
	return smp_load_acquire(&of->copy);
}
