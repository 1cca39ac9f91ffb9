// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Looking at callers through /proc. No state but what is found at the start.
 */
#include "guard/caller.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "base/mntns.h"
#include "base/proc.h"

#define PROC_PATH_SIZE 64

static errint_t read_link(int proc, const char *path, char *ret, size_t size)
{
	ssize_t n = readlinkat(proc, path, ret, size - 1);

	if (n < 0)
		return -errno;
	ret[n] = '\0';
	return 0;
}

errint_t lamina_callers_init(struct lamina_callers *c)
{
	_cleanup_fd_ int proc = lamina_proc_open(".", O_RDONLY | O_DIRECTORY);
	char self[16];
	errint_t err;

	*c = (struct lamina_callers){.proc = -1};
	if (proc < 0)
		return proc;
	/* The numbers in requests are those of our pid namespace: a /proc of another one lies. */
	err = read_link(proc, "self", self, sizeof(self));
	if (err == 0 && strtol(self, NULL, 10) != (long)getpid())
		err = -ESRCH;
	if (err == 0)
		err = read_link(proc, "self/ns/mnt", c->own, sizeof(c->own));
	if (err < 0)
		return err;
	if (lamina_mntns_own(&c->id) < 0)
		c->id = 0;
	c->proc = TAKE_FD(proc);
	return 0;
}

void lamina_callers_done(struct lamina_callers *c)
{
	lamina_cleanup_fd(&c->proc);
}

/*
 * The number in the link tells most callers apart. But it is the next namespace's when that of the
 * mount has ended, which this process is not in: then only the id tells.
 */
bool lamina_caller_is_bound(const struct lamina_callers *c, pid_t pid)
{
	char path[PROC_PATH_SIZE], ns[sizeof(c->own)];
	_cleanup_fd_ int fd = -1;
	uint64_t id;

	if (pid <= 0 || c->proc < 0)
		return true;
	snprintf(path, sizeof(path), "%d/ns/mnt", pid);
	if (read_link(c->proc, path, ns, sizeof(ns)) < 0 || strcmp(ns, c->own) != 0)
		return true;
	if (c->id == 0)
		return false;
	fd = openat(c->proc, path, O_RDONLY | O_CLOEXEC);
	return fd < 0 || lamina_mntns_id(fd, &id) < 0 || id != c->id;
}

/* Whether opening @fd again gives no access to anything that has a name. */
static bool is_nameless(int fd)
{
	struct statfs fs;
	struct stat st;

	if (fstat(fd, &st) < 0 || fstatfs(fd, &fs) < 0)
		return false;
	if (S_ISFIFO(st.st_mode))
		return fs.f_type == PIPEFS_MAGIC;
	return S_ISREG(st.st_mode) && st.st_nlink == 0;
}

errint_t lamina_caller_open(const struct lamina_callers *c, pid_t pid, int fd, int flags)
{
	_cleanup_fd_ int found = -1;
	char path[PROC_PATH_SIZE];

	if (pid <= 0 || c->proc < 0)
		return -EACCES;
	if (fd < 0)
		return -EBADF;
	snprintf(path, sizeof(path), "%d/fd/%d", pid, fd);
	found = openat(c->proc, path, O_PATH | O_CLOEXEC);
	if (found < 0)
		return errno == ENOENT ? -EBADF : -errno;
	return is_nameless(found) ? lamina_fd_reopen(found, flags) : -EINVAL;
}

void lamina_caller_comm(const struct lamina_callers *c, pid_t pid, char *ret, size_t size)
{
	char path[PROC_PATH_SIZE];
	_cleanup_fd_ int fd = -1;
	ssize_t n;

	snprintf(path, sizeof(path), "%d/comm", pid);
	fd = pid > 0 && c->proc >= 0 ? openat(c->proc, path, O_RDONLY | O_CLOEXEC) : -1;
	n = fd < 0 ? 0 : read(fd, ret, size - 1);
	ret[n > 0 ? n : 0] = '\0';
	ret[strcspn(ret, "\n")] = '\0';
}

void lamina_caller_exe(const struct lamina_callers *c, pid_t pid, char *ret, size_t size)
{
	char path[PROC_PATH_SIZE];

	snprintf(path, sizeof(path), "%d/exe", pid);
	if (pid <= 0 || c->proc < 0 || read_link(c->proc, path, ret, size) < 0)
		*ret = '\0';
}

/* /proc/self/ns/user of the first user namespace, as the kernel numbers it. */
#define INITIAL_USERNS "user:[4026531837]"

/* Whether @line lists @gid: "Groups:\t1000 2000 \n". */
static bool lists_group(const char *line, gid_t gid)
{
	char *end;

	for (;;) {
		unsigned long group = strtoul(line, &end, 10);

		if (end == line)
			return false;
		if (group == gid)
			return true;
		line = end;
	}
}

/* The text behind @key at the start of @line, or NULL. */
static const char *value_of(const char *line, const char *key)
{
	size_t length = strlen(key);

	return strncmp(line, key, length) ? NULL : line + length;
}

void lamina_caller_look(const struct lamina_callers *c, pid_t pid, gid_t gid,
			unsigned int capability, struct lamina_caller_rights *ret)
{
	char path[PROC_PATH_SIZE], ns[sizeof(INITIAL_USERNS) + 1];
	_cleanup_file_ FILE *status = NULL;
	_cleanup_free_ char *line = NULL;
	size_t size = 0;
	int fd;

	*ret = (struct lamina_caller_rights){0};
	if (pid <= 0 || c->proc < 0)
		return;
	snprintf(path, sizeof(path), "%d/status", pid);
	fd = openat(c->proc, path, O_RDONLY | O_CLOEXEC);
	status = fd < 0 ? NULL : fdopen(fd, "r");
	if (!status) {
		if (fd >= 0)
			close(fd);
		return;
	}
	/* A process may be in 65,536 groups: the line is as long as it has to be. */
	while (getline(&line, &size, status) > 0) {
		const char *groups = value_of(line, "Groups:"), *set = value_of(line, "CapEff:");

		if (groups)
			ret->in_group = lists_group(groups, gid);
		if (set)
			ret->has_capability = strtoull(set, NULL, 16) >> capability & 1;
	}
	snprintf(path, sizeof(path), "%d/ns/user", pid);
	ret->is_initial =
		read_link(c->proc, path, ns, sizeof(ns)) == 0 && !strcmp(ns, INITIAL_USERNS);
}
