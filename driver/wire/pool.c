// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A pool of threads around one device. `lock` guards the counts of threads and the wake-ups; what
 * every request touches (`reading`, `taken`) is atomic instead. No other lock is taken under it.
 */
#include "wire/pool.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/limits.h"
#include "wire/request.h"

/* A thread retires when it was busy while another one waited for requests so much more often than
 * while none did. */
#define SUPERFLUOUS_MAX 8

static _Thread_local unsigned int superfluous;

/* The watcher's tick is 2 ms: a request that takes three takes long; and after 25 without a request
 * it goes to sleep. */
#define WATCH_TICK_NS	 (2 * 1000 * 1000)
#define WATCH_LONG_TICKS 3
#define WATCH_IDLE_TICKS 25

struct wire_pool {
	int device;
	const struct wire_pool_ops *ops;
	void *user;

	atomic_uint reading;  /* threads that wait for a request, or are about to */
	atomic_ullong taken;  /* requests so far */
	atomic_bool watching; /* false: the watcher sleeps and must be told of work */
	atomic_bool look;     /* the next one that replies shall look whether requests pile up */

	pthread_mutex_t lock;
	pthread_cond_t wanted;	/* a retired thread is wanted again; or all is over */
	pthread_cond_t work;	/* the watcher has something to look at; or all is over */
	pthread_cond_t changed; /* a thread has left */
	unsigned int threads;	/* all of them, with the watcher */
	unsigned int retired;
	unsigned int calls; /* for retired threads, not yet heard */
	bool ended;
};

struct wire_pool *wire_pool_new(int device, const struct wire_pool_ops *ops, void *user)
{
	struct wire_pool *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->device = device;
	p->ops = ops;
	p->user = user;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->wanted, NULL);
	pthread_cond_init(&p->work, NULL);
	pthread_cond_init(&p->changed, NULL);
	return p;
}

static void end(struct wire_pool *p)
{
	bool first;

	pthread_mutex_lock(&p->lock);
	first = !p->ended;
	p->ended = true;
	pthread_cond_broadcast(&p->wanted);
	pthread_cond_broadcast(&p->work);
	pthread_mutex_unlock(&p->lock);
	if (first)
		p->ops->end(p->user);
}

/* ---- starting and calling threads ---- */

static void *work(void *arg);

static errint_t start_thread(struct wire_pool *p, void *(*run)(void *arg))
{
	pthread_attr_t attr;
	pthread_t thread;
	int error;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, 512 << 10);
	error = pthread_create(&thread, &attr, run, p);
	pthread_attr_destroy(&attr);
	return -error;
}

/* One more thread is needed: a retired one, or a new one. */
static void call_one(struct wire_pool *p)
{
	bool start = false;

	pthread_mutex_lock(&p->lock);
	if (p->retired > p->calls) {
		p->calls++;
		pthread_cond_signal(&p->wanted);
	} else if (p->calls == 0 && p->threads < LAMINA_MAX_THREADS && !p->ended) {
		p->threads++;
		start = true;
	}
	pthread_mutex_unlock(&p->lock);
	if (start && start_thread(p, work) < 0) {
		/* The threads there are go on; they only answer one after the other. */
		pthread_mutex_lock(&p->lock);
		p->threads--;
		pthread_mutex_unlock(&p->lock);
	}
}

void wire_pool_block_ahead(struct wire_pool *p)
{
	if (atomic_load_explicit(&p->reading, memory_order_relaxed) == 0)
		call_one(p);
}

static bool more_waits(const struct wire_pool *p)
{
	struct pollfd ready = {.fd = p->device, .events = POLLIN};

	return poll(&ready, 1, 0) == 1 && (ready.revents & POLLIN);
}

/*
 * A request that is there before the reply to the one at hand is another caller's. Afterwards it
 * may be the same one's, who was just faster than we were in coming back for it.
 */
void wire_pool_about_to_reply(struct wire_pool *p)
{
	if (atomic_load(&p->reading) > 0) {
		superfluous++;
		return;
	}
	if (superfluous > 0)
		superfluous--;
	if (!atomic_load_explicit(&p->look, memory_order_relaxed))
		return;
	atomic_store_explicit(&p->look, false, memory_order_relaxed);
	if (more_waits(p))
		call_one(p);
}

static void tell_watcher(struct wire_pool *p)
{
	if (atomic_load_explicit(&p->watching, memory_order_relaxed))
		return;
	pthread_mutex_lock(&p->lock);
	atomic_store(&p->watching, true);
	pthread_cond_signal(&p->work);
	pthread_mutex_unlock(&p->lock);
}

/* ---- a thread's life ---- */

