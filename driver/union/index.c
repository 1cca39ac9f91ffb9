// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Origins of upper objects and the index of hard links.
 */
#include "union/index.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/limits.h"
#include "union/xattr.h"

#define ORIGIN_XATTR "origin"
#define IMPURE_XATTR "impure"
#define ORIGIN_SIZE  (LAMINA_KEY_SIZE + 64)

errint_t lamina_origin_read_at(const struct lamina_union *u, int dirfd, const char *name,
			       const struct statx *self, struct lamina_origin *ret)
{
	char xattr[LAMINA_XATTR_NAME_SIZE];
	struct lamina_origin origin = {0};
	char value[ORIGIN_SIZE];
	uint64_t owner;
	ssize_t n;
	int fields;

	if (!lamina_xattr_own(u, ORIGIN_XATTR, xattr))
		return 0;
	n = lamina_xattr_get_at(dirfd, name, xattr, value, sizeof(value) - 1);
	if (n < 0)
		return lamina_xattr_absent(n) ? 0 : (errint_t)n;
	value[n] = '\0';
	fields = sscanf(value, "%" SCNu64 " %" SCNu64 " %u %223s", &origin.ino, &owner,
			&origin.nlink, origin.key);
	if ((fields != 2 && fields != 4) || owner != self->stx_ino)
		return 0;
	*ret = origin;
	return 1;
}

errint_t lamina_origin_write(const struct lamina_union *u, int fd,
			     const struct lamina_origin *origin)
{
	char xattr[LAMINA_XATTR_NAME_SIZE];
	char value[ORIGIN_SIZE];
	struct stat self;
	errint_t err;
	int length;

	if (!lamina_xattr_own(u, ORIGIN_XATTR, xattr))
		return 0;
	if (fstat(fd, &self) < 0)
		return -errno;
	length = snprintf(value, sizeof(value), "%" PRIu64 " %" PRIu64, origin->ino,
			  (uint64_t)self.st_ino);
	if (origin->key[0])
		length += snprintf(value + length, sizeof(value) - (size_t)length, " %u %s",
				   origin->nlink, origin->key);
	err = lamina_xattr_set_fd(fd, xattr, value, (size_t)length, 0);
	return lamina_xattr_absent(err) ? 0 : err;
}

errint_t lamina_origin_mark_parent(const struct lamina_union *u, int fd)
{
	char xattr[LAMINA_XATTR_NAME_SIZE];
	errint_t err;

	if (!lamina_xattr_own(u, IMPURE_XATTR, xattr))
		return 0;
	err = lamina_xattr_set_fd(fd, xattr, "y", 1, 0);
	return lamina_xattr_absent(err) ? 0 : err;
}

errint_t lamina_index_key(const struct lamina_union *u, unsigned int layer, int dirfd,
			  const char *name, const struct statx *st, char key[LAMINA_KEY_SIZE])
{
	union {
		struct file_handle handle;
		char room[sizeof(struct file_handle) + LAMINA_HANDLE_MAX];
	} h = {.handle.handle_bytes = LAMINA_HANDLE_MAX};
	const struct lamina_layer *l = &u->layers[layer];
	int mount_id, length;

	if (name_to_handle_at(dirfd, name, &h.handle, &mount_id, 0) < 0) {
		if (errno != EOPNOTSUPP && errno != EOVERFLOW)
			return -errno;
		/* No handles here: the layer never changes, so its numbers are not used again. */
		snprintf(key, LAMINA_KEY_SIZE, "l%u-%" PRIx64, u->n_layers - layer,
			 (uint64_t)st->stx_ino);
		return 0;
	}
	length = snprintf(key, LAMINA_KEY_SIZE, "%u-%x-", l->dev_nr, h.handle.handle_type);
	for (unsigned int i = 0; i < h.handle.handle_bytes; i++)
		length += snprintf(key + length, LAMINA_KEY_SIZE - (size_t)length, "%02x",
				   h.handle.f_handle[i]);
	return 0;
}

errint_t lamina_index_open(const struct lamina_union *u, const char *key)
{
	if (!atomic_load(&u->index_used))
		return -ENOENT;
	return lamina_fd_open_name(u->index_fd, key, O_PATH);
}

errint_t lamina_index_add(struct lamina_union *u, const char *key, int fd)
{
	char path[LAMINA_FD_PATH_SIZE];

	lamina_fd_path(path, fd);
	if (linkat(AT_FDCWD, path, u->index_fd, key, AT_SYMLINK_FOLLOW) < 0)
		return -errno;
	atomic_store(&u->index_used, true);
	return 0;
}

static void count_name(const char *key, char name[LAMINA_KEY_SIZE + 8], const char *suffix)
{
	snprintf(name, LAMINA_KEY_SIZE + 8, "%s.%s", key, suffix);
}

errint_t lamina_index_covered(const struct lamina_union *u, const char *key)
{
	char name[LAMINA_KEY_SIZE + 8];
	char value[16];
	ssize_t n;

	if (!atomic_load(&u->index_used))
		return 0;
	count_name(key, name, "n");
	n = readlinkat(u->index_fd, name, value, sizeof(value) - 1);
	if (n < 0)
		return errno == ENOENT ? 0 : -errno;
	value[n] = '\0';
	return (errint_t)strtol(value, NULL, 10);
}

errint_t lamina_index_cover(struct lamina_union *u, const char *key)
{
	char name[LAMINA_KEY_SIZE + 8], fresh[LAMINA_KEY_SIZE + 8];
	errint_t count = lamina_index_covered(u, key);
	char value[16];

	if (count < 0)
		return count;
	snprintf(value, sizeof(value), "%d", count + 1);
	count_name(key, name, "n");
	count_name(key, fresh, "new");
	if (symlinkat(value, u->index_fd, fresh) < 0) {
		/* One that a crash left; nobody else works on this key. */
		if (errno != EEXIST || unlinkat(u->index_fd, fresh, 0) < 0 ||
		    symlinkat(value, u->index_fd, fresh) < 0)
			return -errno;
	}
	if (renameat(u->index_fd, fresh, u->index_fd, name) < 0)
		return -errno;
	atomic_store(&u->index_used, true);
	return 0;
}

void lamina_index_drop(const struct lamina_union *u, const char *key)
{
	char name[LAMINA_KEY_SIZE + 8];

	/* What stays behind is found by nobody: no lower name is left that leads to it. */
	unlinkat(u->index_fd, key, 0);
	count_name(key, name, "n");
	unlinkat(u->index_fd, name, 0);
}

errint_t lamina_index_nlink(const struct lamina_union *u, const char *key, unsigned int lower_nlink,
			    unsigned int upper_nlink)
{
	errint_t covered = lamina_index_covered(u, key);
	long nlink;

	if (covered < 0)
		return covered;
	nlink = (long)lower_nlink - covered + (upper_nlink > 0 ? (long)upper_nlink - 1 : 0);
	return nlink > 0 ? (errint_t)nlink : 0;
}
