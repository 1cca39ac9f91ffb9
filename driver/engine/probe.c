// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Probing for engines with a FUSE superblock that nobody sees: INIT is answered by hand, and a file
 * is lent to the kernel to see whether it takes it.
 */
#include "engine/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/calls.h"
#include "base/cleanup.h"
#include "base/proc.h"
#include "wire/init.h"

static const char ONLY_REAL_ROOT[] = "the kernel lends files for passthrough only to the real root "
				     "(CAP_SYS_ADMIN outside user namespaces)";

static errint_t set(int fs, const char *key, const char *value)
{
	return fsconfig(fs, FSCONFIG_SET_STRING, key, value, 0) < 0 ? -errno : 0;
}

/* A FUSE superblock on @device. Returns the fd that keeps it, or -errno. */
static errint_t make_superblock(int device)
{
	_cleanup_fd_ int fs = fsopen("fuse", FSOPEN_CLOEXEC);
	char number[16], user[16], group[16];
	errint_t err = fs < 0 ? -errno : 0;

	snprintf(number, sizeof(number), "%d", device);
	snprintf(user, sizeof(user), "%u", geteuid());
	snprintf(group, sizeof(group), "%u", getegid());
	if (err == 0)
		err = set(fs, "source", "lamina-probe");
	if (err == 0)
		err = set(fs, "fd", number);
	if (err == 0)
		err = set(fs, "rootmode", "40000");
	if (err == 0)
		err = set(fs, "user_id", user);
	if (err == 0)
		err = set(fs, "group_id", group);
	if (err == 0 && fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		err = -errno;
	return err < 0 ? err : TAKE_FD(fs);
}

static errint_t answer_init(int device, struct lamina_probe *probe)
{
	struct wire_terms terms;
	errint_t err = wire_init_answer(device, FUSE_PASSTHROUGH, 1, &terms);

	if (err < 0)
		return err;
	probe->kernel_minor = terms.kernel_minor;
	probe->flags = terms.offered;
	return 0;
}

static errint_t lend_a_file(int device)
{
	_cleanup_fd_ int fd = lamina_proc_open("self/exe", O_RDONLY);
	struct fuse_backing_map map = {.fd = fd};
	int id;

	if (fd < 0)
		return fd;
	id = ioctl(device, FUSE_DEV_IOC_BACKING_OPEN, &map);
	/* ELOOP is about this very file (we may run from a stacked file system): the call works. */
	return id < 0 && errno != ELOOP ? -errno : 0;
}

static void probe_passthrough(int device, struct lamina_probe *probe)
{
	if (!(probe->flags & FUSE_PASSTHROUGH)) {
		probe->passthrough = -EOPNOTSUPP;
		lamina_error_set(&probe->passthrough_why, 0,
				 "the kernel's FUSE does not offer passthrough (Linux 6.9 has it, "
				 "with CONFIG_FUSE_PASSTHROUGH)");
		return;
	}
	probe->passthrough = lend_a_file(device);
	if (probe->passthrough == -EPERM)
		lamina_error_set(&probe->passthrough_why, 0, "%s", ONLY_REAL_ROOT);
	else if (probe->passthrough < 0)
		lamina_error_set(&probe->passthrough_why, probe->passthrough,
				 "the kernel refused a file for passthrough");
}

static errint_t probe_fuse(struct lamina_probe *probe, int *ret_device, int *ret_fs)
{
	struct lamina_error *why = &probe->fuse_why;
	errint_t err;

	*ret_device = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (*ret_device < 0)
		return lamina_error_set(why, -errno, "cannot open /dev/fuse");
	if (lamina_call_refused_mounting())
		return 0; /* there may be another way to mount */
	*ret_fs = make_superblock(*ret_device);
	if (*ret_fs == -EPERM) {
		/* A plain user mounts through fusermount3, which cannot be tried unseen. */
		return access("/usr/bin/fusermount3", X_OK) == 0
			       ? 0
			       : lamina_error_set(why, -EPERM,
						  "mounting needs root, a user namespace, or "
						  "fusermount3 (package fuse3)");
	}
	if (*ret_fs < 0)
		return lamina_error_set(why, *ret_fs, "cannot make a FUSE file system");
	err = answer_init(*ret_device, probe);
	return err < 0 ? lamina_error_set(why, err, "the kernel's FUSE did not introduce itself")
		       : 0;
}

void lamina_probe_run(struct lamina_probe *ret)
{
	const char *refused = lamina_call_refused_mounting();
	_cleanup_fd_ int device = -1, fs = -1;

	*ret = (struct lamina_probe){0};
	ret->fuse = probe_fuse(ret, &device, &fs);
	if (ret->fuse == 0 && fs >= 0) {
		probe_passthrough(device, ret);
		return;
	}
	ret->passthrough = ret->fuse < 0 ? ret->fuse : -EPERM;
	if (ret->fuse < 0)
		ret->passthrough_why = ret->fuse_why;
	else if (refused)
		lamina_error_set(&ret->passthrough_why, 0,
				 "%s(2), which is needed to try it, is refused here by a sandbox "
				 "(seccomp)",
				 refused);
	else
		lamina_error_set(&ret->passthrough_why, 0, "%s", ONLY_REAL_ROOT);
}
