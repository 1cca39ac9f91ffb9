/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who listens to a mount: pipes of other processes, which a thread of its own fills. A listener that
 * does not read loses lines, and never holds anybody up; one that has gone is noticed and dropped.
 *
 * The owner's lock guards everything here and is held when `next` and `gone` are called. The thread is
 * started for the first listener.
 */
#pragma once

#include <pthread.h>

#include "base/errint.h"
#include "guard/ring.h"

struct lamina_listener {
	struct lamina_listener *next_listener;
	int fd;
	/* Append what comes next to @text. Returns false if there is nothing. */
	bool (*next)(void *user, struct lamina_listener *listener, struct lamina_text *text);
	/* The listener has gone; may be NULL. */
	void (*gone)(void *user);
	struct lamina_ring_reader reader; /* for `next` */
	struct lamina_text pending;
	size_t sent; /* of `pending` */
	bool ending; /* to be dropped when there is nothing more to send */
};

struct lamina_listeners {
	pthread_mutex_t *lock;
	void *user;
	struct lamina_listener *first;
	unsigned int n;
	pthread_t thread;
	bool running, ending;
	int wake; /* an eventfd */
};

void lamina_listeners_init(struct lamina_listeners *l, pthread_mutex_t *lock, void *user);

/* Wait until all that there is has been read, but not for long, and end. Without the lock. */
void lamina_listeners_done(struct lamina_listeners *l);

/*
 * Add a copy of @listener, whose fd, which does not block, is taken over, also with an error. Under the
 * lock. -EUSERS: there are too many.
 */
errint_t lamina_listeners_add(struct lamina_listeners *l, const struct lamina_listener *listener);

/* There is something new to read. Under the lock. */
void lamina_listeners_wake(struct lamina_listeners *l);
