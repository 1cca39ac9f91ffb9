// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A child makes the namespace, its parent writes the mapping and keeps the namespace when the child
 * goes.
 */
#include "view/userns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/limits.h"

/* "DISK SHOWN COUNT\n" with numbers of ten digits. */
#define LINE_SIZE 34

static errint_t format_map(const struct lamina_idmap *map, char **ret)
{
	char *text, *at;

	if (!map || map->n == 0)
		return asprintf(ret, "0 0 %u\n", UINT32_MAX) < 0 ? -ENOMEM : 0;
	text = at = malloc(map->n * LINE_SIZE + 1);
	if (!text)
		return -ENOMEM;
	for (size_t i = 0; i < map->n; i++)
		at += snprintf(at, LINE_SIZE, "%u %u %u\n", map->ranges[i].disk,
			       map->ranges[i].shown, map->ranges[i].count);
	*ret = text;
	return 0;
}

static errint_t write_map(pid_t child, const char *name, const struct lamina_idmap *map)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_fd_ int fd = -1;
	char path[64];
	errint_t err = format_map(map, &text);

	if (err < 0)
		return err;
	snprintf(path, sizeof(path), "/proc/%d/%s", (int)child, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	return write(fd, text, strlen(text)) < 0 ? -errno : 0;
}

static errint_t map_and_open(pid_t child, const struct lamina_idmap *uids,
			     const struct lamina_idmap *gids)
{
	char path[64];
	errint_t err = write_map(child, "uid_map", uids);
	int fd;

	if (err == 0)
		err = write_map(child, "gid_map", gids);
	if (err < 0)
		return err;
	snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)child);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* In the child: make the namespace, say so, and stay until the parent has seen it. */
static void __attribute__((__noreturn__)) live(int ready)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (unshare(CLONE_NEWUSER) < 0 || write(ready, "", 1) < 0)
		_exit(EXIT_FAILURE);
	for (;;)
		pause();
}

errint_t view_userns_open(const struct lamina_idmap *uids, const struct lamina_idmap *gids)
{
	_cleanup_fd_ int ours = -1;
	errint_t result;
	int ends[2];
	pid_t child;
	char byte;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	ours = ends[0];
	child = fork();
	if (child == 0)
		live(ends[1]);
	result = child < 0 ? -errno : 0;
	close(ends[1]);
	if (child < 0)
		return result;
	result = read(ours, &byte, 1) == 1 ? map_and_open(child, uids, gids) : -EPERM;
	kill(child, SIGKILL);
	while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
		;
	return result;
}
