/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Becoming a daemon whose caller is told when there is something to leave behind: with status 0 when
 * the mount answers, with the daemon's own status when it failed.
 *
 * The *helper* is a process that stays where the caller called: in its mount namespace, in which the
 * daemon itself may not stay. It makes the mount visible there, when the daemon answers. In the
 * background the helper is the process that the caller waits for; in the foreground it is a child.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"

struct lamina_daemon {
	int helper;  /* a socket to it; -1: there is none, or no more */
	pid_t child; /* it, as a child to be waited for; 0: it is the parent */
	int null;    /* /dev/null, for the standard streams; -1 in the foreground */
};

/* Close every fd above stderr: a caller's pipes and files are none of our business. */
void lamina_daemon_close_inherited(void);

/*
 * Set @error for the error @err of fork(2) or of making a thread while doing @what ("start the
 * daemon"). Returns @err.
 */
errint_t lamina_daemon_no_process(struct lamina_error *error, errint_t err, const char *what);

/*
 * Fork. The helper never returns from here; its part of attaching the mount is @attach(@user), NULL:
 * there is nothing to attach. In the background the daemon goes on in a session of its own. Returns 0
 * in the daemon, or -errno.
 */
errint_t lamina_daemon_fork(struct lamina_daemon *ret, bool foreground,
			    errint_t (*attach)(void *user), void *user);

/* Have the helper attach the mount. Returns what its @attach returned. */
errint_t lamina_daemon_attach(struct lamina_daemon *d);

/*
 * Let go of the caller: standard streams first in the background, since callers wait for the end of
 * stderr, then tell the helper, which exits with status 0.
 */
errint_t lamina_daemon_ready(struct lamina_daemon *d);
