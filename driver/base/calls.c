// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Calls that may be refused. What was found out does not change after the start.
 *
 *   call               since  instead                               can go when
 *   openat2            5.6    one openat() a component              } seccomp profiles of the oldest
 *   statx              4.11   fstatat(); /proc for the mount        } container engines in use know
 *   faccessat2         5.8    fstatat(), or the old call            } the call: those of Docker 20.10
 *   name_to_handle_at  2.6.39 keys by inode number (union/key.h)    } and RHEL 8 know up to 5.7
 *   close_range        5.9    one close() a descriptor              }
 *   getxattrat, ...    6.13   the same by a path through /proc      Linux 6.13 is the oldest kernel
 *   copy_file_range    4.5    reading and writing                   never: FUSE and NFS refuse it, too
 *   getrandom          3.17   /dev/urandom                          never: there are older profiles
 *   fsopen, fsconfig,  5.2    mount(2), by mount/call.c             with the first group
 *   fsmount, move_mount
 */
#include "base/calls.h"

#include <limits.h>
#include <linux/capability.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include "base/capability.h"
#include "base/cleanup.h"
#include "base/fd.h"

/* Linux 6.13; the numbers are the same everywhere. Older headers do not know them. */
#ifndef SYS_getxattrat
#define SYS_getxattrat	464
#define SYS_listxattrat 465
#endif

/* Descriptors that are closed one by one at most: the kernel's own default for fs.nr_open. */
#define CLOSE_MAX 1048576

static bool refused[LAMINA_N_CALLS];

bool lamina_call_refused(enum lamina_call call)
{
	return refused[call];
}

/* ---- trying ---- */

/* The errno of a call that cannot succeed, or 0. */
static int errno_of(long result)
{
	return result < 0 ? errno : 0;
}

static bool refuses_statx(void)
{
	struct statx st;

	return syscall(SYS_statx, AT_FDCWD, "/", 0, STATX_BASIC_STATS, &st) < 0;
}

static bool refuses_handles(void)
{
	struct file_handle handle = {.handle_bytes = 0};
	int mount_id, err;

	err = errno_of(name_to_handle_at(AT_FDCWD, "/", &handle, &mount_id, 0));
	return err != EOVERFLOW && err != EOPNOTSUPP;
}

static bool refuses_xattrat(void)
{
	return errno_of(syscall(SYS_getxattrat, AT_FDCWD, "/", 0, "user.x", NULL, 0)) != EINVAL ||
	       errno_of(syscall(SYS_listxattrat, -1, "", 0, NULL, 0)) != ENOENT;
}

void lamina_calls_probe(void)
{
	char byte;

	refused[LAMINA_CALL_OPENAT2] = errno_of(syscall(SYS_openat2, -1, "", NULL, 0)) != EINVAL;
	refused[LAMINA_CALL_STATX] = refuses_statx();
	refused[LAMINA_CALL_FACCESSAT2] = syscall(SYS_faccessat2, AT_FDCWD, "/", F_OK, 0) < 0;
	refused[LAMINA_CALL_NAME_TO_HANDLE_AT] = refuses_handles();
	refused[LAMINA_CALL_XATTRAT] = refuses_xattrat();
	refused[LAMINA_CALL_COPY_FILE_RANGE] =
		errno_of(copy_file_range(-1, NULL, -1, NULL, 0, 0)) != EBADF;
	refused[LAMINA_CALL_CLOSE_RANGE] =
		errno_of(syscall(SYS_close_range, UINT_MAX, 0, 0)) != EINVAL;
	refused[LAMINA_CALL_GETRANDOM] = getrandom(&byte, 1, GRND_NONBLOCK) < 0 && errno != EAGAIN;
}

/* ---- openat2 ---- */

static bool is_link(int dirfd, const char *name)
{
	struct stat st;

	return fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH) == 0 &&
	       S_ISLNK(st.st_mode);
}

