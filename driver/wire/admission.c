// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A count and a queue. `lock` guards both; no other lock is taken under it.
 */
#include "wire/admission.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"

struct wire_admission {
	pthread_mutex_t lock;
	unsigned int running;
	struct wire_waiting *first, **end;
	size_t bytes; /* of all that wait */
};

struct wire_admission *wire_admission_new(void)
{
	struct wire_admission *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	pthread_mutex_init(&a->lock, NULL);
	a->end = &a->first;
	return a;
}

void wire_admission_free(struct wire_admission *a)
{
	if (!a)
		return;
	while (a->first) {
		struct wire_waiting *w = a->first;

		a->first = w->next;
		free(w);
	}
	pthread_mutex_destroy(&a->lock);
	free(a);
}

/* Under `lock`. Returns false if there is no room. */
static bool queue(struct wire_admission *a, uint64_t unique, const void *bytes, size_t size)
{
	struct wire_waiting *w;

	if (a->bytes + size > LAMINA_MAX_WAITING_BYTES)
		return false;
	w = malloc(sizeof(*w) + size);
	if (!w)
		return false;
	*w = (struct wire_waiting){.unique = unique, .size = size};
	memcpy(w->bytes, bytes, size);
	*a->end = w;
	a->end = &w->next;
	a->bytes += size;
	return true;
}

/* Take the element that @at points to out of the queue. Under `lock`. */
static struct wire_waiting *take_out(struct wire_admission *a, struct wire_waiting **at)
{
	struct wire_waiting *w = *at;

	*at = w->next;
	if (a->end == &w->next)
		a->end = at;
	a->bytes -= w->size;
	return w;
}

bool wire_admission_enter(struct wire_admission *a, uint64_t unique, const void *bytes, size_t size)
{
	bool enter;

	pthread_mutex_lock(&a->lock);
	enter = a->running < LAMINA_MAX_CHANGES || !queue(a, unique, bytes, size);
	a->running += enter;
	pthread_mutex_unlock(&a->lock);
	return enter;
}

struct wire_waiting *wire_admission_leave(struct wire_admission *a)
{
	struct wire_waiting *next = NULL;

	pthread_mutex_lock(&a->lock);
	/* More than the limit may be at work, if there was no room to wait. */
	if (a->first && a->running <= LAMINA_MAX_CHANGES)
		next = take_out(a, &a->first);
	else
		a->running--;
	pthread_mutex_unlock(&a->lock);
	return next;
}

bool wire_admission_cancel(struct wire_admission *a, uint64_t unique)
{
	struct wire_waiting **at, *found = NULL;

	pthread_mutex_lock(&a->lock);
	at = &a->first;
	while (*at && (*at)->unique != unique)
		at = &(*at)->next;
	if (*at)
		found = take_out(a, at);
	pthread_mutex_unlock(&a->lock);
	free(found);
	return found;
}
