// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What is to be taken back is collected under the table's `lock`, by numbers, and then done without.
 * The sweeper's own lock guards what is asked of it; the table's is taken without it.
 */
#include "engine/sweep.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/grow.h"
#include "base/limits.h"
#include "base/spare.h"
#include "engine/policy.h"

struct ids {
	uint64_t *list;
	size_t n, room;
	bool broken; /* no memory */
};

struct sweeper {
	struct lamina_fs *fs;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* Under `lock`. */
	bool running, ending;
	uint64_t asked;	      /* sweeps, by number */
	uint64_t named, done; /* all but listings, and all, was taken back */
	bool listings;	      /* the next one takes back all of them */
	struct ids content;   /* is to be taken back soon */
	errint_t result;      /* of the last one */
	struct lamina_text paths;
};

/* ---- one sweep ---- */

struct sweep {
	struct lamina_fs *fs;
	struct ids objects; /* whose attributes are to be forgotten */
	struct ids content; /* of directories and links, whose listings and targets are */
	struct lamina_text paths;
};

static void free_sweep(struct sweep *s)
{
	free(s->objects.list);
	free(s->content.list);
	lamina_text_done(&s->paths);
}

static void add_id(struct ids *ids, uint64_t id)
{
	if (lamina_grow(&ids->list, ids->n, &ids->room, sizeof(*ids->list)))
		ids->list[ids->n++] = id;
	else
		ids->broken = true;
}

/* Under the table's `lock`, as the next three. */
static void add_name(struct sweep *s, const struct lamina_active *active, struct alias *alias)
{
	char buffer[LAMINA_EVENT_PATH_MAX];
	const char *path;

	if (!lamina_active_hidden(active, policy_state_of_alias(s->fs, alias)))
		return;
	add_id(&s->objects, alias->node->id);
	if (S_ISLNK(alias->node->type))
		add_id(&s->content, alias->node->id);
	if (lamina_active_hidden(active, policy_state_of_dir(s->fs, alias->parent)))
		return;
	path = policy_path(s->fs, alias->parent, alias->name, buffer);
	if (path)
		lamina_text_add(&s->paths, path, strlen(path) + 1);
}

static bool is_governed(struct lamina_fs *fs, const struct lamina_active *active, struct node *dir)
{
	unsigned int state = policy_state_of_dir(fs, dir);
	unsigned int verdict = lamina_policy_verdict(&active->table, state, LAMINA_ACCESS_READ_DIR);

	return lamina_active_hides_in(active, state) ||
	       lamina_verdict_action(verdict) != LAMINA_ACTION_ALLOW;
}

static void collect(struct sweep *s, bool listings)
{
	const struct node_table *t = &s->fs->table;
	const struct lamina_active *active = s->fs->policy.guard->active;

	for (size_t i = 0; active && active->hides && i <= t->names.mask; i++)
		for (struct lamina_link *at = t->names.buckets[i]; at; at = at->next)
			add_name(s, active, lamina_container_of(at, struct alias, link));
	for (size_t i = 0; (active || listings) && i <= t->ids.mask; i++)
		for (struct lamina_link *at = t->ids.buckets[i]; at; at = at->next) {
			struct node *node = lamina_container_of(at, struct node, by_id);

			if (S_ISDIR(node->type) && (listings || is_governed(s->fs, active, node)))
				add_id(&s->content, node->id);
		}
}

static void take_back_attributes(const struct sweep *s)
{
	for (size_t i = 0; i < s->objects.n; i++)
		wire_session_invalidate_attr(s->fs->session, s->objects.list[i]);
}

static void take_back_content(const struct sweep *s)
{
	for (size_t i = 0; i < s->content.n; i++)
		wire_session_invalidate_all(s->fs->session, s->content.list[i]);
}

/* ---- the thread ---- */

/* The sweep @number is done but for listings. Under the lock. */
static void tell_names(struct sweeper *w, struct sweep *s, uint64_t number)
{
	if (number > w->named)
		w->named = number;
	w->result = s->objects.broken || s->content.broken || s->paths.broken ? -ENOMEM : 0;
	lamina_text_done(&w->paths);
	w->paths = s->paths;
	s->paths = (struct lamina_text){0};
	pthread_cond_broadcast(&w->changed);
}

/* Do all that is asked. Under the sweeper's lock, which is let go of meanwhile. */
static void work_once(struct sweeper *w)
{
	_cleanup_(free_sweep) struct sweep s = {.fs = w->fs, .content = w->content};
	uint64_t number = w->asked;
	bool whole = number > w->done, listings = w->listings;

	w->content = (struct ids){0};
	w->listings = false;
	pthread_mutex_unlock(&w->lock);
	if (whole) {
		lamina_spare_use(true);
		pthread_mutex_lock(&w->fs->table.lock);
		collect(&s, listings);
		pthread_mutex_unlock(&w->fs->table.lock);
		take_back_attributes(&s);
		pthread_mutex_lock(&w->lock);
		tell_names(w, &s, number);
		pthread_mutex_unlock(&w->lock);
	}
	take_back_content(&s);
	if (whole)
		lamina_spare_use(false);
	pthread_mutex_lock(&w->lock);
	if (whole && number > w->done)
		w->done = number;
	pthread_cond_broadcast(&w->changed);
}