/* Open the single component @name of @dirfd, which must lie on the mount @mount. */
static errint_t open_step(int dirfd, const char *name, int flags, errint_t mount)
{
	_cleanup_fd_ int fd = openat(dirfd, name, flags | O_NOFOLLOW | O_CLOEXEC);
	/* Only an O_PATH fd can be one of a link, and only if that was asked for. */
	bool may_be_link = (flags & O_PATH) && (flags & O_NOFOLLOW);
	errint_t found;

	if (fd < 0 && errno == ENOTDIR && is_link(dirfd, name))
		return -ELOOP;
	if (fd < 0)
		return -errno;
	if ((flags & O_PATH) && !may_be_link && is_link(fd, ""))
		return -ELOOP;
	found = lamina_call_mount_id(fd);
	if (found < 0)
		return found;
	return found == mount ? TAKE_FD(fd) : -EXDEV;
}

/*
 * The last component is opened with @flags, those before as directories. A ".." is refused: only what
 * a layer holds can bring one here.
 */
static errint_t open_by_steps(int dirfd, const char *path, int flags)
{
	errint_t mount = lamina_call_mount_id(dirfd);
	_cleanup_fd_ int at = -1;
	char name[NAME_MAX + 1];

	if (mount < 0)
		return mount;
	for (;;) {
		size_t length = strcspn(path, "/");
		const char *rest = path + length + strspn(path + length, "/");
		errint_t next;

		if (length > NAME_MAX)
			return -ENAMETOOLONG;
		memcpy(name, path, length);
		name[length] = '\0';
		if (!length || !strcmp(name, ".."))
			return -EXDEV; /* an absolute path, or one that leads up */
		next = open_step(at >= 0 ? at : dirfd, name,
				 *rest ? O_PATH | O_DIRECTORY | O_NOFOLLOW : flags, mount);
		if (next < 0 || !*rest)
			return next;
		lamina_cleanup_fd(&at);
		at = next;
		path = rest;
	}
}

errint_t lamina_call_open_beneath(int dirfd, const char *path, int flags)
{
	struct open_how how = {
		.flags = (unsigned int)flags | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS |
			   RESOLVE_NO_XDEV,
	};
	int fd;

	if (refused[LAMINA_CALL_OPENAT2])
		return open_by_steps(dirfd, path, flags);
	fd = (int)syscall(SYS_openat2, dirfd, path, &how, sizeof(how));
	return fd < 0 ? -errno : fd;
}

/* ---- statx ---- */

static struct statx_timestamp stamp_of(const struct timespec *time)
{
	return (struct statx_timestamp){.tv_sec = time->tv_sec, .tv_nsec = (uint32_t)time->tv_nsec};
}

errint_t lamina_call_statx(int dirfd, const char *name, int flags, unsigned int mask,
			   struct statx *ret)
{
	struct stat st;

	if (!refused[LAMINA_CALL_STATX])
		return syscall(SYS_statx, dirfd, name, flags, mask, ret) < 0 ? -errno : 0;
	if (fstatat(dirfd, name, &st, flags) < 0)
		return -errno;
	*ret = (struct statx){
		.stx_mask = STATX_BASIC_STATS,
		.stx_blksize = (uint32_t)st.st_blksize,
		.stx_nlink = (uint32_t)st.st_nlink,
		.stx_uid = st.st_uid,
		.stx_gid = st.st_gid,
		.stx_mode = (uint16_t)st.st_mode,
		.stx_ino = st.st_ino,
		.stx_size = (uint64_t)st.st_size,
		.stx_blocks = (uint64_t)st.st_blocks,
		.stx_atime = stamp_of(&st.st_atim),
		.stx_ctime = stamp_of(&st.st_ctim),
		.stx_mtime = stamp_of(&st.st_mtim),
		.stx_rdev_major = major(st.st_rdev),
		.stx_rdev_minor = minor(st.st_rdev),
		.stx_dev_major = major(st.st_dev),
		.stx_dev_minor = minor(st.st_dev),
	};
	return 0;
}

