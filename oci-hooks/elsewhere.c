// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Whoever names itself as a mount program does is tried. That gives nothing away: the mount that is
 * meant is open already, and it is the one who answers; nothing is opened by a path meanwhile.
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

/* How many are tried: there is one for all of a user's containers, and one for each build. */
#define NAMESPACES_MAX 64

struct search {
	int proc;
	ino_t seen[NAMESPACES_MAX];
	size_t n;
	errint_t (*function)(void *user);
	void *user;
};

static void close_dir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

static bool is_mount_program(int proc, const char *pid)
{
	char path[300], comm[32];
	_cleanup_fd_ int fd = -1;
	ssize_t n;

	snprintf(path, sizeof(path), "%s/comm", pid);
	fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, comm, sizeof(comm) - 1);
	comm[n > 0 ? n - 1 : 0] = '\0';
	return !strcmp(comm, "lamina-mount") || !strcmp(comm, "fuse-overlayfs");
}

/* The namespace of process @pid, if it was not tried yet. Returns an fd, or -errno. */
static errint_t open_namespace(struct search *s, const char *pid)
{
	_cleanup_fd_ int fd = -1;
	char path[300];
	struct stat st;

	snprintf(path, sizeof(path), "%s/ns/mnt", pid);
	fd = openat(s->proc, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	for (size_t i = 0; i < s->n; i++)
		if (s->seen[i] == st.st_ino)
			return -EEXIST;
	if (s->n == NAMESPACES_MAX)
		return -EUSERS;
	s->seen[s->n++] = st.st_ino;
	return TAKE_FD(fd);
}

static errint_t try_one(struct search *s, const char *pid)
{
	_cleanup_fd_ int fd = open_namespace(s, pid);

	if (fd < 0 || setns(fd, CLONE_NEWNS) < 0)
		return -ENOTTY;
	return s->function(s->user);
}

errint_t hook_try_elsewhere(errint_t (*function)(void *user), void *user)
{
	_cleanup_(close_dir) DIR *dir = opendir("/proc");
	struct search s = {.proc = dir ? dirfd(dir) : -1, .function = function, .user = user};
	_cleanup_fd_ int own = dir ? open_namespace(&s, "self") : -1;
	_cleanup_fd_ int cwd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	errint_t err = -ENOTTY;
	struct dirent *entry;

	if (own < 0 || cwd < 0)
		return err;
	while (err == -ENOTTY && (entry = readdir(dir)))
		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' &&
		    is_mount_program(s.proc, entry->d_name))
			err = try_one(&s, entry->d_name);
	/* Back, where the paths are that we know. */
	if (setns(own, CLONE_NEWNS) < 0 || fchdir(cwd) < 0)
		return err < 0 && err != -ENOTTY ? err : -errno;
	return err;
}
