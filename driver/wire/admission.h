/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Admission of requests. A request may have to wait for long: for a layer's file system (stuck, slow,
 * remote), for the upper's (frozen, full), or for another change of the same object. So only a part of
 * the threads may be at work on changes at a time, and a few threads are never at work on anything but
 * the control path. A request beyond that waits in a queue, without a thread. Of those that may begin,
 * the one that came first does.
 *
 * Each queue is bounded by the memory of the requests in it (LAMINA_MAX_WAITING_BYTES). A request for
 * which there is no room fails: no thread is taken from those that read. The queue of what is written
 * back has room for all that the kernel sends at a time (LAMINA_MAX_BACKGROUND).
 *
 * All functions may be called by any thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum wire_class {
	WIRE_READS,   /* may wait for a layer */
	WIRE_CHANGES, /* may wait for the upper as well, or for another change */
	/* A change as well: cached pages, which nobody writes again; the kernel bounds what it sends of them. */
	WIRE_WRITE_BACK,
	WIRE_QUEUES,
	WIRE_CONTROL = WIRE_QUEUES, /* is served at once; the session's own requests are as well */
};

enum wire_admitted {
	WIRE_SERVE,   /* now; wire_admission_leave() has to follow */
	WIRE_WAITS,   /* a copy of the request waits */
	WIRE_NO_ROOM, /* neither is possible; it fails */
};

/* A request that waited, as it was read. */
struct wire_waiting {
	struct wire_waiting *next;
	uint64_t unique;
	uint64_t number; /* of its arrival */
	enum wire_class class;
	size_t size;
	char bytes[]; /* aligned as malloc() aligns */
};

struct wire_admission;

/* NULL without memory. */
struct wire_admission *wire_admission_new(void);

/* Frees what still waits as well. */
void wire_admission_free(struct wire_admission *a);

/* The request @unique, @size bytes at @bytes, is about to be served. @class: not WIRE_CONTROL. */
enum wire_admitted wire_admission_enter(struct wire_admission *a, enum wire_class class,
					uint64_t unique, const void *bytes, size_t size);

/*
 * A request of @class has been served. Returns the next one that waits, for free(), which takes the
 * place of the one that was served: call this again after it; NULL: none may be served now.
 */
struct wire_waiting *wire_admission_leave(struct wire_admission *a, enum wire_class class);

/* Take the request @unique out of the queue. Returns whether it waited there. */
bool wire_admission_cancel(struct wire_admission *a, uint64_t unique);
