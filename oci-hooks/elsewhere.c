// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Finding the mount namespace of a mount: the one whose id its record has (mount/record.h). Where there is no
 * record, or the kernel has no such ids (before Linux 6.11), it is one in which the mount is, and it is the mount's
 * answer that decides.
 *
 * A process that is in the namespace leads there. Only those of root and of this user are looked at, so other users
 * can neither be in the way nor lead anywhere. Nothing is opened by a path in another namespace: the mount that
 * is meant is open already.
 */
#include "elsewhere.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "base/mntns.h"
#include "mount/record.h"
#include "mount/table.h"

/*
 * How many namespaces are tried where only the mount leads to them. Containers of root can make any number of
 * them with their own mount in it, and then keep no container from starting but those on that mount.
 */
#define NAMESPACES_MAX 64

struct search {
	int proc, own, cwd; /* /proc, and where to come back to */
	dev_t dev;	    /* of the mount */
	uint64_t id;	    /* of the namespace; 0: not known */
	ino_t tried[NAMESPACES_MAX];
	size_t n;
	ino_t without; /* one that does not have the mount, or this process's own */
	errint_t (*function)(void *user);
	void *user;
};

/* Whether process @pid is of root or of this user. */
static bool is_of_ours(const struct search *s, const char *pid)
{
	struct stat st;

	return fstatat(s->proc, pid, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       (st.st_uid == 0 || st.st_uid == geteuid());
}

static bool find_dev(void *user, const struct lamina_table_entry *entry)
{
	dev_t *dev = user;

	if (entry->dev != *dev)
		return true;
	*dev = 0;
	return false;
}

static bool has_mount(const struct search *s, const char *pid)
{
	char path[sizeof("/proc//mountinfo") + NAME_MAX];
	dev_t dev = s->dev;

	snprintf(path, sizeof(path), "/proc/%s/mountinfo", pid);
	return lamina_table_each(path, find_dev, &dev) == 0 && dev == 0;
}

static bool was_tried(const struct search *s, ino_t ino)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->tried[i] == ino)
			return true;
	return false;
}

/* Whether the namespace @fd, of process @pid, may be the one, and was not tried yet. */
static bool is_candidate(struct search *s, const char *pid, int fd)
{
	struct stat st;
	uint64_t id;

	if (s->id)
		return lamina_mntns_id(fd, &id) == 0 && id == s->id;
	if (fstat(fd, &st) < 0 || st.st_ino == s->without || was_tried(s, st.st_ino))
		return false;
	if (s->n == NAMESPACES_MAX || !has_mount(s, pid)) {
		s->without = st.st_ino;
		return false;
	}
	s->tried[s->n++] = st.st_ino;
	return true;
}

/* Returns what the function returned in the namespace @fd; or -errno: there is no way back. */
static errint_t call_in(const struct search *s, int fd)
{
	errint_t err = setns(fd, CLONE_NEWNS) < 0 ? -ENOTTY : s->function(s->user);

	if (setns(s->own, CLONE_NEWNS) < 0 || fchdir(s->cwd) < 0)
		return err < 0 && err != -ENOTTY ? err : -errno;
	return err;
}

/* Returns what the function returned, or -ENOTTY if it was not called. */
static errint_t try_process(struct search *s, const char *pid)
{
	_cleanup_fd_ int fd = -1;
	char path[sizeof("/ns/mnt") + NAME_MAX];

	if (!is_of_ours(s, pid))
		return -ENOTTY;
	snprintf(path, sizeof(path), "%s/ns/mnt", pid);
	fd = openat(s->proc, path, O_RDONLY | O_CLOEXEC);
	return fd >= 0 && is_candidate(s, pid, fd) ? call_in(s, fd) : -ENOTTY;
}

static errint_t try_all(struct search *s, DIR *dir)
{
	errint_t err = -ENOTTY;
	const struct dirent *entry;

	while (err == -ENOTTY && (entry = readdir(dir)))
		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9')
			err = try_process(s, entry->d_name);
	return err;
}

/* The id of the namespace of the mount @dev, as it was written down; 0: it is not known. */
static uint64_t recorded_id(dev_t dev)
{
	struct lamina_record record = {0};
	uint64_t id;

	if (lamina_record_read(dev, &record) < 0)
		return 0;
	id = record.mntns;
	lamina_record_done(&record);
	return id;
}

errint_t hook_try_elsewhere(dev_t dev, errint_t (*function)(void *user), void *user)
{
	_cleanup_dir_ DIR *dir = opendir("/proc");
	_cleanup_fd_ int own = -1, cwd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct stat st;

	own = dir ? openat(dirfd(dir), "self/ns/mnt", O_RDONLY | O_CLOEXEC) : -1;
	if (own < 0 || cwd < 0 || fstat(own, &st) < 0)
		return -ENOTTY;

	struct search s = {
		.proc = dirfd(dir),
		.own = own,
		.cwd = cwd,
		.dev = dev,
		.id = recorded_id(dev),
		.without = st.st_ino,
		.function = function,
		.user = user,
	};

	return try_all(&s, dir);
}
