// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Counts and queues. `lock` guards all of them; no other lock is taken under it.
 */
#include "wire/admission.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"

struct queue {
	struct wire_waiting *first, **end;
	size_t bytes;
};

struct wire_admission {
	pthread_mutex_t lock;
	unsigned int at_work[WIRE_QUEUES];
	struct queue queues[WIRE_QUEUES];
	uint64_t waited; /* number of requests that were put into a queue */
};

struct wire_admission *wire_admission_new(void)
{
	struct wire_admission *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	pthread_mutex_init(&a->lock, NULL);
	for (unsigned int i = 0; i < WIRE_QUEUES; i++)
		a->queues[i].end = &a->queues[i].first;
	return a;
}

void wire_admission_free(struct wire_admission *a)
{
	if (!a)
		return;
	for (unsigned int i = 0; i < WIRE_QUEUES; i++)
		while (a->queues[i].first) {
			struct wire_waiting *w = a->queues[i].first;

			a->queues[i].first = w->next;
			free(w);
		}
	pthread_mutex_destroy(&a->lock);
	free(a);
}

/* The next six: under `lock`. */

static bool has_thread(const struct wire_admission *a)
{
	return a->at_work[WIRE_READS] + a->at_work[WIRE_CHANGES] <
	       LAMINA_MAX_THREADS - LAMINA_CONTROL_THREADS;
}

static bool may_begin(const struct wire_admission *a, enum wire_class class)
{
	unsigned int changes = a->at_work[WIRE_CHANGES] + a->at_work[WIRE_WRITE_BACK];

	return has_thread(a) && (class == WIRE_READS || changes < LAMINA_MAX_CHANGES);
}

static size_t room(enum wire_class class)
{
	return class == WIRE_WRITE_BACK ? (size_t)LAMINA_MAX_BACKGROUND * LAMINA_MAX_REQUEST
					: LAMINA_MAX_WAITING_BYTES;
}

/* Returns false if there is no room. */
static bool put_in(struct wire_admission *a, enum wire_class class, uint64_t unique,
		   const void *bytes, size_t size)
{
	struct queue *queue = &a->queues[class];
	struct wire_waiting *w;

	if (queue->bytes + size > room(class))
		return false;
	w = malloc(sizeof(*w) + size);
	if (!w)
		return false;
	*w = (struct wire_waiting){
		.unique = unique, .number = a->waited++, .class = class, .size = size};
	memcpy(w->bytes, bytes, size);
	*queue->end = w;
	queue->end = &w->next;
	queue->bytes += size;
	return true;
}

/* Take the element that @at points to out of its queue. */
static struct wire_waiting *take_out(struct wire_admission *a, struct wire_waiting **at)
{
	struct wire_waiting *w = *at;
	struct queue *queue = &a->queues[w->class];

	*at = w->next;
	if (queue->end == &w->next)
		queue->end = at;
	queue->bytes -= w->size;
	return w;
}

/* The one that waits longest of those that may begin, or NULL. */
static struct wire_waiting **next_to_begin(struct wire_admission *a)
{
	struct wire_waiting **next = NULL;

	for (enum wire_class class = 0; class < WIRE_QUEUES; class ++) {
		struct wire_waiting **first = &a->queues[class].first;

		if (*first && may_begin(a, class) && (!next || (*first)->number < (*next)->number))
			next = first;
	}
	return next;
}

enum wire_admitted wire_admission_enter(struct wire_admission *a, enum wire_class class,
					uint64_t unique, const void *bytes, size_t size)
{
	enum wire_admitted admitted = WIRE_SERVE;

	pthread_mutex_lock(&a->lock);
	/* None overtakes those of its class that wait. */
	if (a->queues[class].first || !may_begin(a, class)) {
		if (put_in(a, class, unique, bytes, size))
			admitted = WIRE_WAITS;
		else if (!may_begin(a, class))
			admitted = WIRE_NO_ROOM;
	}
	a->at_work[class] += admitted == WIRE_SERVE;
	pthread_mutex_unlock(&a->lock);
	return admitted;
}

struct wire_waiting *wire_admission_leave(struct wire_admission *a, enum wire_class class)
{
	struct wire_waiting **at, *next = NULL;

	pthread_mutex_lock(&a->lock);
	a->at_work[class]--;
	at = next_to_begin(a);
	if (at) {
		next = take_out(a, at);
		a->at_work[next->class]++;
	}
	pthread_mutex_unlock(&a->lock);
	return next;
}

bool wire_admission_cancel(struct wire_admission *a, uint64_t unique)
{
	struct wire_waiting *found = NULL;

	pthread_mutex_lock(&a->lock);
	for (unsigned int i = 0; i < WIRE_QUEUES && !found; i++) {
		struct wire_waiting **at = &a->queues[i].first;

		while (*at && (*at)->unique != unique)
			at = &(*at)->next;
		if (*at)
			found = take_out(a, at);
	}
	pthread_mutex_unlock(&a->lock);
	free(found);
	return found;
}
