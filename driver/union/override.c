// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reading and writing override_stat attributes. No locks and no state.
 */
#include "union/override.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "union/xattr.h"

const char *lamina_override_xattr(enum lamina_override kind)
{
	switch (kind) {
	case LAMINA_OVERRIDE_SECURITY:
		return "security.fuseoverlayfs.override_stat";
	case LAMINA_OVERRIDE_CONTAINERS:
		return "user.containers.override_stat";
	case LAMINA_OVERRIDE_FUSEOVERLAYFS:
		return "user.fuseoverlayfs.override_stat";
	case LAMINA_OVERRIDE_NONE:
		break;
	}
	return NULL;
}

errint_t lamina_override_detect(int fd)
{
	static const enum lamina_override kinds[] = {
		LAMINA_OVERRIDE_SECURITY,
		LAMINA_OVERRIDE_CONTAINERS,
		LAMINA_OVERRIDE_FUSEOVERLAYFS,
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		ssize_t n = lamina_xattr_get_fd(fd, lamina_override_xattr(kinds[i]), NULL, 0);

		if (n >= 0)
			return kinds[i];
		if (!lamina_xattr_absent(n))
			return (errint_t)n;
	}
	return LAMINA_OVERRIDE_NONE;
}

static errint_t parse_type(const char *type, struct statx *st)
{
	unsigned int major, minor;
	int end = 0;

	st->stx_rdev_major = st->stx_rdev_minor = 0;
	if (!strcmp(type, "file"))
		return S_IFREG;
	if (!strcmp(type, "dir"))
		return S_IFDIR;
	if (!strcmp(type, "symlink"))
		return S_IFLNK;
	if (!strcmp(type, "pipe"))
		return S_IFIFO;
	if (!strcmp(type, "socket"))
		return S_IFSOCK;
	if (sscanf(type, "block-%u-%u%n", &major, &minor, &end) != 2 &&
	    sscanf(type, "char-%u-%u%n", &major, &minor, &end) != 2)
		return -EINVAL;
	if (type[end])
		return -EINVAL;
	st->stx_rdev_major = major;
	st->stx_rdev_minor = minor;
	return type[0] == 'b' ? S_IFBLK : S_IFCHR;
}

errint_t lamina_override_parse(const char *value, struct statx *st)
{
	unsigned int uid, gid, mode;
	errint_t type = st->stx_mode & S_IFMT;
	int end = 0;

	if (sscanf(value, "%u:%u:%o%n", &uid, &gid, &mode, &end) != 3)
		return -EINVAL;
	if (value[end] == ':')
		type = parse_type(value + end + 1, st);
	else if (value[end])
		return -EINVAL;
	if (type < 0)
		return type;
	st->stx_uid = uid;
	st->stx_gid = gid;
	st->stx_mode = (uint16_t)((unsigned int)type | (mode & 07777));
	return 0;
}

size_t lamina_override_format(const struct statx *st, char value[LAMINA_OVERRIDE_SIZE])
{
	char type[64] = "";
	int length;

	switch (st->stx_mode & S_IFMT) {
	case S_IFDIR:
		snprintf(type, sizeof(type), ":dir");
		break;
	case S_IFLNK:
		snprintf(type, sizeof(type), ":symlink");
		break;
	case S_IFIFO:
		snprintf(type, sizeof(type), ":pipe");
		break;
	case S_IFSOCK:
		snprintf(type, sizeof(type), ":socket");
		break;
	case S_IFBLK:
		snprintf(type, sizeof(type), ":block-%u-%u", st->stx_rdev_major,
			 st->stx_rdev_minor);
		break;
	case S_IFCHR:
		snprintf(type, sizeof(type), ":char-%u-%u", st->stx_rdev_major, st->stx_rdev_minor);
		break;
	default:
		snprintf(type, sizeof(type), ":file");
		break;
	}
	length = snprintf(value, LAMINA_OVERRIDE_SIZE, "%u:%u:%o%s", st->stx_uid, st->stx_gid,
			  st->stx_mode & 07777u, type);
	return (size_t)length;
}
