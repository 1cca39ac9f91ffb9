// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Extended attributes, raw and outer. No locks and no state.
 */
#include "union/xattr.h"

#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

#include "base/calls.h"
#include "base/cleanup.h"
#include "base/fd.h"
#include "base/limits.h"

/* Linux 6.13; the numbers are the same everywhere. Older headers do not know them. */
#ifndef SYS_getxattrat
#define SYS_getxattrat	464
#define SYS_listxattrat 465
#endif

struct xattr_at_args {
	uint64_t value;
	uint32_t size;
	uint32_t flags;
};

static ssize_t result_of(ssize_t result)
{
	return result < 0 ? -errno : result;
}

ssize_t lamina_xattr_get_at(int dirfd, const char *name, const char *xattr, void *value,
			    size_t size)
{
	char path[LAMINA_FD_PATH_SIZE + NAME_MAX + 2];
	errint_t err;

	if (!lamina_call_refused(LAMINA_CALL_XATTRAT)) {
		struct xattr_at_args args = {.value = (uintptr_t)value, .size = (uint32_t)size};

		return result_of(syscall(SYS_getxattrat, dirfd, name, AT_SYMLINK_NOFOLLOW, xattr,
					 &args, sizeof(args)));
	}
	err = lamina_fd_name_path(path, sizeof(path), dirfd, name);
	if (err < 0)
		return err;
	return result_of(lgetxattr(path, xattr, value, size));
}

ssize_t lamina_xattr_list_at(int dirfd, const char *name, char *list, size_t size)
{
	char path[LAMINA_FD_PATH_SIZE + NAME_MAX + 2];
	errint_t err;

	if (!lamina_call_refused(LAMINA_CALL_XATTRAT))
		return result_of(
			syscall(SYS_listxattrat, dirfd, name, AT_SYMLINK_NOFOLLOW, list, size));
	err = lamina_fd_name_path(path, sizeof(path), dirfd, name);
	if (err < 0)
		return err;
	return result_of(llistxattr(path, list, size));
}

/*
 * The f*xattr() calls refuse an O_PATH fd with EBADF; /proc leads to what it refers to. An fd that
 * is open for more gets there without that detour.
 */
ssize_t lamina_xattr_get_fd(int fd, const char *xattr, void *value, size_t size)
{
	ssize_t n = result_of(fgetxattr(fd, xattr, value, size));
	char path[LAMINA_FD_PATH_SIZE];

	if (n != -EBADF)
		return n;
	lamina_fd_path(path, fd);
	return result_of(getxattr(path, xattr, value, size));
}

errint_t lamina_xattr_set_fd(int fd, const char *xattr, const void *value, size_t size, int flags)
{
	char path[LAMINA_FD_PATH_SIZE];

	if (fsetxattr(fd, xattr, value, size, flags) == 0)
		return 0;
	if (errno != EBADF)
		return -errno;
	lamina_fd_path(path, fd);
	return setxattr(path, xattr, value, size, flags) < 0 ? -errno : 0;
}

ssize_t lamina_xattr_list_fd(int fd, char *list, size_t size)
{
	ssize_t n = result_of(flistxattr(fd, list, size));
	char path[LAMINA_FD_PATH_SIZE];

	if (n != -EBADF)
		return n;
	lamina_fd_path(path, fd);
	return result_of(listxattr(path, list, size));
}

errint_t lamina_xattr_remove_fd(int fd, const char *xattr)
{
	char path[LAMINA_FD_PATH_SIZE];

	if (fremovexattr(fd, xattr) == 0)
		return 0;
	if (errno != EBADF)
		return -errno;
	lamina_fd_path(path, fd);
	return removexattr(path, xattr) < 0 ? -errno : 0;
}

bool lamina_xattr_absent(ssize_t result)
{
	return result == -ENODATA || result == -EOPNOTSUPP || result == -EPERM;
}

bool lamina_xattr_own(const struct lamina_union *u, const char *what,
		      char name[LAMINA_XATTR_NAME_SIZE])
{
	if (!u->xattr_ns)
		return false;
	snprintf(name, LAMINA_XATTR_NAME_SIZE, "%s.%s%s", u->xattr_ns, u->records, what);
	return true;
}

