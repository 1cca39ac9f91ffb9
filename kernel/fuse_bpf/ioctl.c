// SPDX-License-Identifier: GPL-2.0
/*
 * The ioctls of views on a FUSE device. See include/uapi/linux/fuse_bpf.h for what they promise.
 */
#include <linux/file.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "view.h"

#define FILTER_FEATURES (FUSE_BPF_FEATURE_FILTERS | FUSE_BPF_FEATURE_DATA)

/* The argument of an ioctl as the kernel knows it; @least is how much of it must be given. */
static int get_arg(void *arg, size_t size, size_t least, unsigned int cmd, const void __user *argp)
{
	if (_IOC_SIZE(cmd) < least)
		return -EINVAL;
	return copy_struct_from_user(arg, size, argp, _IOC_SIZE(cmd));
}

static bool all_zero(const u64 *reserved, size_t n)
{
	return !memchr_inv(reserved, 0, n * sizeof(*reserved));
}

/* The connection's view; made when it is first needed. */
static struct fuse_view *get_view(struct fuse_conn *fc)
{
	struct fuse_view *view = READ_ONCE(fc->view), *old;

	if (view)
		return view;
	view = fuse_view_new();
	if (!view)
		return NULL;
	old = cmpxchg(&fc->view, NULL, view);
	if (old)
		fuse_view_free(view);
	return old ?: view;
}

/* The only superblock of a connection. Needs its killsb. */
static struct super_block *only_super(struct fuse_conn *fc, int *ret_err)
{
	struct fuse_mount *fm = list_first_entry_or_null(&fc->mounts, struct fuse_mount, fc_entry);

	*ret_err = -ENOTCONN;
	if (!READ_ONCE(fc->connected) || !fm)
		return NULL;
	*ret_err = -EPERM;
	if (!fm->sb || !fm->sb->s_root)
		return NULL;
	*ret_err = -EOPNOTSUPP;
	if (!list_is_singular(&fc->mounts) || !fc->max_stack_depth)
		return NULL;
	return fm->sb;
}

static long features(unsigned int cmd, void __user *argp)
{
	const struct fuse_bpf_features features = {
		.features = FUSE_BPF_FEATURE_VIEWS | FUSE_BPF_FEATURE_WRITABLE |
			    (fuse_filters_offered() ? FILTER_FEATURES : 0),
		.layers_max = FUSE_BPF_LAYERS_MAX,
	};
	size_t size = min_t(size_t, _IOC_SIZE(cmd), sizeof(features));

	if (size < sizeof(features.features))
		return -EINVAL;
	if (copy_to_user(argp, &features, size) || clear_user(argp + size, _IOC_SIZE(cmd) - size))
		return -EFAULT;
	return 0;
}

static long layer_add(struct fuse_conn *fc, struct super_block *sb, unsigned int cmd,
		      void __user *argp)
{
	struct fuse_bpf_layer_add arg;
	struct fuse_layer *layer;
	struct fuse_view *view;
	struct file *file;
	long ret;

	ret = get_arg(&arg, sizeof(arg), offsetofend(struct fuse_bpf_layer_add, flags), cmd, argp);
	if (ret)
		return ret;
	if (arg.flags & ~FUSE_LAYER_UPPER || !all_zero(arg.reserved, ARRAY_SIZE(arg.reserved)))
		return -EINVAL;
	view = get_view(fc);
	if (!view)
		return -ENOMEM;
	file = fget_raw(arg.fd);
	if (!file)
		return -EBADF;
	ret = fuse_layer_new(file, sb, fc->user_ns, fc->max_stack_depth,
			     arg.flags & FUSE_LAYER_UPPER, arg.tag, &layer);
	fput(file);
	if (ret)
		return ret;
	ret = fuse_view_add(view, layer);
	if (ret < 0)
		fuse_layers_free(&layer, 1);
	return ret;
}

static long layer_del(struct fuse_conn *fc, unsigned int cmd, void __user *argp)
{
	struct fuse_view *view = READ_ONCE(fc->view);
	u32 id;
	int err;

	err = get_arg(&id, sizeof(id), sizeof(id), cmd, argp);
	if (err)
		return err;
	return view ? fuse_view_del(view, id) : -ENOENT;
}

