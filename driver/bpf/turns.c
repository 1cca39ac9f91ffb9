// SPDX-License-Identifier: GPL-2.0-or-later
#include "bpf/turns.h"

#include <string.h>

void lamina_turns_begin(struct lamina_turns *turns, bool from_oldest)
{
	uint64_t head = lamina_turns_head(turns);

	turns->missing = 0;
	turns->lost = 0;
	turns->next = head;
	if (from_oldest)
		turns->next = head > turns->slots ? head - turns->slots : 0;
}

/* Returns false if it isn't there. */
static bool read_event(const struct lamina_turns *turns, void *ret)
{
	const char *slot =
		(const char *)turns->events + (turns->next & (turns->slots - 1)) * turns->size;
	const uint64_t *turn = (const uint64_t *)slot;

	if (__atomic_load_n(turn, __ATOMIC_ACQUIRE) != turns->next + 1)
		return false;
	memcpy(ret, slot, turns->size);
	/* It may have been overwritten meanwhile. */
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return __atomic_load_n(turn, __ATOMIC_RELAXED) == turns->next + 1;
}

/*
 * An event that isn't there may be in the making; if it isn't there the next time either, it never
 * comes.
 */
bool lamina_turns_next(struct lamina_turns *turns, void *ret)
{
	uint64_t head = lamina_turns_head(turns);

	if (head - turns->next > turns->slots) {
		turns->lost += head - turns->next - turns->slots;
		turns->next = head - turns->slots;
	}
	for (; turns->next != head; turns->next++) {
		if (read_event(turns, ret)) {
			turns->next++;
			return true;
		}
		if (turns->missing != turns->next + 1) {
			turns->missing = turns->next + 1;
			return false;
		}
		turns->lost++;
	}
	return false;
}
