/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading a ring that a filter writes without a lock: event n is in slot n % slots and has the turn
 * n + 1, in its first 64 bits, once it is complete. Old events are overwritten, so nobody holds the
 * filter up; what was missed is counted. Any number of readers, each with its own struct.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lamina_turns {
	const uint64_t *head; /* events that were begun */
	const void *events;
	uint64_t slots;	  /* a power of two */
	size_t size;	  /* of an event */
	uint64_t next;	  /* the event to be read */
	uint64_t missing; /* one more than the event that wasn't there */
	uint64_t lost;
};

/* Begin with what comes, or with what is still there. */
void lamina_turns_begin(struct lamina_turns *turns, bool from_oldest);

/* The next event, copied to @ret of the size of one. Returns false if there is none now. */
bool lamina_turns_next(struct lamina_turns *turns, void *ret);

/* How many events were begun. */
static inline uint64_t lamina_turns_head(const struct lamina_turns *turns)
{
	return __atomic_load_n(turns->head, __ATOMIC_ACQUIRE);
}
