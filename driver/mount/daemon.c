// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The daemon and its helper, and the words that they exchange: one byte each way.
 */
#include "mount/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/calls.h"
#include "base/cleanup.h"

enum word { ATTACH = 'a', READY = 'r' };

void lamina_daemon_close_inherited(void)
{
	lamina_call_close_from(STDERR_FILENO + 1);
}

errint_t lamina_daemon_no_process(struct lamina_error *error, errint_t err, const char *what)
{
	return lamina_error_set(error, err, "cannot %s%s", what,
				err == -EAGAIN ? "; this user may have no more processes "
						 "(ulimit -u, or the cgroup's pids.max)"
					       : "");
}

/* The status of a daemon that has ended without being ready. */
static int status_of(pid_t daemon)
{
	int status = 0;

	while (waitpid(daemon, &status, 0) < 0)
		if (errno != EINTR)
			return EXIT_FAILURE;
	return WIFEXITED(status) && WEXITSTATUS(status) ? WEXITSTATUS(status) : EXIT_FAILURE;
}

/* @daemon: the child to wait for if it ends early; 0: it is the parent. */
static void __attribute__((__noreturn__)) help(int socket, pid_t daemon,
					       errint_t (*attach)(void *user), void *user)
{
	char word;

	while (recv(socket, &word, sizeof(word), 0) == sizeof(word)) {
		errint_t err;

		if (word == READY)
			_exit(EXIT_SUCCESS);
		err = attach ? attach(user) : 0;
		if (send(socket, &err, sizeof(err), MSG_NOSIGNAL) < 0)
			break;
	}
	_exit(daemon > 0 ? status_of(daemon) : EXIT_FAILURE);
}

errint_t lamina_daemon_fork(struct lamina_daemon *ret, bool foreground,
			    errint_t (*attach)(void *user), void *user)
{
	_cleanup_fd_ int null = -1, ours = -1, theirs = -1;
	int ends[2];
	pid_t child;

	if (!foreground) {
		null = open("/dev/null", O_RDWR | O_CLOEXEC);
		if (null < 0)
			return -errno;
	}
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	ours = ends[0];
	theirs = ends[1];
	child = fork();
	if (child < 0)
		return -errno;
	/* In the foreground the child is the helper, else the parent is. */
	if ((child == 0) == foreground) {
		lamina_cleanup_fd(&ours);
		help(theirs, child, attach, user);
	}
	*ret = (struct lamina_daemon){TAKE_FD(ours), child, TAKE_FD(null)};
	if (!foreground)
		setsid();
	return 0;
}

errint_t lamina_daemon_attach(struct lamina_daemon *d)
{
	const char word = ATTACH;
	errint_t err;

	if (send(d->helper, &word, sizeof(word), MSG_NOSIGNAL) < 0)
		return -errno;
	if (recv(d->helper, &err, sizeof(err), 0) != sizeof(err))
		return -EPIPE;
	return err;
}

errint_t lamina_daemon_ready(struct lamina_daemon *d)
{
	_cleanup_fd_ int helper = d->helper, null = d->null;
	const char word = READY;

	d->helper = d->null = -1;
	for (int fd = STDIN_FILENO; null >= 0 && fd <= STDERR_FILENO; fd++)
		if (dup2(null, fd) < 0)
			return -errno;
	/* A caller that is gone already has no use for the word. */
	if (helper >= 0 && send(helper, &word, sizeof(word), MSG_NOSIGNAL) < 0 && errno != EPIPE)
		return -errno;
	while (d->child > 0 && waitpid(d->child, NULL, 0) < 0 && errno == EINTR)
		;
	d->child = 0;
	return 0;
}
