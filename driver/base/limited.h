/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Work that the kernel may hold up for as long as someone else likes, with a limit: a child process does it, and is
 * left behind when the time is over. A thread would not do, since a process ends with all its threads.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/errint.h"

/* Memory of @size bytes, zeroed, that children write to for their parent. NULL: there is none. */
void *lamina_limited_alloc(size_t size);
void lamina_limited_free(void *memory, size_t size);

/* A child at work. */
struct lamina_limited {
	pid_t pid;
	int result; /* a pipe: its result comes by it */
	bool ended;
};

/*
 * Start @work(@user). The child has nothing open but /dev/null as its standard streams, and the @n fds @keep (-1: none),
 * so that nothing waits for its end. Returns 0 or -errno.
 */
errint_t lamina_limited_start(struct lamina_limited *ret, errint_t (*work)(void *user), void *user,
			      const int *keep, size_t n);

/*
 * Wait for it for @ms milliseconds at most. Returns what the work returned, -EIO if it has been killed, or -ETIME: it is
 * still at work; then this may be called again.
 */
errint_t lamina_limited_wait(struct lamina_limited *child, long ms);

/* Let go of it, at work or not. */
void lamina_limited_leave(struct lamina_limited *child);

/* Milliseconds of a clock that is never set. */
long lamina_limited_now(void);