static long filter_add(struct fuse_conn *fc, unsigned int cmd, void __user *argp)
{
	struct fuse_bpf_filter_add arg;
	struct fuse_view *view;
	int err;

	err = get_arg(&arg, sizeof(arg), offsetofend(struct fuse_bpf_filter_add, cookie), cmd,
		      argp);
	if (err)
		return err;
	if (arg.flags || strnlen(arg.id, sizeof(arg.id)) == sizeof(arg.id) ||
	    (arg.id[0] && arg.link_fd != -1) || !all_zero(arg.reserved, ARRAY_SIZE(arg.reserved)))
		return -EINVAL;
	view = get_view(fc);
	if (!view)
		return -ENOMEM;
	return fuse_view_add_filter(view, arg.id[0] ? arg.id : NULL, arg.link_fd, arg.cookie);
}

static long view_set(struct fuse_conn *fc, struct super_block *sb, unsigned int cmd,
		     void __user *argp)
{
	struct fuse_view *view = READ_ONCE(fc->view);
	struct fuse_bpf_view_set arg;
	u32 *ids;
	long ret;

	ret = get_arg(&arg, sizeof(arg), offsetofend(struct fuse_bpf_view_set, flags), cmd, argp);
	if (ret)
		return ret;
	if (!arg.nr || !fuse_view_marks_valid(arg.flags & ~FUSE_VIEW_WRITABLE) ||
	    !all_zero(arg.reserved, ARRAY_SIZE(arg.reserved)))
		return -EINVAL;
	if (arg.nr > FUSE_BPF_LAYERS_MAX + !!(arg.flags & FUSE_VIEW_WRITABLE))
		return -E2BIG;
	if (!view)
		return -ENOENT;
	ids = memdup_array_user(u64_to_user_ptr(arg.layers), arg.nr, sizeof(*ids));
	if (IS_ERR(ids))
		return PTR_ERR(ids);
	ret = -EBUSY;
	if (down_write_trylock(&sb->s_umount)) {
		ret = fuse_view_set(view, sb, ids, &arg);
		up_write(&sb->s_umount);
	}
	kfree(ids);
	return ret;
}

static long attach(struct file *device, unsigned int cmd, void __user *argp)
{
	struct fuse_bpf_attach arg;
	int err;

	err = get_arg(&arg, sizeof(arg), offsetofend(struct fuse_bpf_attach, flags), cmd, argp);
	if (err)
		return err;
	if (arg.flags & ~FUSE_ATTACH_REPLACE || !all_zero(arg.reserved, ARRAY_SIZE(arg.reserved)))
		return -EINVAL;
	return fuse_server_attach(device, arg.fd, arg.flags & FUSE_ATTACH_REPLACE);
}

static long on_connection(struct fuse_conn *fc, unsigned int cmd, void __user *argp)
{
	struct super_block *sb;
	int err;

	if (current_user_ns() != fc->user_ns || !ns_capable(fc->user_ns, CAP_SYS_ADMIN))
		return -EPERM;
	sb = only_super(fc, &err);
	if (!sb)
		return err;
	switch (_IOC_NR(cmd)) {
	case _IOC_NR(FUSE_BPF_IOC_LAYER_ADD):
		return layer_add(fc, sb, cmd, argp);
	case _IOC_NR(FUSE_BPF_IOC_LAYER_DEL):
		return layer_del(fc, cmd, argp);
	case _IOC_NR(FUSE_BPF_IOC_FILTER_ADD):
		return filter_add(fc, cmd, argp);
	default:
		return view_set(fc, sb, cmd, argp);
	}
}

/**
 * fuse_view_ioctl - the ioctls of views
 * @file: the open device
 * @cmd: the command
 * @argp: its argument
 *
 * Return: as documented for the command; -ENOTTY if it is none of these.
 */
long fuse_view_ioctl(struct file *file, unsigned int cmd, void __user *argp)
{
	struct fuse_dev *fud = READ_ONCE(file->private_data);
	unsigned int dir = _IOC_WRITE;
	long ret;

	if (_IOC_NR(cmd) == _IOC_NR(FUSE_BPF_IOC_FEATURES))
		dir = _IOC_READ;
	if (_IOC_TYPE(cmd) != FUSE_BPF_IOC_MAGIC || _IOC_DIR(cmd) != dir ||
	    _IOC_NR(cmd) < _IOC_NR(FUSE_BPF_IOC_FEATURES) ||
	    _IOC_NR(cmd) > _IOC_NR(FUSE_BPF_IOC_ATTACH))
		return -ENOTTY;
	if (_IOC_NR(cmd) == _IOC_NR(FUSE_BPF_IOC_FEATURES))
		return features(cmd, argp);
	if (_IOC_NR(cmd) == _IOC_NR(FUSE_BPF_IOC_ATTACH))
		return attach(file, cmd, argp);
	if (!fud)
		return -EPERM;
	down_read(&fud->fc->killsb);
	ret = on_connection(fud->fc, cmd, argp);
	up_read(&fud->fc->killsb);
	return ret;
}