/* As /proc tells it, which is slower. */
static errint_t read_mount_id(int fd)
{
	char path[LAMINA_FD_PATH_SIZE], text[256];
	_cleanup_fd_ int info = -1;
	const char *found;
	ssize_t n;

	lamina_fd_info_path(path, fd);
	info = open(path, O_RDONLY | O_CLOEXEC);
	if (info < 0)
		return -errno;
	n = read(info, text, sizeof(text) - 1);
	if (n < 0)
		return -errno;
	text[n] = '\0';
	found = strstr(text, "mnt_id:");
	return found ? (errint_t)strtol(found + strlen("mnt_id:"), NULL, 10) : -EIO;
}

errint_t lamina_call_mount_id(int fd)
{
	struct statx st;

	if (refused[LAMINA_CALL_STATX])
		return read_mount_id(fd);
	if (syscall(SYS_statx, fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &st) < 0)
		return -errno;
	return st.stx_mask & STATX_MNT_ID ? (errint_t)st.stx_mnt_id : read_mount_id(fd);
}

/* ---- faccessat2 ---- */

errint_t lamina_call_access(int dirfd, const char *name, int mode, int flags)
{
	struct stat st;

	if (!refused[LAMINA_CALL_FACCESSAT2])
		return syscall(SYS_faccessat2, dirfd, name, mode, flags) < 0 ? -errno : 0;
	if (mode == F_OK)
		return fstatat(dirfd, name, &st, flags & AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
	return syscall(SYS_faccessat, dirfd, name, mode) < 0 ? -errno : 0;
}

/* ---- the mount API ---- */

/* EPERM or ENOSYS: with these arguments the kernel gives neither to a process that may mount. */
static bool is_refused(long result)
{
	return result < 0 && (errno == EPERM || errno == ENOSYS);
}

const char *lamina_call_refused_mounting(void)
{
	if (!lamina_capability_has(CAP_SYS_ADMIN))
		return NULL;
	if (is_refused(syscall(SYS_fsopen, "", -1)))
		return "fsopen";
	if (is_refused(syscall(SYS_fsconfig, -1, -1, NULL, NULL, 0)))
		return "fsconfig";
	if (is_refused(syscall(SYS_fsmount, -1, 0, 0)))
		return "fsmount";
	if (is_refused(syscall(SYS_move_mount, -1, "", -1, "", 0)))
		return "move_mount";
	return NULL;
}

/* ---- the rest ---- */

errint_t lamina_call_handle(int dirfd, const char *name, struct file_handle *ret)
{
	int mount_id;

	if (refused[LAMINA_CALL_NAME_TO_HANDLE_AT])
		return -EOPNOTSUPP;
	return name_to_handle_at(dirfd, name, ret, &mount_id, *name ? 0 : AT_EMPTY_PATH) < 0
		       ? -errno
		       : 0;
}

errint_t lamina_call_random(void *bytes, size_t size)
{
	_cleanup_fd_ int fd = -1;

	if (!refused[LAMINA_CALL_GETRANDOM])
		return getrandom(bytes, size, 0) == (ssize_t)size ? 0 : -errno;
	fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	return read(fd, bytes, size) == (ssize_t)size ? 0 : -EIO;
}

/* There may be no /proc to list them. */
static void close_each(int first)
{
	struct rlimit limit;
	int last = CLOSE_MAX;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_max < CLOSE_MAX)
		last = (int)limit.rlim_max;
	for (int fd = first; fd < last; fd++)
		close(fd);
}

void lamina_call_close_from(int first)
{
	if (refused[LAMINA_CALL_CLOSE_RANGE])
		close_each(first);
	else
		syscall(SYS_close_range, first, UINT_MAX, 0);
}