static bool has_prefix(const char *text, const char *prefix)
{
	return !strncmp(text, prefix, strlen(prefix));
}

/* Prefixes that overlayfs keeps for itself; a container's own use of them goes one level down. */
static const char *const overlay_prefixes[] = {"trusted.overlay.", "user.overlay."};

/* Prefixes that are nobody's but a storage driver's. */
static const char *const private_prefixes[] = {
	"trusted.lamina.",	     "user.lamina.",
	"user.fuseoverlayfs.",	     "security.fuseoverlayfs.",
	"user.containers.override_",
};

#define ESCAPE		     "overlay."
#define OVERRIDE_SECURITY    "user.containers.override_"
#define N_ELEMENTS(elements) (sizeof(elements) / sizeof((elements)[0]))

static const char *overlay_prefix_of(const char *name)
{
	for (size_t i = 0; i < N_ELEMENTS(overlay_prefixes); i++)
		if (has_prefix(name, overlay_prefixes[i]))
			return overlay_prefixes[i];
	return NULL;
}

static bool is_private(const char *name)
{
	for (size_t i = 0; i < N_ELEMENTS(private_prefixes); i++)
		if (has_prefix(name, private_prefixes[i]))
			return true;
	return false;
}

static bool keeps_security_aside(const struct lamina_union *u, unsigned int layer)
{
	return u->layers[layer].override == LAMINA_OVERRIDE_CONTAINERS;
}

/*
 * Where the outer name @name is kept on disk. Returns 0, -EPERM (private), or, as overlayfs does,
 * -EOPNOTSUPP (too long there).
 */
static errint_t disk_name(const struct lamina_union *u, unsigned int layer, const char *name,
			  char disk[LAMINA_XATTR_NAME_SIZE])
{
	const char *overlay = overlay_prefix_of(name);
	int length;

	if (is_private(name))
		return -EPERM;
	if (overlay)
		length = snprintf(disk, LAMINA_XATTR_NAME_SIZE, "%s" ESCAPE "%s", overlay,
				  name + strlen(overlay));
	else if (keeps_security_aside(u, layer) && has_prefix(name, "security."))
		length = snprintf(disk, LAMINA_XATTR_NAME_SIZE, OVERRIDE_SECURITY "%s", name);
	else
		length = snprintf(disk, LAMINA_XATTR_NAME_SIZE, "%s", name);
	return length < LAMINA_XATTR_NAME_SIZE ? 0 : -EOPNOTSUPP;
}

/* The outer name of the disk's @disk, or false if a container must not see it. */
static bool outer_name(const struct lamina_union *u, unsigned int layer, const char *disk,
		       char name[LAMINA_XATTR_NAME_SIZE])
{
	const char *overlay = overlay_prefix_of(disk);

	if (overlay) {
		const char *rest = disk + strlen(overlay);

		if (!has_prefix(rest, ESCAPE))
			return false;
		snprintf(name, LAMINA_XATTR_NAME_SIZE, "%s%s", overlay, rest + strlen(ESCAPE));
		return true;
	}
	if (keeps_security_aside(u, layer)) {
		if (has_prefix(disk, "security."))
			return false;
		if (has_prefix(disk, OVERRIDE_SECURITY "security.")) {
			snprintf(name, LAMINA_XATTR_NAME_SIZE, "%s",
				 disk + strlen(OVERRIDE_SECURITY));
			return true;
		}
	}
	if (is_private(disk))
		return false;
	snprintf(name, LAMINA_XATTR_NAME_SIZE, "%s", disk);
	return true;
}

ssize_t lamina_xattr_outer_get(const struct lamina_union *u, unsigned int layer, int fd,
			       const char *xattr, void *value, size_t size)
{
	char disk[LAMINA_XATTR_NAME_SIZE];
	errint_t err = disk_name(u, layer, xattr, disk);

	if (err < 0)
		return err == -EPERM ? -ENODATA : err;
	return lamina_xattr_get_fd(fd, disk, value, size);
}

errint_t lamina_xattr_outer_set(const struct lamina_union *u, int fd, const char *xattr,
				const void *value, size_t size, int flags)
{
	char disk[LAMINA_XATTR_NAME_SIZE];
	errint_t err = disk_name(u, 0, xattr, disk);

	if (err < 0)
		return err;
	return lamina_xattr_set_fd(fd, disk, value, size, flags);
}

