// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Leaving the caller's mount namespace. One thread, at the start of the daemon.
 */
#include "mount/isolate.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mntns.h"
#include "base/proc.h"

static errint_t result(long result)
{
	return result < 0 ? -errno : 0;
}

/* An empty root directory: a file system in memory with room for one more directory. */
static errint_t make_root(void)
{
	_cleanup_fd_ int fs = fsopen("tmpfs", FSOPEN_CLOEXEC), root = -1;

	if (fs < 0 || fsconfig(fs, FSCONFIG_SET_STRING, "nr_inodes", "8", 0) < 0 ||
	    fsconfig(fs, FSCONFIG_SET_STRING, "mode", "0755", 0) < 0 ||
	    fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -errno;
	root = fsmount(fs, FSMOUNT_CLOEXEC,
		       MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	if (root < 0 || mkdirat(root, "proc", 0555) < 0)
		return -errno;
	return TAKE_FD(root);
}

/* Put @root in the place of everything that is mounted in this namespace. */
static errint_t replace_everything(int root)
{
	errint_t err = result(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));

	if (err == 0)
		err = result(move_mount(root, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH));
	if (err == 0)
		err = result(fchdir(root));
	/* The old root is put on top of the new one, and taken away from there. */
	if (err == 0)
		err = result(syscall(SYS_pivot_root, ".", "."));
	return err == 0 ? result(umount2(".", MNT_DETACH)) : err;
}

/*
 * For libraries that look for /proc by its path. What was held without being a clone has a mount of
 * its own elsewhere, and then there is none here.
 */
static errint_t fill_root(int root)
{
	struct mount_attr read_only = {.attr_set = MOUNT_ATTR_RDONLY};

	(void)move_mount(lamina_proc_fd(), "", root, "proc", MOVE_MOUNT_F_EMPTY_PATH);
	return result(mount_setattr(root, "", AT_EMPTY_PATH, &read_only, sizeof(read_only)));
}

static errint_t isolate(void)
{
	_cleanup_fd_ int root = make_root();
	errint_t err = root < 0 ? root : replace_everything(root);

	return err == 0 ? fill_root(root) : err;
}

errint_t lamina_isolate(uint64_t *ret_left, struct lamina_error *error)
{
	_cleanup_fd_ int before = lamina_proc_open("self/ns/mnt", O_RDONLY);
	uint64_t id = 0;
	errint_t err;

	*ret_left = 0;
	if (before < 0 || lamina_mntns_id(before, &id) < 0 || unshare(CLONE_NEWNS) < 0)
		return 0;
	err = isolate();
	if (err < 0 && setns(before, CLONE_NEWNS) < 0)
		return lamina_error_set(error, -errno,
					"cannot go back to the mount namespace of the caller");
	if (fchdir(lamina_proc_fd()) < 0)
		return lamina_error_set(error, -errno, "cannot work in /proc");
	if (err == 0)
		*ret_left = id;
	return 0;
}
