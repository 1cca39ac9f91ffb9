// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reading and changing attributes, with override_stat. No locks and no state: a change of an
 * override is a read and a write of one attribute, which the caller serialises per object.
 */
#include "union/attr.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/calls.h"
#include "base/fd.h"
#include "union/override.h"
#include "union/permit.h"
#include "union/xattr.h"

/* @n bytes of an override attribute were read into @value (or a negative error). */
static errint_t apply_override(ssize_t n, char value[LAMINA_OVERRIDE_SIZE], struct statx *st)
{
	struct statx claimed = *st;
	errint_t err;

	if (n < 0)
		return lamina_xattr_absent(n) ? 0 : (errint_t)n;
	value[n] = '\0';
	err = lamina_override_parse(value, &claimed);
	if (err < 0)
		return err;
	/* Only a plain file can stand for something else; a directory is one or is not. */
	if (!S_ISREG(st->stx_mode) || S_ISDIR(claimed.stx_mode)) {
		claimed.stx_mode = (uint16_t)((st->stx_mode & S_IFMT) | (claimed.stx_mode & 07777));
		claimed.stx_rdev_major = st->stx_rdev_major;
		claimed.stx_rdev_minor = st->stx_rdev_minor;
	}
	*st = claimed;
	return 0;
}

static errint_t look(const struct lamina_union *u, unsigned int layer, int dirfd, const char *name,
		     int flags, struct statx *ret)
{
	if (u->writable && layer == 0)
		return lamina_permit_statx(u, dirfd, name, flags, LAMINA_STATX_MASK, ret);
	return lamina_call_statx(dirfd, name, flags, LAMINA_STATX_MASK, ret);
}

errint_t lamina_attr_read_at(const struct lamina_union *u, unsigned int layer, int dirfd,
			     const char *name, struct statx *ret)
{
	enum lamina_override override = u->layers[layer].override;
	char value[LAMINA_OVERRIDE_SIZE];
	errint_t err;
	ssize_t n;

	err = look(u, layer, dirfd, name, AT_SYMLINK_NOFOLLOW, ret);
	if (err < 0 || override == LAMINA_OVERRIDE_NONE)
		return err;
	n = lamina_xattr_get_at(dirfd, name, lamina_override_xattr(override), value,
				sizeof(value) - 1);
	return apply_override(n, value, ret);
}

errint_t lamina_attr_read_fd(const struct lamina_union *u, unsigned int layer, int fd,
			     struct statx *ret)
{
	enum lamina_override override = u->layers[layer].override;
	char value[LAMINA_OVERRIDE_SIZE];
	errint_t err;
	ssize_t n;

	err = look(u, layer, fd, "", AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW, ret);
	if (err < 0 || override == LAMINA_OVERRIDE_NONE)
		return err;
	n = lamina_xattr_get_fd(fd, lamina_override_xattr(override), value, sizeof(value) - 1);
	return apply_override(n, value, ret);
}

static errint_t write_override(const struct lamina_union *u, int fd, const struct statx *st)
{
	char value[LAMINA_OVERRIDE_SIZE];
	size_t length = lamina_override_format(st, value);
	errint_t err;

	err = lamina_xattr_set_fd(fd, lamina_override_xattr(u->layers[0].override), value, length,
				  0);
	/* A symbolic link cannot carry a user attribute: it stays its creator's. */
	return err == -EPERM && S_ISLNK(st->stx_mode) ? 0 : err;
}

static errint_t chmod_disk(int fd, mode_t mode)
{
	char path[LAMINA_FD_PATH_SIZE];

	lamina_fd_path(path, fd);
	return chmod(path, mode) < 0 ? -errno : 0;
}