errint_t lamina_xattr_outer_remove(const struct lamina_union *u, int fd, const char *xattr)
{
	char disk[LAMINA_XATTR_NAME_SIZE];
	errint_t err = disk_name(u, 0, xattr, disk);

	if (err < 0)
		return err;
	return lamina_xattr_remove_fd(fd, disk);
}

/* All raw names of @fd in a buffer of its own. Returns the list's size or -errno. */
static ssize_t list_all(int fd, char **ret)
{
	_cleanup_free_ char *list = malloc(LAMINA_XATTR_MAX);
	ssize_t n;

	if (!list)
		return -ENOMEM;
	n = lamina_xattr_list_fd(fd, list, LAMINA_XATTR_MAX);
	if (n < 0)
		return n;
	*ret = TAKE_PTR(list);
	return n;
}

ssize_t lamina_xattr_outer_list(const struct lamina_union *u, unsigned int layer, int fd,
				bool trusted, char *list, size_t size)
{
	_cleanup_free_ char *raw = NULL;
	ssize_t n = list_all(fd, &raw);
	size_t used = 0;

	if (n < 0)
		return n;
	for (char *at = raw; at < raw + n; at += strlen(at) + 1) {
		char name[LAMINA_XATTR_NAME_SIZE];
		size_t length;

		if (!outer_name(u, layer, at, name) || (!trusted && has_prefix(name, "trusted.")))
			continue;
		length = strlen(name) + 1;
		if (size > 0) {
			if (used + length > size)
				return -ERANGE;
			memcpy(list + used, name, length);
		}
		used += length;
	}
	return (ssize_t)used;
}

/* What overlayfs leaves out as well: ids without a mapping, attributes the upper cannot hold. */
static bool may_be_left_out(const char *name, errint_t err)
{
	if (err == -EOPNOTSUPP)
		return true;
	if (has_prefix(name, "security."))
		return err == -EPERM || err == -EOVERFLOW;
	return err == -EPERM && has_prefix(name, "trusted.");
}

static errint_t copy_one(const struct lamina_union *u, unsigned int layer, int from, int to,
			 const char *raw, void *value)
{
	char name[LAMINA_XATTR_NAME_SIZE];
	errint_t err;
	ssize_t n;

	if (!outer_name(u, layer, raw, name))
		return 0;
	n = lamina_xattr_get_fd(from, raw, value, LAMINA_XATTR_MAX);
	if (n < 0)
		return n == -ENODATA || may_be_left_out(name, (errint_t)n) ? 0 : (errint_t)n;
	err = lamina_xattr_outer_set(u, to, name, value, (size_t)n, 0);
	return err < 0 && may_be_left_out(name, err) ? 0 : err;
}

/* The value of one attribute, kept for the next. */
struct copier {
	const struct lamina_union *u;
	unsigned int layer;
	int from, to;
	void *value;
};

/* Of the @n bytes of names at @raw, those that are ACLs, or the others. */
static errint_t copy_those(struct copier *c, const char *raw, ssize_t n, bool acls)
{
	for (const char *at = raw; at < raw + n; at += strlen(at) + 1) {
		errint_t err;

		if (has_prefix(at, "system.posix_acl_") != acls)
			continue;
		if (!c->value)
			c->value = malloc(LAMINA_XATTR_MAX);
		if (!c->value)
			return -ENOMEM;
		err = copy_one(c->u, c->layer, c->from, c->to, at, c->value);
		if (err < 0)
			return err;
	}
	return 0;
}

errint_t lamina_xattr_copy(const struct lamina_union *u, unsigned int layer, int from, int to)
{
	struct copier copier = {.u = u, .layer = layer, .from = from, .to = to};
	_cleanup_free_ char *raw = NULL;
	ssize_t n = list_all(from, &raw);
	errint_t err;

	if (n < 0)
		return n == -EOPNOTSUPP ? 0 : (errint_t)n;
	err = copy_those(&copier, raw, n, false);
	/* An ACL is a mode as well, and may forbid the daemon to set any other attribute. */
	if (err == 0)
		err = copy_those(&copier, raw, n, true);
	free(copier.value);
	return err;
}
