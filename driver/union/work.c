// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The work directory and what is built or taken apart in it. Names are unique within the process,
 * and the lock on the upper keeps every other process out.
 */
#include "union/work.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/limits.h"
#include "union/xattr.h"

#define ACCESS_ACL  "system.posix_acl_access"
#define DEFAULT_ACL "system.posix_acl_default"

void lamina_work_name(char name[LAMINA_WORK_NAME_SIZE])
{
	static atomic_ullong counter;

	snprintf(name, LAMINA_WORK_NAME_SIZE, "#%llx", atomic_fetch_add(&counter, 1));
}

static errint_t clear(int dirfd, unsigned int depth);

static errint_t remove_tree(int dirfd, const char *name, unsigned int depth)
{
	_cleanup_fd_ int fd = -1;
	errint_t err;

	if (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return -errno;
	if (unlinkat(dirfd, name, AT_REMOVEDIR) == 0)
		return 0;
	if (errno != ENOTEMPTY && errno != EEXIST)
		return -errno;
	fd = lamina_fd_open_name(dirfd, name, O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		return fd;
	err = clear(fd, depth + 1);
	if (err < 0)
		return err;
	return unlinkat(dirfd, name, AT_REMOVEDIR) < 0 ? -errno : 0;
}

static errint_t clear(int dirfd, unsigned int depth)
{
	_cleanup_dir_ DIR *dir = NULL;
	const struct dirent *d;
	errint_t err;

	if (depth > LAMINA_MAX_DEPTH)
		return -ELOOP;
	err = lamina_fd_read_dir(dirfd, &dir);
	if (err < 0)
		return err;
	while (err == 0 && (d = readdir(dir)))
		if (lamina_name_valid(d->d_name))
			err = remove_tree(dirfd, d->d_name, depth);
	return err;
}

errint_t lamina_work_remove_tree(int dirfd, const char *name)
{
	return remove_tree(dirfd, name, 0);
}

errint_t lamina_work_clear(int dirfd)
{
	return clear(dirfd, 0);
}

/* File attributes (chattr) that a new object gets from its directory on some file systems. */
#define INHERITED_FLAGS (FS_SYNC_FL | FS_NODUMP_FL | FS_NOATIME_FL | FS_DIRSYNC_FL)

/* Not all file systems have them, and none needs them: an error says that there are none. */
static void clear_flags(int fd)
{
	int flags;

	if (ioctl(fd, FS_IOC_GETFLAGS, &flags) < 0 || !(flags & INHERITED_FLAGS))
		return;
	flags &= ~INHERITED_FLAGS;
	(void)ioctl(fd, FS_IOC_SETFLAGS, &flags);
}

static errint_t clear_acl(int fd, const char *acl)
{
	errint_t err = lamina_xattr_remove_fd(fd, acl);

	return lamina_xattr_absent(err) ? 0 : err;
}

/*
 * The directory @fd, which somebody else may have made, is the daemon's alone, and nothing that is made
 * in it takes group, ACL or file attributes from it: from here it goes to the container.
 */
static errint_t hand_nothing_down(int fd)
{
	char path[LAMINA_FD_PATH_SIZE];
	struct stat st;
	errint_t err;

	/* What has no effect, or an error, is seen at the end: it is the result that counts. */
	lamina_fd_path(path, fd);
	(void)chmod(path, 0700);
	err = clear_acl(fd, DEFAULT_ACL);
	if (err == 0)
		err = clear_acl(fd, ACCESS_ACL);
	if (err < 0)
		return err;
	if (fstat(fd, &st) < 0)
		return -errno;
	return (st.st_mode & S_ISGID) || lamina_xattr_get_fd(fd, DEFAULT_ACL, NULL, 0) > 0 ? -EPERM
											   : 0;
}

errint_t lamina_work_open_dir(int dirfd, const char *name)
{
	_cleanup_fd_ int fd = -1;
	errint_t err;

	if (mkdirat(dirfd, name, 0700) < 0 && errno != EEXIST)
		return -errno;
	fd = lamina_fd_open_name(dirfd, name, O_PATH | O_DIRECTORY);
	if (fd < 0)
		return fd;
	err = hand_nothing_down(fd);
	if (err < 0)
		return err;
	err = lamina_fd_open_beneath(fd, "", O_RDONLY | O_DIRECTORY);
	if (err >= 0)
		clear_flags(err);
	return err;
}

errint_t lamina_work_open_beside(const struct lamina_union *u, const char *name)
{
	_cleanup_fd_ int base = openat(u->work_fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);

	return base < 0 ? -errno : lamina_work_open_dir(base, name);
}

/* Make @fd hand down what @parent hands down. */
static errint_t inherit(int fd, const struct stat *parent, const void *acl, ssize_t acl_size)
{
	if (parent->st_mode & S_ISGID) {
		if (fchown(fd, (uid_t)-1, parent->st_gid) < 0 || fchmod(fd, S_ISGID | 0700) < 0)
			return -errno;
	}
	return acl_size > 0 ? lamina_xattr_set_fd(fd, DEFAULT_ACL, acl, (size_t)acl_size, 0) : 0;
}

static errint_t open_nursery(const struct lamina_union *u, const struct stat *parent,
			     const void *acl, ssize_t acl_size, struct lamina_nursery *ret)
{
	struct lamina_nursery nursery = {.u = u};
	errint_t err;

	lamina_work_name(nursery.name);
	if (mkdirat(u->work_fd, nursery.name, 0700) < 0)
		return -errno;
	nursery.fd = lamina_fd_open_name(u->work_fd, nursery.name, O_RDONLY | O_DIRECTORY);
	err = nursery.fd < 0 ? nursery.fd : inherit(nursery.fd, parent, acl, acl_size);
	if (err < 0) {
		lamina_nursery_close(&nursery);
		return err;
	}
	*ret = nursery;
	return 0;
}

errint_t lamina_nursery_open(const struct lamina_union *u, int parent, struct lamina_nursery *ret)
{
	_cleanup_free_ char *acl = malloc(LAMINA_XATTR_MAX);
	struct stat st;
	ssize_t n = acl ? lamina_xattr_get_fd(parent, DEFAULT_ACL, acl, LAMINA_XATTR_MAX) : -ENOMEM;

	if (n < 0 && !lamina_xattr_absent(n))
		return (errint_t)n;
	if (fstat(parent, &st) < 0)
		return -errno;
	if (n > 0 || (st.st_mode & S_ISGID))
		return open_nursery(u, &st, acl, n, ret);
	*ret = (struct lamina_nursery){.u = u, .fd = u->work_fd};
	return 0;
}

void lamina_nursery_close(struct lamina_nursery *nursery)
{
	if (!nursery->name[0])
		return;
	lamina_cleanup_fd(&nursery->fd);
	/* A leftover costs nothing but its name: the next mount clears it. */
	(void)lamina_work_remove_tree(nursery->u->work_fd, nursery->name);
	nursery->name[0] = '\0';
}