static errint_t chown_disk(int fd, uid_t uid, gid_t gid)
{
	return fchownat(fd, "", uid, gid, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

errint_t lamina_attr_chown(const struct lamina_union *u, int fd, uid_t uid, gid_t gid)
{
	struct statx st;
	errint_t err;

	if (u->layers[0].override == LAMINA_OVERRIDE_NONE)
		return chown_disk(fd, uid, gid);
	err = lamina_attr_read_fd(u, 0, fd, &st);
	if (err < 0)
		return err;
	if (uid != (uid_t)-1)
		st.stx_uid = uid;
	if (gid != (gid_t)-1)
		st.stx_gid = gid;
	if (!S_ISDIR(st.stx_mode)) {
		st.stx_mode &= (uint16_t)~S_ISUID;
		if (st.stx_mode & S_IXGRP)
			st.stx_mode &= (uint16_t)~S_ISGID;
	}
	return write_override(u, fd, &st);
}

errint_t lamina_attr_chmod(const struct lamina_union *u, int fd, mode_t mode)
{
	struct statx st;
	errint_t err;

	if (u->layers[0].override == LAMINA_OVERRIDE_NONE)
		return chmod_disk(fd, mode & 07777);
	err = lamina_attr_read_fd(u, 0, fd, &st);
	if (err < 0)
		return err;
	st.stx_mode = (uint16_t)((st.stx_mode & S_IFMT) | (mode & 07777));
	return write_override(u, fd, &st);
}

errint_t lamina_attr_set_times(int fd, const struct timespec times[2])
{
	return utimensat(fd, "", times, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

mode_t lamina_attr_disk_mode(const struct lamina_union *u, mode_t mode)
{
	if (u->layers[0].override == LAMINA_OVERRIDE_NONE)
		return mode;
	/* The daemon, which owns the file, must be able to use it whatever its shown mode is. */
	return (mode & S_IFMT) | 0755;
}

errint_t lamina_attr_imprint_owner(const struct lamina_union *u, int fd, const struct statx *st)
{
	struct stat now;
	errint_t err;

	if (u->layers[0].override != LAMINA_OVERRIDE_NONE)
		return write_override(u, fd, st);
	if (fstat(fd, &now) < 0)
		return -errno;
	if (now.st_uid == st->stx_uid && now.st_gid == st->stx_gid)
		return 0;
	err = chown_disk(fd, st->stx_uid, st->stx_gid);
	if (err != -EPERM || !u->owns_all)
		return err;
	/* It becomes the daemon's, in a group that it is in. */
	err = chown_disk(fd, (uid_t)-1, st->stx_gid);
	return err == -EPERM ? 0 : err;
}

/* The mode of @st, without the set-id bits that are for another owner or group than @fd's. */
static errint_t mode_for_owner(int fd, const struct statx *st, mode_t *ret)
{
	struct stat now;

	if (fstat(fd, &now) < 0)
		return -errno;
	if (now.st_uid != st->stx_uid)
		*ret &= ~(mode_t)S_ISUID;
	if (now.st_gid != st->stx_gid)
		*ret &= ~(mode_t)S_ISGID;
	return 0;
}

errint_t lamina_attr_imprint_mode(const struct lamina_union *u, int fd, const struct statx *st)
{
	mode_t mode = st->stx_mode & 07777;
	errint_t err = 0;

	if (u->layers[0].override != LAMINA_OVERRIDE_NONE || S_ISLNK(st->stx_mode))
		return 0;
	if (u->owns_all && (mode & (S_ISUID | S_ISGID)))
		err = mode_for_owner(fd, st, &mode);
	return err < 0 ? err : chmod_disk(fd, mode);
}

errint_t lamina_attr_imprint(const struct lamina_union *u, int fd, const struct statx *st)
{
	errint_t err = lamina_attr_imprint_owner(u, fd, st);

	return err < 0 ? err : lamina_attr_imprint_mode(u, fd, st);
}

errint_t lamina_attr_read_link(int fd, char *target, size_t size)
{
	ssize_t n = readlinkat(fd, "", target, size - 1);

	if (n < 0 && (errno == EINVAL || errno == ENOENT)) {
		_cleanup_fd_ int file = lamina_fd_reopen(fd, O_RDONLY);

		if (file < 0)
			return file;
		n = pread(file, target, size - 1, 0);
	}
	if (n < 0)
		return -errno;
	target[n] = '\0';
	return (errint_t)n;
}

/*
 * As the kernel's fuse_layer_ino(), so that a container may change its engine: the first file
 * system's numbers are its own, those of others are kept apart by the upper bits.
 */
#define DEV_SHIFT 55
#define GOLDEN	  0x61c8864680b583eb

uint64_t lamina_attr_ino(const struct lamina_union *u, unsigned int layer, dev_t dev, uint64_t ino)
{
	const struct lamina_layer *l = &u->layers[layer];

	if (dev != l->dev) /* a subvolume inside the layer: fold its device in */
		ino ^= (uint64_t)dev * 0x9e3779b97f4a7c15u;
	if (l->dev_nr == 0)
		return ino;
	if (ino >> DEV_SHIFT)
		return ino ^ l->dev_nr * GOLDEN;
	return ino | (uint64_t)l->dev_nr << DEV_SHIFT;
}
