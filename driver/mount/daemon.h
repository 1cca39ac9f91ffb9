/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Becoming a daemon whose parent leaves only when there is something to leave behind: with status
 * 0 when the mount answers, with the daemon's own status when it failed.
 */
#pragma once

#include "base/errint.h"

struct lamina_daemon {
	int ready_fd; /* written when ready; -1 in the foreground */
};

/* Close every fd above stderr: a caller's pipes and files are none of our business. */
void lamina_daemon_close_inherited(void);

/*
 * Fork. The parent never returns: it waits and exits. The child goes on in a session of its own,
 * with the caller's stderr until lamina_daemon_ready(). Returns 0 in the child, or -errno.
 */
errint_t lamina_daemon_fork(struct lamina_daemon *ret);

/*
 * Let go of the caller: working directory and standard streams first, since callers wait for the
 * end of stderr, then tell the parent. In the foreground nothing happens.
 */
errint_t lamina_daemon_ready(struct lamina_daemon *d);
