// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Finding and holding /proc. `held` is written once, before there are threads.
 */
#include "base/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"

static int held = -1;

int lamina_proc_fd(void)
{
	return held;
}

/* Whether @fd is a /proc that shows this process; then *@ret_own: by its own number for itself. */
static bool shows_self(int fd, bool *ret_own)
{
	char self[16];
	struct statfs fs;
	ssize_t n;

	if (fstatfs(fd, &fs) < 0 || fs.f_type != PROC_SUPER_MAGIC)
		return false;
	n = readlinkat(fd, "self", self, sizeof(self) - 1);
	if (n <= 0)
		return false;
	self[n] = '\0';
	*ret_own = strtol(self, NULL, 10) == (long)getpid();
	return true;
}

static errint_t open_mounted(void)
{
	int fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	lamina_fd_clone_mount(&fd);
	return fd;
}

static errint_t mount_new(void)
{
	_cleanup_fd_ int fs = fsopen("proc", FSOPEN_CLOEXEC);
	int fd;

	if (fs < 0 || fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -errno;
	fd = fsmount(fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	return fd < 0 ? -errno : fd;
}

/* That of another pid namespace leads to descriptors, but tells nothing of callers. */
static errint_t find(void)
{
	_cleanup_fd_ int mounted = open_mounted();
	bool own = false, shown = mounted >= 0 && shows_self(mounted, &own);
	errint_t fresh;

	if (shown && own)
		return TAKE_FD(mounted);
	fresh = mount_new();
	if (fresh >= 0)
		return fresh;
	return shown ? TAKE_FD(mounted) : -ENOENT;
}

errint_t lamina_proc_hold(struct lamina_error *error)
{
	_cleanup_fd_ int fd = find();

	if (fd < 0)
		return lamina_error_set(error, fd,
					"cannot find a /proc that shows this process; mount it "
					"first (mount -t proc proc /proc)");
	if (fchdir(fd) < 0)
		return lamina_error_set(error, -errno, "cannot work in /proc");
	held = TAKE_FD(fd);
	return 0;
}

errint_t lamina_proc_open(const char *path, int flags)
{
	_cleanup_fd_ int proc = -1;
	int fd;

	if (held < 0) {
		proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (proc < 0)
			return -errno;
	}
	fd = openat(held >= 0 ? held : proc, path, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}
