/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Removing files from the work directory that no request waits for. Removing a file may wait for the
 * upper's file system, and the threads that learn that one can go must not wait with it: the kernel
 * forgets thousands of files at a time. A thread of its own removes them; it is started for the first.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>

#include "union/union.h"

struct reaper_entry;

struct reaper {
	const struct lamina_union *u;
	pthread_mutex_t lock; /* of all below; no other lock is taken under it */
	pthread_cond_t changed;
	struct reaper_entry *first;
	pthread_t thread;
	bool running, ending;
};

void reaper_init(struct reaper *r, const struct lamina_union *u);

/* Have @name removed from the work directory. Any thread, also under locks: never waits. */
void reaper_add(struct reaper *r, const char *name);

/* Wait until all have been removed, and end; no name is added any more. */
void reaper_done(struct reaper *r);

/* As above, unless that was done, and free what the reaper has. */
void reaper_free(struct reaper *r);
