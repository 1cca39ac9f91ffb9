// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Inherited properties of the process. One thread, at the start.
 */
#include "mount/inherited.h"

#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/fd.h"

/*
 * Limits that are about one process's own work. The daemon does that of all processes that use the
 * mount: its CPU time, the size of files that it writes, its memory and descriptors are theirs.
 */
static const int limits[] = {
	RLIMIT_CPU,   RLIMIT_FSIZE, RLIMIT_AS,	   RLIMIT_DATA,	  RLIMIT_RSS,
	RLIMIT_STACK, RLIMIT_NPROC, RLIMIT_NOFILE, RLIMIT_RTTIME,
};

/* To no limit at all where that is permitted, else to the hard one. */
static void raise_limits(void)
{
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		struct rlimit limit;
		struct rlimit none = {RLIM_INFINITY, RLIM_INFINITY};

		if (getrlimit((__rlimit_resource_t)limits[i], &limit) < 0)
			continue;
		/* There is no unlimited number of descriptors; the hard limit is the administrator's. */
		if (limits[i] != RLIMIT_NOFILE && limit.rlim_max != RLIM_INFINITY &&
		    setrlimit((__rlimit_resource_t)limits[i], &none) == 0)
			continue;
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit((__rlimit_resource_t)limits[i], &limit);
	}
}

/*
 * The C library keeps some signals to itself, for its threads, and refuses to tell or change what is
 * done on them; a caller with another library may have ignored them all the same.
 */
static void reset_reserved_signals(void)
{
	static const unsigned long
		by_default[8]; /* a kernel's struct sigaction: SIG_DFL, no flags */

	for (int number = SIGSYS + 1; number < SIGRTMIN; number++)
		(void)syscall(SYS_rt_sigaction, number, by_default, NULL, (NSIG - 1) / 8);
}

/*
 * Signals are handled as by default, and none is blocked. What nohup(1) or a shell's background job
 * ignores stays ignored. A write beyond a hard RLIMIT_FSIZE is EFBIG, and not the end of the mount.
 */
static void reset_signals(void)
{
	sigset_t none;

	for (int number = 1; number < NSIG; number++) {
		struct sigaction action;

		if (number == SIGHUP || number == SIGINT || number == SIGKILL || number == SIGSTOP)
			continue;
		if (sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN)
			signal(number, SIG_DFL);
	}
	reset_reserved_signals();
	signal(SIGXFSZ, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* alarm(2) and its kin go on over exec. */
static void stop_timers(void)
{
	static const struct itimerval none;

	(void)setitimer(ITIMER_REAL, &none, NULL);
	(void)setitimer(ITIMER_VIRTUAL, &none, NULL);
	(void)setitimer(ITIMER_PROF, &none, NULL);
}

/* A realtime daemon could starve the machine for a container. */
static void leave_realtime(void)
{
	static const struct sched_param normal;
	int policy = sched_getscheduler(0);

	if (policy >= 0)
		policy &= ~SCHED_RESET_ON_FORK;
	if (policy == SCHED_FIFO || policy == SCHED_RR)
		(void)sched_setscheduler(0, SCHED_OTHER, &normal);
}

/*
 * A caller that must not be killed when memory is short does not make its containers' daemons so,
 * whose memory grows with what containers do.
 */
static void leave_oom_protection(void)
{
	_cleanup_fd_ int fd = open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);
	char text[16];
	ssize_t n = fd < 0 ? -1 : pread(fd, text, sizeof(text) - 1, 0);

	if (n <= 0)
		return;
	text[n] = '\0';
	if (strtol(text, NULL, 10) < 0 && pwrite(fd, "0", 1, 0) < 0)
		return; /* nothing to be done about it */
}

void lamina_inherited_reset(void)
{
	lamina_fd_open_standard();
	reset_signals();
	stop_timers();
	raise_limits();
	umask(0077);
	(void)personality(PER_LINUX);
	leave_realtime();
	leave_oom_protection();
}
