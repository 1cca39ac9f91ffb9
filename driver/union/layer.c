// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Single layers. Runs before the mount exists, in one thread.
 */
#include "union/layer.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/calls.h"
#include "base/fd.h"
#include "union/attr.h"
#include "union/key.h"
#include "union/override.h"
#include "union/whiteout.h"

/* File systems that linux/magic.h of Debian 12 does not name. */
#define LAMINA_BCACHEFS_MAGIC 0xca451a4e
#define LAMINA_ZFS_MAGIC      0x2fc12fc1
#define LAMINA_EROFS_MAGIC    0xe0f5e1e2

/* Whether getdents() gives the numbers that stat() gives: not so on stacked and network ones. */
static bool lists_real_numbers(unsigned long type)
{
	switch (type) {
	case EXT4_SUPER_MAGIC:
	case XFS_SUPER_MAGIC:
	case BTRFS_SUPER_MAGIC:
	case TMPFS_MAGIC:
	case F2FS_SUPER_MAGIC:
	case SQUASHFS_MAGIC:
	case LAMINA_EROFS_MAGIC:
	case LAMINA_BCACHEFS_MAGIC:
	case LAMINA_ZFS_MAGIC:
		return true;
	default:
		return false;
	}
}

/* The number by which the file system of @fd is known; 0: it does not say. */
static unsigned long file_system_of(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) < 0 ? 0 : (unsigned long)fs.f_type;
}

errint_t lamina_layer_open(struct lamina_layer *ret, int at, const char *path, const char *what,
			   struct lamina_error *error)
{
	struct lamina_layer layer = {0};
	_cleanup_fd_ int fd = openat(at, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	unsigned long type;
	struct statx st;
	errint_t err;

	if (fd < 0)
		return lamina_error_set(error, -errno, "cannot open the %s '%s'", what, path);
	err = lamina_call_access(fd, ".", R_OK | X_OK, AT_EACCESS);
	if (err < 0)
		return lamina_error_set(error, err, "cannot read the %s '%s'", what, path);
	err = lamina_call_statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &st);
	if (err < 0)
		return lamina_error_set(error, err, "cannot stat the %s '%s'", what, path);
	err = lamina_override_detect(fd);
	if (err < 0)
		return lamina_error_set(error, err, "cannot read the attributes of the %s '%s'",
					what, path);
	layer.override = (enum lamina_override)err;
	layer.dev = lamina_statx_dev(&st);
	type = file_system_of(fd);
	layer.fuse = type == FUSE_SUPER_MAGIC;
	layer.numbers_made_up = layer.fuse && lamina_key_numbers_made_up(fd);
	layer.d_ino_real = lists_real_numbers(type);
	layer.xwhiteouts = lamina_whiteouts_marked(fd);
	layer.path = strdup(path);
	if (!layer.path)
		return lamina_error_set(error, -ENOMEM, "cannot open the %s '%s'", what, path);
	layer.fd = TAKE_FD(fd);
	*ret = layer;
	return 0;
}

void lamina_layer_close(struct lamina_layer *layer)
{
	lamina_cleanup_fd(&layer->fd);
	free(layer->path);
	layer->path = NULL;
}

/* A directory's identity: it is held open, so its number is not used for another. */
struct identity {
	dev_t dev;
	ino_t ino;
	const struct lamina_root *root;
};

static int by_identity(const void *a, const void *b)
{
	const struct identity *x = a, *y = b;

	if (x->dev != y->dev)
		return x->dev < y->dev ? -1 : 1;
	return x->ino < y->ino ? -1 : x->ino > y->ino;
}

static errint_t identify(int fd, struct identity *ret)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	ret->dev = st.st_dev;
	ret->ino = st.st_ino;
	return 0;
}

static errint_t refuse(const struct lamina_root *inner, const struct lamina_root *outer, bool same,
		       struct lamina_error *error)
{
	return lamina_error_say(error, -ELOOP, "the %s '%s' %s the %s '%s'; they must not overlap",
				inner->what, inner->path, same ? "is also" : "lies inside",
				outer->what, outer->path);
}

/* Go up from @root to the top of its tree and see whether another root lies on the way. */
static errint_t check_ancestors(const struct lamina_root *root, const struct identity *ids,
				size_t n, struct lamina_error *error)
{
	_cleanup_fd_ int at = lamina_fd_open_beneath(root->fd, "", O_PATH | O_DIRECTORY);
	struct identity id = {0}, above;
	errint_t err = at < 0 ? at : identify(at, &id);

	while (err == 0) {
		_cleanup_fd_ int up = openat(at, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
		const struct identity *found;

		if (up < 0)
			return errno == EACCES ? 0 : -errno; /* nothing of ours lies up there */
		err = identify(up, &above);
		if (err < 0 || by_identity(&id, &above) == 0)
			return err;
		found = bsearch(&above, ids, n, sizeof(*ids), by_identity);
		if (found)
			return refuse(root, found->root, false, error);
		id = above;
		lamina_cleanup_fd(&at);
		at = TAKE_FD(up);
	}
	return err;
}

errint_t lamina_layers_check_overlap(const struct lamina_root *roots, size_t n,
				     struct lamina_error *error)
{
	_cleanup_free_ struct identity *ids = calloc(n, sizeof(*ids));
	errint_t err = ids ? 0 : -ENOMEM;

	for (size_t i = 0; i < n && err == 0; i++) {
		err = identify(roots[i].fd, &ids[i]);
		ids[i].root = &roots[i];
	}
	if (err == 0)
		qsort(ids, n, sizeof(*ids), by_identity);
	for (size_t i = 1; i < n && err == 0; i++)
		if (by_identity(&ids[i - 1], &ids[i]) == 0)
			return refuse(ids[i].root, ids[i - 1].root, true, error);
	for (size_t i = 0; i < n && err == 0; i++)
		err = check_ancestors(&roots[i], ids, n, error);
	if (err < 0 && !error->text[0])
		lamina_error_set(error, err, "cannot compare the layers");
	return err;
}
