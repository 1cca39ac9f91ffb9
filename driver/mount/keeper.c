// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One child at a time. A server that dies at once would die again at once: the pause before the next
 * one grows with each that did not live long.
 */
#include "mount/keeper.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/errint.h"
#include "base/limits.h"

struct keeper {
	const struct lamina_keeper_ops *ops;
	void *user;
	int signals;
	pid_t server;
	bool stopping; /* somebody asked for the end */
	char name[16]; /* of servers, among processes */
};

static long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static errint_t start(struct keeper *k, bool again)
{
	pid_t child = fork();

	if (child == 0) {
		lamina_cleanup_fd(&k->signals);
		prctl(PR_SET_NAME, k->name);
		_exit(k->ops->serve(k->user, again));
	}
	if (child < 0)
		return -errno;
	k->server = child;
	k->ops->started(k->user, child);
	return 0;
}

/* Take the signals that have come: what is for the server goes there. */
static void take_signals(struct keeper *k)
{
	struct signalfd_siginfo info;

	while (read(k->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo != SIGTERM && info.ssi_signo != SIGINT)
			continue;
		k->stopping = true;
		if (k->server > 0)
			kill(k->server, (int)info.ssi_signo);
	}
}

/* Wait until the server has ended. Returns what waitpid() tells of it. */
static int wait_for_server(struct keeper *k)
{
	struct pollfd ready = {.fd = k->signals, .events = POLLIN};
	int status = 0;

	while (waitpid(k->server, &status, WNOHANG) == 0) {
		if (poll(&ready, 1, -1) < 0 && errno != EINTR)
			return 0;
		take_signals(k);
	}
	k->server = 0;
	return status;
}

/* A pause that a signal to end cuts short. */
static void wait_a_while(struct keeper *k, long ms)
{
	struct pollfd ready = {.fd = k->signals, .events = POLLIN};
	long end = now_ms() + ms;

	while (!k->stopping && now_ms() < end)
		if (poll(&ready, 1, (int)(end - now_ms())) > 0)
			take_signals(k);
}

static int keep(struct keeper *k)
{
	long pause = 0, since;

	for (bool again = false;; again = true) {
		int status;

		since = now_ms();
		if (start(k, again) < 0)
			return EXIT_FAILURE;
		status = wait_for_server(k);
		if (!WIFSIGNALED(status) || k->stopping)
			return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE;
		pause = now_ms() - since > LAMINA_SERVER_YOUNG_MS ? 0 : 2 * pause + 10;
		if (pause > LAMINA_SERVER_PAUSE_MS)
			pause = LAMINA_SERVER_PAUSE_MS;
		wait_a_while(k, pause);
		if (k->stopping)
			return EXIT_FAILURE;
	}
}

int lamina_keeper_run(const struct lamina_keeper_ops *ops, void *user)
{
	struct keeper k = {.ops = ops, .user = user};
	sigset_t set;
	int status;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	k.signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (k.signals < 0)
		return EXIT_FAILURE;
	prctl(PR_GET_NAME, k.name);
	prctl(PR_SET_NAME, LAMINA_KEEPER_NAME);
	status = keep(&k);
	close(k.signals);
	return status;
}
