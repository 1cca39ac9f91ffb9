/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Admission of requests that change the file system. Such a request may have to wait for long: for
 * the upper's file system (frozen, full, slow, remote), or for another change of the same object. So
 * only a part of the threads may be at work on changes at a time; the rest of them stays for requests
 * that only read. A change beyond that waits in a queue, without a thread.
 *
 * The queue is bounded by the memory of the requests in it (LAMINA_MAX_WAITING_BYTES). A change for
 * which there is no room takes a thread, as it is kept waiting nowhere else.
 *
 * All functions may be called by any thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A request that waited, as it was read. */
struct wire_waiting {
	struct wire_waiting *next;
	uint64_t unique;
	size_t size;
	char bytes[]; /* aligned as malloc() aligns */
};

struct wire_admission;

/* NULL without memory. */
struct wire_admission *wire_admission_new(void);

/* Frees what still waits as well. */
void wire_admission_free(struct wire_admission *a);

/*
 * The change @unique, @size bytes at @bytes, is about to be served. Returns true: serve it, and call
 * wire_admission_leave() afterwards; false: a copy of it waits.
 */
bool wire_admission_enter(struct wire_admission *a, uint64_t unique, const void *bytes,
			  size_t size);

/*
 * A change has been served. Returns the next one that waits, for free(), which takes the place of the
 * one that was served: call this again after it; NULL: there is none.
 */
struct wire_waiting *wire_admission_leave(struct wire_admission *a);

/* Take the change @unique out of the queue. Returns whether it waited there. */
bool wire_admission_cancel(struct wire_admission *a, uint64_t unique);
