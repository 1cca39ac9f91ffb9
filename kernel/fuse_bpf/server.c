// SPDX-License-Identifier: GPL-2.0
/*
 * Servers of writable views. A server is who has a device of the connection open; it may come and
 * go, and be replaced while it lives. Which devices there are is guarded by fuse_conn.lock.
 */
#include <linux/file.h>

#include "view.h"

/* A view that is written to is not over when its server is. */
bool fuse_view_outlives_server(struct fuse_conn *fc)
{
	const struct fuse_view *view = READ_ONCE(fc->view);

	return view && READ_ONCE(view->state) == FUSE_VIEW_SET && view->upper &&
	       !READ_ONCE(view->error);
}

/* Under fuse_conn.lock. */
static void count_devices(struct fuse_conn *fc, struct fuse_view *view)
{
	const struct fuse_dev *fud;
	bool served = false;

	list_for_each_entry(fud, &fc->devices, entry)
		served |= !fud->replaced;
	if (view->upcalls.served && !served)
		WRITE_ONCE(view->upcalls.since, jiffies);
	WRITE_ONCE(view->upcalls.served, served);
}

/**
 * fuse_server_init - who sets a writable view is its first server
 * @fc: the connection
 * @view: its view
 */
void fuse_server_init(struct fuse_conn *fc, struct fuse_view *view)
{
	spin_lock(&fc->lock);
	count_devices(fc, view);
	spin_unlock(&fc->lock);
}

/* A device is about to go. */
void fuse_view_lose_device(struct fuse_dev *fud)
{
	struct fuse_conn *fc = fud->fc;
	struct fuse_view *view = READ_ONCE(fc->view);

	if (!view)
		return;
	spin_lock(&fc->lock);
	WRITE_ONCE(fud->replaced, true);
	count_devices(fc, view);
	spin_unlock(&fc->lock);
	fuse_upcalls_wake(view);
}

/* Makes @fud the only device that is served. */
static int take_over(struct fuse_conn *fc, struct fuse_dev *fud, bool replace)
{
	struct fuse_dev *other;
	int err = 0;

	spin_lock(&fc->lock);
	if (!fc->connected)
		err = -ENOTCONN;
	list_for_each_entry(other, &fc->devices, entry) {
		if (!err && other != fud && !other->replaced && !replace)
			err = -EBUSY;
	}
	list_for_each_entry(other, &fc->devices, entry) {
		if (other != fud && !err)
			WRITE_ONCE(other->replaced, true);
	}
	count_devices(fc, fc->view);
	spin_unlock(&fc->lock);
	return err;
}

static void wake_readers(struct fuse_iqueue *fiq)
{
	spin_lock(&fiq->lock);
	wake_up_all(&fiq->waitq);
	spin_unlock(&fiq->lock);
}

static int install(struct file *device, struct fuse_conn *fc, bool replace)
{
	struct fuse_dev *fud;
	int err = -EINVAL;

	mutex_lock(&fuse_mutex);
	if (device->private_data)
		goto out;
	err = -ENOMEM;
	fud = fuse_dev_alloc_install(fc);
	if (!fud)
		goto out;
	err = take_over(fc, fud, replace);
	if (err) {
		fuse_dev_free(fud);
		goto out;
	}
	atomic_inc(&fc->dev_count);
	/* Pairs with READ_ONCE() in fuse_get_dev(): who finds the device finds it complete. */
	smp_store_release(&device->private_data, fud);
out:
	mutex_unlock(&fuse_mutex);
	return err;
}

static int check_attach(const struct file *device, struct fuse_conn *fc)
{
	const struct fuse_view *view = READ_ONCE(fc->view);

	if (current_user_ns() != fc->user_ns || device->f_cred->user_ns != fc->user_ns ||
	    !ns_capable(fc->user_ns, CAP_SYS_ADMIN))
		return -EPERM;
	if (!view || READ_ONCE(view->state) == FUSE_VIEW_OPEN || !view->upper)
		return -EOPNOTSUPP;
	if (READ_ONCE(view->state) == FUSE_VIEW_DEAD || READ_ONCE(view->error) == -ENOTCONN)
		return -ENOTCONN;
	return 0;
}

/**
 * fuse_server_attach - make the holder of a device the server of a view
 * @device: just opened
 * @fd: of the view's mount
 * @replace: take over from a server that there is
 *
 * Return: 0, or the error documented with FUSE_BPF_IOC_ATTACH.
 */
int fuse_server_attach(struct file *device, int fd, bool replace)
{
	struct super_block *sb;
	struct fuse_conn *fc;
	struct file *file;
	int err = -EINVAL;

	file = fget_raw(fd);
	if (!file)
		return -EBADF;
	sb = file->f_path.dentry->d_sb;
	/* Every superblock of this file system has these, and no other. */
	if (sb->s_xattr != fuse_xattr_handlers)
		goto out;
	fc = get_fuse_conn_super(sb);
	err = check_attach(device, fc);
	if (!err)
		err = install(device, fc, replace);
	if (!err) {
		wake_readers(&fc->iq);
		fuse_upcalls_wake(fc->view);
	}
out:
	fput(file);
	return err;
}
