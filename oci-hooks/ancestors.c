// SPDX-License-Identifier: GPL-2.0-or-later
#include "ancestors.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

/* The parent of @pid; 0: it has none that can be seen. */
static pid_t parent_of(pid_t pid)
{
	_cleanup_file_ FILE *file = NULL;
	char path[64], line[256];
	pid_t parent = 0;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "PPid: %d", &parent) == 1)
			break;
	return parent;
}

static int open_namespace(pid_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/mnt", pid);
	return open(path, O_RDONLY | O_CLOEXEC);
}

errint_t hook_enter_ancestor(pid_t *at)
{
	_cleanup_fd_ int own = open_namespace(getpid());
	struct stat ours, theirs;

	if (own < 0 || fstat(own, &ours) < 0)
		return -errno;
	for (pid_t pid = parent_of(*at); pid > 0; pid = parent_of(pid)) {
		_cleanup_fd_ int other = open_namespace(pid);

		*at = pid;
		if (other < 0 || fstat(other, &theirs) < 0 || theirs.st_ino == ours.st_ino)
			continue;
		return setns(other, CLONE_NEWNS) < 0 ? -errno : 0;
	}
	return -ESRCH;
}
