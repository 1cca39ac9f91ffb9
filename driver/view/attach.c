// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * From a mount to a device. No state.
 */
#include "view/attach.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse_bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "mount/table.h"
#include "view/kernel.h"

/* Open @path if it is the root of a mount of @dev. Returns an fd or -ENOENT. */
static errint_t open_root(const char *path, dev_t dev)
{
	_cleanup_fd_ int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;

	/* stat of a view without a server works, and so does one of a view that was aborted. */
	if (fd < 0 || fstat(fd, &st) < 0 || st.st_dev != dev)
		return -ENOENT;
	return TAKE_FD(fd);
}

struct search {
	dev_t dev;
	errint_t found;
};

static bool try_mount(void *user, const struct lamina_table_entry *entry)
{
	struct search *search = user;

	if (entry->dev == search->dev)
		search->found = open_root(entry->target, entry->dev);
	return search->found < 0;
}

errint_t lamina_view_find(dev_t dev, const char *target)
{
	struct search search = {.dev = dev, .found = target ? open_root(target, dev) : -ENOENT};
	errint_t err;

	if (search.found >= 0)
		return search.found;
	err = lamina_table_each(LAMINA_TABLE_SELF, try_mount, &search);
	return err < 0 ? err : search.found;
}

errint_t lamina_view_attach(int mount, bool replace, struct lamina_error *error)
{
	const struct fuse_bpf_attach arg = {
		.fd = mount,
		.flags = replace ? FUSE_ATTACH_REPLACE : 0,
	};
	struct lamina_view_kernel kernel;
	_cleanup_fd_ int device = -1;
	errint_t err = lamina_view_kernel_probe(&kernel, error);

	if (err < 0)
		return err;
	device = open(kernel.device, O_RDWR | O_CLOEXEC);
	if (device < 0)
		return lamina_error_set(error, -errno, "cannot open %s", kernel.device);
	if (ioctl(device, FUSE_BPF_IOC_ATTACH, &arg) < 0)
		return lamina_error_set(error, -errno, "cannot become the view's server");
	return TAKE_FD(device);
}
