// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Admission of requests: how many are served at a time, and which come next.
 */
#include <stdlib.h>

#include "base/limits.h"
#include "tap.h"
#include "wire/admission.h"

static char bytes[1 << 20];

static bool enter(struct wire_admission *a, uint64_t unique, size_t size)
{
	bytes[0] = (char)unique;
	return wire_admission_enter(a, WIRE_CHANGES, unique, bytes, size) == WIRE_SERVE;
}

static enum wire_admitted enter_read(struct wire_admission *a, uint64_t unique, size_t size)
{
	bytes[0] = (char)unique;
	return wire_admission_enter(a, WIRE_READS, unique, bytes, size);
}

/* The number of the next request that waits, or 0. One of @class was served. */
static uint64_t leave_class(struct wire_admission *a, enum wire_class class)
{
	struct wire_waiting *w = wire_admission_leave(a, class);
	uint64_t unique = w ? w->unique : 0;

	if (w)
		ok(w->bytes[0] == (char)unique, "request %llu is what was read",
		   (unsigned long long)unique);
	free(w);
	return unique;
}

static uint64_t leave(struct wire_admission *a)
{
	return leave_class(a, WIRE_CHANGES);
}

static void test_limit(void)
{
	struct wire_admission *a = wire_admission_new();
	unsigned int served = 0;

	while (enter(a, served + 1, 100))
		served++;
	same_number(served, LAMINA_MAX_CHANGES, "so many changes are served at a time");
	ok(!enter(a, 101, 100) && !enter(a, 102, 100), "more of them wait");
	same_number((long long)leave(a), LAMINA_MAX_CHANGES + 1, "the first that waits comes next");
	same_number((long long)leave(a), 101, "then the second");
	ok(!enter(a, 103, 100), "a new one does not overtake those that wait");
	same_number((long long)leave(a), 102, "the third");
	same_number((long long)leave(a), 103, "and the new one");
	same_number((long long)leave(a), 0, "no other waits");
	ok(enter(a, 104, 100), "the place that was left is taken again");
	ok(!enter(a, 105, 100), "and there is only one");
	wire_admission_free(a); /* with one that waits */
}

static void test_cancel(void)
{
	struct wire_admission *a = wire_admission_new();

	for (unsigned int i = 1; i <= LAMINA_MAX_CHANGES; i++)
		enter(a, i, 100);
	for (uint64_t i = 101; i <= 104; i++)
		enter(a, i, 100);
	ok(!wire_admission_cancel(a, 1), "one that is served is not taken out");
	ok(wire_admission_cancel(a, 102), "one in the middle is taken out");
	ok(wire_admission_cancel(a, 104), "the last one is");
	ok(!wire_admission_cancel(a, 104), "but once");
	enter(a, 105, 100);
	ok(wire_admission_cancel(a, 101), "the first one is");
	same_number((long long)leave(a), 103, "what is left comes in its order");
	same_number((long long)leave(a), 105, "what came after a removal at the end, too");
	same_number((long long)leave(a), 0, "and no more");
	wire_admission_free(a);
}

static void test_room(void)
{
	struct wire_admission *a = wire_admission_new();
	struct wire_waiting *next;
	unsigned int waiting = 0;

	for (unsigned int i = 1; i <= LAMINA_MAX_CHANGES; i++)
		enter(a, i, 100);
	while (wire_admission_enter(a, WIRE_CHANGES, 200 + waiting, bytes, sizeof(bytes)) ==
	       WIRE_WAITS)
		waiting++;
	same_number(waiting, LAMINA_MAX_WAITING_BYTES / sizeof(bytes), "the queue is bounded");
	same_number(wire_admission_enter(a, WIRE_CHANGES, 1000, bytes, sizeof(bytes)), WIRE_NO_ROOM,
		    "a change beyond it fails");
	same_number(enter_read(a, 1001, 100), WIRE_SERVE, "and takes no thread from a read");
	for (waiting = 0; waiting < LAMINA_MAX_BACKGROUND; waiting++)
		if (wire_admission_enter(a, WIRE_WRITE_BACK, 2000 + waiting, bytes,
					 sizeof(bytes)) != WIRE_WAITS)
			break;
	same_number(waiting, LAMINA_MAX_BACKGROUND, "all that is written back waits all the same");
	next = wire_admission_leave(a, WIRE_CHANGES);
	ok(next && next->unique == 200, "behind what came before");
	free(next);
	wire_admission_free(a);
}

#define MAX_AT_WORK (LAMINA_MAX_THREADS - LAMINA_CONTROL_THREADS)

static void test_reserve(void)
{
	struct wire_admission *a = wire_admission_new();
	unsigned int served = 0, waiting = 0;

	while (enter_read(a, served + 1, 100) == WIRE_SERVE)
		served++;
	same_number(served, MAX_AT_WORK, "reads leave threads to the control path");
	ok(!enter(a, 101, 100), "then a change waits as well, though none is at work");
	same_number(enter_read(a, 102, 100), WIRE_WAITS, "and another read");
	same_number((long long)leave_class(a, WIRE_READS), MAX_AT_WORK + 1,
		    "the first comes first");
	same_number((long long)leave_class(a, WIRE_READS), 101,
		    "then the change, which came second");
	same_number((long long)leave(a), 102, "then the second read");
	while (enter_read(a, 200 + waiting, sizeof(bytes)) == WIRE_WAITS)
		waiting++;
	same_number(waiting, LAMINA_MAX_WAITING_BYTES / sizeof(bytes), "the queue is bounded");
	same_number(enter_read(a, 300, sizeof(bytes)), WIRE_NO_ROOM, "a read beyond it fails");
	same_number(wire_admission_enter(a, WIRE_CHANGES, 301, bytes, sizeof(bytes)), WIRE_WAITS,
		    "changes have a queue of their own");
	wire_admission_free(a);
}

/* Changes at their limit keep no read waiting, nor do they use up what is left. */
static void test_both(void)
{
	struct wire_admission *a = wire_admission_new();
	unsigned int served = 0;

	for (unsigned int i = 1; i <= LAMINA_MAX_CHANGES; i++)
		enter(a, i, 100);
	ok(!enter(a, 101, 100), "a change beyond the limit waits");
	while (enter_read(a, 200 + served, 100) == WIRE_SERVE)
		served++;
	same_number(served, MAX_AT_WORK - LAMINA_MAX_CHANGES, "the other threads read");
	same_number((long long)leave_class(a, WIRE_READS), 200 + served,
		    "a read that waits comes before a change that may not begin");
	same_number((long long)leave_class(a, WIRE_READS), 0, "no other may begin");
	same_number((long long)leave(a), 101, "a change takes the place of a change");
	wire_admission_free(a);
}

int main(void)
{
	test_reserve();
	test_both();
	test_limit();
	test_cancel();
	test_room();
	return tap_done();
}
