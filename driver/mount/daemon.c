// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Forking into the background.
 */
#include "mount/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/calls.h"
#include "base/cleanup.h"

void lamina_daemon_close_inherited(void)
{
	lamina_call_close_from(STDERR_FILENO + 1);
}

/* Wait for the daemon's word, or its end. */
static void __attribute__((__noreturn__)) wait_and_exit(int ready_fd, pid_t child)
{
	int status;
	char word;

	if (read(ready_fd, &word, 1) == 1)
		_exit(EXIT_SUCCESS);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	_exit(WIFEXITED(status) && WEXITSTATUS(status) ? WEXITSTATUS(status) : EXIT_FAILURE);
}

errint_t lamina_daemon_fork(struct lamina_daemon *ret)
{
	int ends[2];
	pid_t child;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	child = fork();
	if (child < 0) {
		errint_t err = -errno;

		close(ends[0]);
		close(ends[1]);
		return err;
	}
	if (child > 0) {
		close(ends[1]);
		wait_and_exit(ends[0], child);
	}
	close(ends[0]);
	ret->ready_fd = ends[1];
	setsid();
	return 0;
}

errint_t lamina_daemon_ready(struct lamina_daemon *d)
{
	_cleanup_fd_ int ready_fd = d->ready_fd;
	_cleanup_fd_ int null = -1;

	d->ready_fd = -1;
	if (ready_fd < 0)
		return 0;
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0 || chdir("/") < 0)
		return -errno;
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (dup2(null, fd) < 0)
			return -errno;
	/* A parent that is gone already has no use for the word. */
	return write(ready_fd, "", 1) < 0 && errno != EPIPE ? -errno : 0;
}
