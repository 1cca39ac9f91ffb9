// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reading, keeping and copying file attributes. No locks and no state.
 */
#include "union/flags.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>

#include "base/fd.h"
#include "union/xattr.h"

#define PROTECTION "overlay.protattr"

unsigned int lamina_flags_of(const struct statx *st)
{
	uint64_t told = st->stx_attributes & st->stx_attributes_mask;

	return (told & STATX_ATTR_IMMUTABLE ? FS_IMMUTABLE_FL : 0) |
	       (told & STATX_ATTR_APPEND ? FS_APPEND_FL : 0);
}

/* As overlayfs, nothing is believed behind a letter that is not known. */
static unsigned int parse(const char *value, ssize_t size)
{
	unsigned int flags = 0;

	for (ssize_t i = 0; i < size; i++) {
		if (value[i] == 'a')
			flags |= FS_APPEND_FL;
		else if (value[i] == 'i')
			flags |= FS_IMMUTABLE_FL;
		else
			return 0;
	}
	return flags;
}

errint_t lamina_flags_protecting(int fd)
{
	static const char *const xattrs[] = {"trusted." PROTECTION, "user." PROTECTION};
	char value[32]; /* what overlayfs reads */
	unsigned int flags = 0;

	for (size_t i = 0; i < sizeof(xattrs) / sizeof(xattrs[0]); i++) {
		ssize_t n = lamina_xattr_get_fd(fd, xattrs[i], value, sizeof(value));

		if (n < 0 && n != -ERANGE && !lamina_xattr_absent(n))
			return (errint_t)n;
		flags |= parse(value, n);
	}
	return (errint_t)flags;
}

errint_t lamina_flags_protect(const struct lamina_union *u, int fd, unsigned int flags)
{
	char xattr[LAMINA_XATTR_NAME_SIZE], value[3];
	errint_t err;
	int length;

	flags &= LAMINA_FLAGS_PROTECTED;
	if (!u->xattr_ns)
		return flags ? -EPERM : 0;
	snprintf(xattr, sizeof(xattr), "%s." PROTECTION, u->xattr_ns);
	length = snprintf(value, sizeof(value), "%s%s", flags & FS_APPEND_FL ? "a" : "",
			  flags & FS_IMMUTABLE_FL ? "i" : "");
	if (flags)
		return lamina_xattr_set_fd(fd, xattr, value, (size_t)length, 0);
	err = lamina_xattr_remove_fd(fd, xattr);
	return lamina_xattr_absent(err) ? 0 : err;
}

/* What file systems, and servers of them, say that know no file attributes. */
static bool knows_none(int error)
{
	return error == ENOTTY || error == EINVAL || error == EOPNOTSUPP || error == ENOSYS;
}

/* The flags of @fd, 0 if it has none, or -errno. */
static errint_t read_flags(int fd)
{
	int flags;

	if (ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0)
		return (errint_t)((unsigned int)flags & INT32_MAX);
	return knows_none(errno) ? 0 : -errno;
}

/* An fd that ioctl() takes: @fd, or what it refers to opened again, which is @owned then. */
static int open_for_ioctl(int fd, int *owned)
{
	if (!(fcntl(fd, F_GETFL) & O_PATH))
		return fd;
	*owned = lamina_fd_reopen(fd, O_RDONLY | O_NONBLOCK);
	return *owned;
}

static errint_t set_flags(int fd, unsigned int flags)
{
	_cleanup_fd_ int owned = -1;
	int to = open_for_ioctl(fd, &owned);
	errint_t now = to < 0 ? to : read_flags(to);
	int wanted;

	if (now < 0)
		return now;
	wanted = (int)(((unsigned int)now & ~LAMINA_FLAGS_COPIED) | flags);
	if (wanted == now || ioctl(to, FS_IOC_SETFLAGS, &wanted) == 0)
		return 0;
	return knows_none(errno) ? 0 : -errno;
}

errint_t lamina_flags_copy(const struct lamina_union *u, int from, const struct statx *st, int to)
{
	_cleanup_fd_ int owned = -1;
	int readable = open_for_ioctl(from, &owned);
	unsigned int protection = lamina_flags_of(st), copied;
	errint_t flags = readable < 0 ? readable : read_flags(readable), err = 0;

	/* Whoever may copy attributes without reading the object does without its flags. */
	if (flags == -EACCES)
		flags = 0;
	if (flags < 0)
		return flags;
	copied = (unsigned int)flags & LAMINA_FLAGS_COPIED;
	/* An upper without attributes loses the protection, as on overlayfs. */
	if (protection && u->xattr_ns)
		err = lamina_flags_protect(u, to, protection);
	return err < 0 || !copied ? err : set_flags(to, copied);
}
