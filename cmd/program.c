// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * lamina-mount as a process: going into the background, signals, and what it writes down of itself.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "mount/isolate.h"
#include "mount/record.h"
#include "program.h"

errint_t program_catch_signals(struct program *p, struct lamina_error *error)
{
	sigset_t set;

	if (p->signals >= 0)
		return 0;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return lamina_error_set(error, -errno, "cannot block signals");
	p->signals = signalfd(-1, &set, SFD_CLOEXEC);
	return p->signals < 0 ? lamina_error_set(error, -errno, "cannot catch signals") : 0;
}

void program_serve(struct program *p)
{
	struct pollfd fds[2] = {
		{.fd = wire_session_ended_fd(p->session), .events = POLLIN},
		{.fd = p->signals, .events = POLLIN},
	};
	bool detached = false;

	for (;;) {
		struct signalfd_siginfo info;

		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return;
		if (fds[0].revents)
			return;
		if (!(fds[1].revents & POLLIN) || read(p->signals, &info, sizeof(info)) < 0)
			continue;
		if (info.ssi_signo == SIGHUP && !p->options.foreground)
			continue;
		if (detached)
			_exit(EXIT_FAILURE);
		lamina_mount_detach(&p->mount);
		detached = true;
	}
}

static errint_t attach(void *user)
{
	return lamina_mount_attach(user);
}

errint_t program_fork(struct program *p, struct lamina_error *error)
{
	errint_t err;

	lamina_cleanup_fd(&p->start); /* all that was to be opened from there is open */
	err = lamina_daemon_fork(&p->daemon, p->options.foreground, attach, &p->mount);
	if (err < 0)
		return lamina_daemon_no_process(error, err, "start the daemon");
	return lamina_isolate(&p->mount.mntns, error);
}

errint_t program_attach(struct program *p, struct lamina_error *error)
{
	errint_t err;

	lamina_mount_identify(&p->mount);
	err = lamina_daemon_attach(&p->daemon);
	if (err < 0)
		return lamina_error_set(error, err, "cannot mount on '%s'", p->mount.target);
	lamina_mount_attached(&p->mount);
	return 0;
}

errint_t program_ready(struct program *p, struct lamina_error *error)
{
	errint_t err = lamina_daemon_ready(&p->daemon);

	return err < 0 ? lamina_error_set(error, err, "cannot detach from the caller") : 0;
}

void program_record(const struct program *p, const char *engine, pid_t server, pid_t keeper)
{
	_cleanup_free_ char *name = strdup(engine);
	struct lamina_record record = {
		.engine = name,
		.target = p->mount.target,
		.options = p->restated,
		.server = server,
		.keeper = keeper,
		.mntns = p->mntns,
	};

	if (p->mount.dev == 0)
		return;
	if (strcmp(engine, "bpf") != 0 && p->not_bpf.text[0])
		record.why = (char *)(uintptr_t)p->not_bpf.text;
	/* Where it cannot be written, nobody can read it either. */
	(void)lamina_record_write(p->mount.dev, &record);
}
