// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Cloning mounts. Runs before the mount exists, in one thread.
 */
#include "union/clone.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/calls.h"
#include "base/fd.h"
#include "base/limits.h"

/* @atime: MOUNT_ATTR_* of access times; @flags: others. Returns the clone's fd or -errno. */
static errint_t clone_mount(int fd, uint64_t flags, uint64_t atime)
{
	struct mount_attr attr = {
		.attr_set = flags | atime,
		.attr_clr = MOUNT_ATTR__ATIME | MOUNT_ATTR_NODIRATIME,
		.propagation = MS_PRIVATE,
	};
	int clone = open_tree(fd, "",
			      AT_EMPTY_PATH | OPEN_TREE_CLONE | (unsigned int)OPEN_TREE_CLOEXEC);

	if (clone < 0)
		return -errno;
	if (mount_setattr(clone, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0) {
		/* A user namespace may not change how access times are kept. */
		attr.attr_set = flags;
		attr.attr_clr = 0;
		(void)mount_setattr(clone, "", AT_EMPTY_PATH, &attr, sizeof(attr));
	}
	return clone;
}

void lamina_clone_lower(struct lamina_layer *layer)
{
	errint_t clone = clone_mount(layer->fd, MOUNT_ATTR_RDONLY, MOUNT_ATTR_NOATIME);

	if (clone < 0)
		return;
	close(layer->fd);
	layer->fd = clone;
}

/* ---- the upper ---- */

/* A directory and those above it, up to the root of its mount. */
struct way {
	int fds[LAMINA_MAX_WAY]; /* the directory itself first */
	struct stat st[LAMINA_MAX_WAY];
	unsigned int n;
};

static void way_done(struct way *way)
{
	for (unsigned int i = 0; i < way->n; i++)
		close(way->fds[i]);
	way->n = 0;
}

static bool same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

static errint_t walk_up(int fd, struct way *way)
{
	errint_t mount = lamina_call_mount_id(fd);
	int at = openat(fd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);

	way->n = 0;
	while (at >= 0 && mount >= 0 && way->n < LAMINA_MAX_WAY) {
		unsigned int i = way->n++;

		way->fds[i] = at;
		if (fstat(at, &way->st[i]) < 0)
			return -errno;
		if (lamina_call_mount_id(at) != mount ||
		    (i > 0 && same(&way->st[i], &way->st[i - 1]))) {
			close(way->fds[--way->n]);
			return 0;
		}
		at = openat(at, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (at < 0)
			return errno == EACCES ? 0 : -errno; /* it is as far as we can look */
	}
	if (at >= 0)
		close(at);
	return mount < 0 ? mount : -ELOOP;
}

/* How far below @above the directory of @way lies; -1: it does not. */
static int depth_below(const struct way *way, const struct stat *above)
{
	for (unsigned int i = 0; i < way->n; i++)
		if (same(&way->st[i], above))
			return (int)i;
	return -1;
}

/* The last @depth components of the path by which the kernel knows @fd. */
static errint_t path_below(int fd, int depth, char path[PATH_MAX])
{
	char link[LAMINA_FD_PATH_SIZE];
	ssize_t n;
	char *at;

	lamina_fd_path(link, fd);
	n = readlink(link, path, PATH_MAX - 1);
	if (n < 0)
		return -errno;
	path[n] = '\0';
	at = path + n;
	while (depth > 0 && at > path)
		depth -= *--at == '/';
	if (depth > 0)
		return -ENOENT;
	memmove(path, *at ? at + 1 : at, strlen(*at ? at + 1 : at) + 1);
	return 0;
}

/* Open in @clone, of the directory @depth above @fd, what @fd is. Names could have changed: compare. */
static errint_t find_in_clone(int clone, int fd, int depth, int flags)
{
	_cleanup_free_ char *path = malloc(PATH_MAX);
	_cleanup_fd_ int found = -1;
	struct stat st, found_st;
	errint_t err;

	if (!path)
		return -ENOMEM;
	err = path_below(fd, depth, path);
	if (err < 0)
		return err;
	found = lamina_fd_open_beneath(clone, path, flags | O_DIRECTORY);
	if (found < 0)
		return found;
	if (fstat(fd, &st) < 0 || fstat(found, &found_st) < 0)
		return -errno;
	return same(&st, &found_st) ? TAKE_FD(found) : -ESTALE;
}

static void replace(int *fd, int *by)
{
	close(*fd);
	*fd = TAKE_FD(*by);
}

/* All or none of them. */
static void move_to_clone(struct lamina_union *u, int clone, int upper_depth, int work_depth)
{
	_cleanup_fd_ int upper = find_in_clone(clone, u->layers[0].fd, upper_depth, O_PATH);
	_cleanup_fd_ int work = find_in_clone(clone, u->work_fd, work_depth, O_RDONLY);
	/* The index lies beside the work directory. */
	_cleanup_fd_ int index = find_in_clone(clone, u->index_fd, work_depth, O_RDONLY);

	if (upper < 0 || work < 0 || index < 0)
		return;
	replace(&u->layers[0].fd, &upper);
	replace(&u->work_fd, &work);
	replace(&u->index_fd, &index);
}

static void clone_common(struct lamina_union *u, const struct way *upper, const struct way *work)
{
	for (unsigned int i = 0; i < upper->n; i++) {
		int depth = depth_below(work, &upper->st[i]);
		_cleanup_fd_ int clone = -1;

		if (depth < 0)
			continue;
		clone = clone_mount(upper->fds[i], 0, u->atime);
		if (clone >= 0)
			move_to_clone(u, clone, (int)i, depth);
		return;
	}
}

void lamina_clone_upper(struct lamina_union *u)
{
	_cleanup_free_ struct way *ways = calloc(2, sizeof(*ways));

	if (!ways)
		return;
	if (walk_up(u->layers[0].fd, &ways[0]) == 0 && walk_up(u->work_fd, &ways[1]) == 0)
		clone_common(u, &ways[0], &ways[1]);
	way_done(&ways[0]);
	way_done(&ways[1]);
}
