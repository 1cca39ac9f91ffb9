/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The keeper: a process that starts the server of a view, waits for it, and starts it again when it
 * was killed. It holds what servers work on (layers, the lock on the upper) and nothing of the mount:
 * a server that ends by itself tells that there is nothing left to serve.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#define LAMINA_KEEPER_NAME "lamina-keeper"

struct lamina_keeper_ops {
	/*
	 * In a process of its own: serve until there is nothing left to serve, and return the exit
	 * status. @again: one before was killed.
	 */
	int (*serve)(void *user, bool again);
	/* In the keeper: a server was started, as process @pid. */
	void (*started)(void *user, pid_t pid);
};

/*
 * Become the keeper. SIGTERM and SIGINT, which must be blocked, are passed on to the server. Returns
 * the exit status of the last server.
 */
int lamina_keeper_run(const struct lamina_keeper_ops *ops, void *user);