static bool has_work(const struct sweeper *w)
{
	return w->asked > w->done || w->content.n > 0;
}

static void *work(void *arg)
{
	struct sweeper *w = arg;

	pthread_mutex_lock(&w->lock);
	while (!w->ending) {
		if (has_work(w))
			work_once(w);
		else
			pthread_cond_wait(&w->changed, &w->lock);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

/* The path of a hidden name, and what the C library needs. */
#define STACK_SIZE (256u << 10)

errint_t sweep_init(struct lamina_fs *fs)
{
	struct sweeper *w = calloc(1, sizeof(*w));
	pthread_condattr_t attr;

	if (!w)
		return -ENOMEM;
	w->fs = fs;
	pthread_mutex_init(&w->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&w->changed, &attr);
	pthread_condattr_destroy(&attr);
	fs->sweeper = w;
	return 0;
}

void sweep_done(struct lamina_fs *fs)
{
	struct sweeper *w = fs->sweeper;

	if (!w)
		return;
	fs->sweeper = NULL;
	free(w->content.list);
	lamina_text_done(&w->paths);
	pthread_cond_destroy(&w->changed);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

void sweep_start(struct lamina_fs *fs)
{
	struct sweeper *w = fs->sweeper;
	pthread_attr_t attr;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	pthread_mutex_lock(&w->lock);
	w->running = pthread_create(&w->thread, &attr, work, w) == 0;
	pthread_mutex_unlock(&w->lock);
	pthread_attr_destroy(&attr);
}

static struct timespec in_ms(clockid_t clock, unsigned int ms)
{
	struct timespec end;

	clock_gettime(clock, &end);
	end.tv_sec += ms / 1000;
	end.tv_nsec += ms % 1000 * 1000000L;
	end.tv_sec += end.tv_nsec / 1000000000;
	end.tv_nsec %= 1000000000;
	return end;
}

bool sweep_stop(struct lamina_fs *fs)
{
	struct sweeper *w = fs->sweeper;
	const struct timespec end = in_ms(CLOCK_REALTIME, LAMINA_SWEEP_WAIT_MS);
	bool running;

	if (!w)
		return true;
	pthread_mutex_lock(&w->lock);
	running = w->running;
	w->running = false;
	w->ending = true;
	pthread_cond_broadcast(&w->changed);
	pthread_mutex_unlock(&w->lock);
	return !running || pthread_timedjoin_np(w->thread, NULL, &end) == 0;
}

/* ---- what is asked of it ---- */

/* Under the lock. */
static void ask(struct sweeper *w)
{
	if (w->running)
		pthread_cond_broadcast(&w->changed);
	else
		work_once(w);
}

uint64_t sweep_begin(struct lamina_fs *fs, bool listings)
{
	struct sweeper *w = fs->sweeper;
	uint64_t number;

	pthread_mutex_lock(&w->lock);
	number = ++w->asked;
	w->listings |= listings;
	ask(w);
	pthread_mutex_unlock(&w->lock);
	return number;
}

uint64_t sweep_last(struct lamina_fs *fs)
{
	struct sweeper *w = fs->sweeper;
	uint64_t number;

	pthread_mutex_lock(&w->lock);
	number = w->asked;
	pthread_mutex_unlock(&w->lock);
	return number;
}

/* Wait until *@at, under the lock, has come to @number. */
static errint_t wait_for(struct sweeper *w, const uint64_t *at, uint64_t number)
{
	const struct timespec end = in_ms(CLOCK_MONOTONIC, LAMINA_SWEEP_WAIT_MS);
	errint_t err = 0;

	while (*at < number && err == 0)
		err = -pthread_cond_timedwait(&w->changed, &w->lock, &end);
	return *at < number ? -EINPROGRESS : w->result;
}

errint_t sweep_wait(struct lamina_fs *fs, uint64_t number)
{
	struct sweeper *w = fs->sweeper;
	errint_t err;

	pthread_mutex_lock(&w->lock);
	err = wait_for(w, &w->done, number);
	pthread_mutex_unlock(&w->lock);
	return err;
}

errint_t sweep_names(struct lamina_fs *fs, uint64_t number, struct lamina_text *ret)
{
	struct sweeper *w = fs->sweeper;
	errint_t err;

	pthread_mutex_lock(&w->lock);
	err = wait_for(w, &w->named, number);
	if (err == 0 && w->paths.n > 0)
		lamina_text_add(ret, w->paths.bytes, w->paths.n);
	pthread_mutex_unlock(&w->lock);
	return err;
}

void sweep_content(struct lamina_fs *fs, uint64_t id)
{
	struct sweeper *w = fs->sweeper;

	pthread_mutex_lock(&w->lock);
	if (w->content.n < LAMINA_SWEEP_CONTENT) {
		add_id(&w->content, id);
	} else {
		w->asked++;
		w->listings = true;
	}
	/* Without a thread the next sweep does it: the kernel holds the page until the caller has replied. */
	if (w->running)
		pthread_cond_broadcast(&w->changed);
	pthread_mutex_unlock(&w->lock);
}

void sweep_after_move(struct lamina_fs *fs)
{
	pthread_mutex_lock(&fs->table.lock);
	policy_forget_states(fs);
	pthread_mutex_unlock(&fs->table.lock);
	(void)sweep_wait(fs, sweep_begin(fs, false));
}
