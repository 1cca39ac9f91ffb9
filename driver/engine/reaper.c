// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A list of names and the thread that removes them.
 */
#include "engine/reaper.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "union/creds.h"
#include "union/work.h"

struct reaper_entry {
	struct reaper_entry *next;
	char name[LAMINA_WORK_NAME_SIZE];
};

void reaper_init(struct reaper *r, const struct lamina_union *u)
{
	*r = (struct reaper){.u = u};
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->changed, NULL);
}

/* What cannot be removed now is a leftover, which the next mount clears. */
static void remove_all(const struct lamina_union *u, struct reaper_entry *first)
{
	while (first) {
		struct reaper_entry *next = first->next;

		(void)unlinkat(u->work_fd, first->name, 0);
		free(first);
		first = next;
	}
}

static void *reap(void *arg)
{
	struct reaper *r = arg;

	/* The thread that started this one may have been at work for a container's user. */
	(void)lamina_creds_start_thread();
	lamina_creds_become_self();
	pthread_mutex_lock(&r->lock);
	while (!r->ending || r->first) {
		struct reaper_entry *first = r->first;

		r->first = NULL;
		if (!first) {
			pthread_cond_wait(&r->changed, &r->lock);
			continue;
		}
		pthread_mutex_unlock(&r->lock);
		remove_all(r->u, first);
		pthread_mutex_lock(&r->lock);
	}
	pthread_mutex_unlock(&r->lock);
	return NULL;
}

void reaper_add(struct reaper *r, const char *name)
{
	struct reaper_entry *entry = malloc(sizeof(*entry));

	if (!entry)
		return; /* a leftover */
	strcpy(entry->name, name);
	pthread_mutex_lock(&r->lock);
	entry->next = r->first;
	r->first = entry;
	if (!r->running)
		r->running = pthread_create(&r->thread, NULL, reap, r) == 0;
	pthread_cond_signal(&r->changed);
	pthread_mutex_unlock(&r->lock);
}

void reaper_done(struct reaper *r)
{
	bool running;

	pthread_mutex_lock(&r->lock);
	r->ending = true;
	running = r->running;
	pthread_cond_signal(&r->changed);
	pthread_mutex_unlock(&r->lock);
	if (running)
		pthread_join(r->thread, NULL);
	r->running = false;
	remove_all(r->u, r->first); /* without a thread */
	r->first = NULL;
}

void reaper_free(struct reaper *r)
{
	reaper_done(r);
	pthread_cond_destroy(&r->changed);
	pthread_mutex_destroy(&r->lock);
}
