// SPDX-License-Identifier: GPL-2.0
/*
 * Data of a view: words that its filters read. They are set and read through the root directory, so
 * a view without a server has them, too. See include/uapi/linux/fuse_bpf.h for what is promised.
 */
#include <linux/capability.h>
#include <linux/fs.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "view.h"

static int get_arg(struct fuse_bpf_data *arg, unsigned int cmd, const void __user *argp)
{
	int err;

	if (_IOC_SIZE(cmd) < offsetofend(struct fuse_bpf_data, flags))
		return -EINVAL;
	err = copy_struct_from_user(arg, sizeof(*arg), argp, _IOC_SIZE(cmd));
	if (err)
		return err;
	return arg->flags || arg->reserved[0] || arg->reserved[1] ? -EINVAL : 0;
}

static struct fuse_data *copy_data(const struct fuse_bpf_data *arg)
{
	size_t nr = arg->size / sizeof(u32);
	struct fuse_data *data;

	if (arg->size > FUSE_BPF_DATA_MAX)
		return ERR_PTR(-E2BIG);
	if (arg->size % sizeof(u32))
		return ERR_PTR(-EINVAL);
	if (!nr)
		return NULL;
	data = kvmalloc(struct_size(data, words, nr), GFP_KERNEL_ACCOUNT);
	if (!data)
		return ERR_PTR(-ENOMEM);
	data->nr = nr;
	if (!copy_from_user(data->words, u64_to_user_ptr(arg->address), arg->size))
		return data;
	kvfree(data);
	return ERR_PTR(-EFAULT);
}

static int set_data(struct fuse_view *view, const struct fuse_bpf_data *arg)
{
	struct fuse_data *data = copy_data(arg);
	int err;

	if (IS_ERR(data))
		return PTR_ERR(data);
	err = fuse_filters_set_data(view, data);
	if (err)
		kvfree(data);
	return err;
}

/* A copy, since what there is may go while user memory is waited for. */
static long get_data(struct fuse_view *view, const struct fuse_bpf_data *arg)
{
	const struct fuse_data *data;
	u32 room = 0, size;
	void *copy = NULL;

	for (;;) {
		rcu_read_lock();
		data = rcu_dereference(view->data);
		size = data ? data->nr * sizeof(u32) : 0;
		if (min(size, arg->size) <= room)
			break;
		room = min(size, arg->size);
		rcu_read_unlock();
		kvfree(copy);
		copy = kvmalloc(room, GFP_KERNEL_ACCOUNT);
		if (!copy)
			return -ENOMEM;
	}
	room = min(size, arg->size);
	if (room)
		memcpy(copy, data->words, room);
	rcu_read_unlock();
	if (room && copy_to_user(u64_to_user_ptr(arg->address), copy, room)) {
		kvfree(copy);
		return -EFAULT;
	}
	kvfree(copy);
	return size;
}

/**
 * fuse_view_dir_ioctl - the ioctls of a view's root directory
 * @file: an open directory of a view
 * @cmd: the command
 * @arg: its argument
 *
 * Return: as documented for the command; -ENOTTY if it is none, or @file is another directory.
 */
long fuse_view_dir_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct inode *inode = file_inode(file);
	struct fuse_conn *fc = get_fuse_conn(inode);
	bool set = _IOC_NR(cmd) == _IOC_NR(FUSE_BPF_IOC_DATA_SET);
	struct fuse_bpf_data data;
	int err;

	if (_IOC_TYPE(cmd) != FUSE_BPF_IOC_MAGIC || _IOC_DIR(cmd) != _IOC_WRITE ||
	    (!set && _IOC_NR(cmd) != _IOC_NR(FUSE_BPF_IOC_DATA_GET)) ||
	    file->f_path.dentry != inode->i_sb->s_root)
		return -ENOTTY;
	if (current_user_ns() != fc->user_ns || !ns_capable(fc->user_ns, CAP_SYS_ADMIN))
		return -EPERM;
	err = get_arg(&data, cmd, (const void __user *)arg);
	if (!err)
		err = fuse_view_gate_at(inode, FUSE_FILTER_DATA, 0, data.size);
	if (err)
		return err;
	return set ? set_data(fc->view, &data) : get_data(fc->view, &data);
}
