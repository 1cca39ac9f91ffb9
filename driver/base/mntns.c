// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Looking for mount namespaces through /proc. No state.
 */
#include "base/mntns.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/proc.h"

/* Of <linux/nsfs.h>; headers before Linux 6.11 have no such line. */
#ifndef NS_GET_MNTNS_ID
#define NS_GET_MNTNS_ID _IOR(0xb7, 0x5, uint64_t)
#endif

errint_t lamina_mntns_id(int fd, uint64_t *ret)
{
	return ioctl(fd, NS_GET_MNTNS_ID, ret) < 0 ? -errno : 0;
}

errint_t lamina_mntns_own(uint64_t *ret)
{
	_cleanup_fd_ int fd = lamina_proc_open("self/ns/mnt", O_RDONLY);

	return fd < 0 ? fd : lamina_mntns_id(fd, ret);
}

/* The namespace of process @pid if it is @id. Returns an fd or -errno. */
static errint_t open_if(const char *pid, uint64_t id)
{
	_cleanup_fd_ int fd = -1;
	char path[sizeof("/ns/mnt") + NAME_MAX];
	uint64_t found;
	errint_t err;

	snprintf(path, sizeof(path), "%s/ns/mnt", pid);
	fd = lamina_proc_open(path, O_RDONLY);
	err = fd < 0 ? fd : lamina_mntns_id(fd, &found);
	if (err < 0)
		return err;
	return found == id ? TAKE_FD(fd) : -ESRCH;
}

errint_t lamina_mntns_enter(uint64_t id)
{
	errint_t proc = lamina_proc_open(".", O_RDONLY | O_DIRECTORY);
	_cleanup_dir_ DIR *dir = proc < 0 ? NULL : fdopendir(proc);
	const struct dirent *d;

	if (proc < 0)
		return proc;
	if (!dir) {
		close(proc);
		return -ENOMEM;
	}
	while ((d = readdir(dir))) {
		_cleanup_fd_ int ns = -1;

		if (d->d_name[0] < '1' || d->d_name[0] > '9')
			continue;
		ns = open_if(d->d_name, id);
		if (ns >= 0)
			return setns(ns, CLONE_NEWNS) < 0 ? -errno : 0;
	}
	return -ESRCH;
}