static bool buffers_init(struct wire_buffers *b)
{
	char *all = mmap(NULL, LAMINA_MAX_REQUEST + LAMINA_MAX_IO + WIRE_OUT_SIZE,
			 PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (all == MAP_FAILED)
		return false;
	*b = (struct wire_buffers){all, all + LAMINA_MAX_REQUEST,
				   all + LAMINA_MAX_REQUEST + LAMINA_MAX_IO};
	return true;
}

static void buffers_done(struct wire_buffers *b)
{
	munmap(b->in, LAMINA_MAX_REQUEST + LAMINA_MAX_IO + WIRE_OUT_SIZE);
}

/* Take one request and serve it. */
static void take(struct wire_pool *p, struct wire_buffers *b)
{
	ssize_t n;
	int error;

	atomic_fetch_add(&p->reading, 1);
	n = read(p->device, b->in, LAMINA_MAX_REQUEST);
	error = errno;
	atomic_fetch_add_explicit(&p->taken, 1, memory_order_relaxed);
	/* Nobody waits for the next one now: the watcher sees whether that lasts. */
	if (atomic_fetch_sub(&p->reading, 1) == 1 && n >= 0)
		tell_watcher(p);
	if (n > 0)
		p->ops->serve(p->user, b, (size_t)n);
	else if (n == 0 || (error != EINTR && error != EAGAIN && error != ENOENT))
		end(p); /* ENODEV: unmounted or aborted; anything else is no better */
}

/* Wait until called again. Returns false if the thread must leave. */
static bool retire(struct wire_pool *p)
{
	bool stay;

	pthread_mutex_lock(&p->lock);
	stay = p->retired < LAMINA_MAX_IDLE_THREADS;
	if (stay) {
		p->retired++;
		while (p->calls == 0 && !p->ended)
			pthread_cond_wait(&p->wanted, &p->lock);
		p->retired--;
		if (p->calls > 0)
			p->calls--;
	}
	stay = stay && !p->ended;
	pthread_mutex_unlock(&p->lock);
	return stay;
}

static bool is_over(struct wire_pool *p)
{
	bool over;

	pthread_mutex_lock(&p->lock);
	over = p->ended;
	pthread_mutex_unlock(&p->lock);
	return over;
}

static void serve_until_unneeded(struct wire_pool *p, struct wire_buffers *b)
{
	bool needed = true;

	while (needed && !is_over(p)) {
		take(p, b);
		if (superfluous >= SUPERFLUOUS_MAX && atomic_load(&p->reading) > 0) {
			needed = retire(p);
			superfluous = 0;
		}
	}
}

static void leave(struct wire_pool *p)
{
	pthread_mutex_lock(&p->lock);
	p->threads--;
	pthread_cond_broadcast(&p->changed);
	pthread_mutex_unlock(&p->lock);
}

static void *work(void *arg)
{
	struct wire_pool *p = arg;
	struct wire_buffers buffers;

	if (buffers_init(&buffers)) {
		p->ops->start(p->user);
		serve_until_unneeded(p, &buffers);
		buffers_done(&buffers);
	}
	leave(p);
	return NULL;
}

/* ---- the watcher ---- */

/* Wait for work, or for the end: then returns false. */
static bool wait_for_work(struct wire_pool *p)
{
	bool ended;

	pthread_mutex_lock(&p->lock);
	while (!atomic_load(&p->watching) && !p->ended)
		pthread_cond_wait(&p->work, &p->lock);
	ended = p->ended;
	pthread_mutex_unlock(&p->lock);
	return !ended;
}

/*
 * While there is work: have requests piled up looked for now and then, and call in another thread
 * when none has been taken for some ticks.
 */
static void watch_work(struct wire_pool *p)
{
	const struct timespec tick = {.tv_nsec = WATCH_TICK_NS};
	unsigned long long before = atomic_load(&p->taken);
	unsigned int quiet = 0;

	while (quiet < WATCH_IDLE_TICKS) {
		unsigned long long now;

		atomic_store_explicit(&p->look, true, memory_order_relaxed);
		nanosleep(&tick, NULL);
		now = atomic_load(&p->taken);
		quiet = now == before ? quiet + 1 : 0;
		before = now;
		if (quiet >= WATCH_LONG_TICKS && atomic_load(&p->reading) == 0) {
			call_one(p);
			quiet = 0;
		}
		if (is_over(p))
			return;
	}
	atomic_store(&p->watching, false);
}

static void *watch(void *arg)
{
	struct wire_pool *p = arg;

	while (wait_for_work(p))
		watch_work(p);
	leave(p);
	return NULL;
}

/* ---- */

errint_t wire_pool_start(struct wire_pool *p)
{
	errint_t err;

	p->threads = 2;
	err = start_thread(p, watch);
	if (err < 0) {
		p->threads = 0;
		return err;
	}
	err = start_thread(p, work);
	if (err < 0) {
		leave(p);
		end(p);
	}
	return err;
}

void wire_pool_free(struct wire_pool *p)
{
	pthread_mutex_lock(&p->lock);
	while (p->threads > 0)
		pthread_cond_wait(&p->changed, &p->lock);
	pthread_mutex_unlock(&p->lock);
	pthread_cond_destroy(&p->wanted);
	pthread_cond_destroy(&p->work);
	pthread_cond_destroy(&p->changed);
	pthread_mutex_destroy(&p->lock);
	free(p);
}
