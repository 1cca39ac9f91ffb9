// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The thread that fills listeners' pipes. It waits without the lock and writes with it: pipes do not
 * block.
 */
#include "guard/listen.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/limits.h"

void lamina_listeners_init(struct lamina_listeners *l, pthread_mutex_t *lock, void *user)
{
	*l = (struct lamina_listeners){.lock = lock, .user = user, .wake = -1};
}

static void drop(struct lamina_listeners *l, struct lamina_listener **at)
{
	struct lamina_listener *listener = *at;

	*at = listener->next_listener;
	l->n--;
	if (listener->gone)
		listener->gone(l->user);
	close(listener->fd);
	lamina_text_done(&listener->pending);
	free(listener);
}

/* Make the next piece to send. Returns false if there is none. */
static bool refill(struct lamina_listeners *l, struct lamina_listener *listener)
{
	listener->pending.n = 0;
	listener->sent = 0;
	if (!listener->next(l->user, listener, &listener->pending))
		return false;
	if (listener->pending.broken)
		lamina_text_done(&listener->pending);
	return listener->pending.n > 0;
}

/* Write until the pipe is full, or all is said. Returns false if the listener has gone. */
static bool serve(struct lamina_listeners *l, struct lamina_listener *listener)
{
	for (;;) {
		ssize_t n;

		if (listener->sent == listener->pending.n && !refill(l, listener))
			return !listener->ending;
		n = write(listener->fd, listener->pending.bytes + listener->sent,
			  listener->pending.n - listener->sent);
		if (n < 0 && errno == EAGAIN)
			return true;
		if (n < 0 && errno != EINTR)
			return false;
		listener->sent += n > 0 ? (size_t)n : 0;
	}
}

static bool has_pending(const struct lamina_listener *listener)
{
	return listener->sent < listener->pending.n;
}

/* Serve all. Returns whether any has something left to take. */
static bool serve_all(struct lamina_listeners *l)
{
	bool pending = false;

	for (struct lamina_listener **at = &l->first; *at;) {
		if (!serve(l, *at)) {
			drop(l, at);
			continue;
		}
		pending |= has_pending(*at);
		at = &(*at)->next_listener;
	}
	return pending;
}

/* What to wait for. A pipe nobody reads any more shows POLLERR without being asked for anything. */
static nfds_t collect(const struct lamina_listeners *l, struct pollfd *fds)
{
	nfds_t n = 0;

	fds[n++] = (struct pollfd){.fd = l->wake, .events = POLLIN};
	for (const struct lamina_listener *at = l->first; at; at = at->next_listener)
		fds[n++] = (struct pollfd){.fd = at->fd, .events = has_pending(at) ? POLLOUT : 0};
	return n;
}

/* Listeners that were found gone by poll(): in the order in which they were collected. */
static void drop_gone(struct lamina_listeners *l, const struct pollfd *fds, nfds_t n)
{
	struct lamina_listener **at = &l->first;

	for (nfds_t i = 1; i < n && *at; i++) {
		if ((*at)->fd != fds[i].fd)
			return; /* somebody came in front meanwhile: next time */
		if (fds[i].revents & (POLLERR | POLLNVAL))
			drop(l, at);
		else
			at = &(*at)->next_listener;
	}
}

static long left_until(const struct timespec *end)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (end->tv_sec - now.tv_sec) * 1000 + (end->tv_nsec - now.tv_nsec) / 1000000;
}

static void *work(void *arg)
{
	struct lamina_listeners *l = arg;
	struct pollfd fds[LAMINA_MAX_LISTENERS + 1];
	struct timespec end = {0};
	bool pending;

	pthread_mutex_lock(l->lock);
	for (;;) {
		uint64_t count;
		long wait = -1;
		nfds_t n;

		pending = serve_all(l);
		if (l->ending && end.tv_sec == 0) {
			clock_gettime(CLOCK_MONOTONIC, &end);
			end.tv_sec += LAMINA_DRAIN_MS / 1000;
		}
		if (l->ending) {
			wait = left_until(&end);
			if (!pending || wait <= 0)
				break;
		}
		n = collect(l, fds);
		pthread_mutex_unlock(l->lock);
		if (poll(fds, n, (int)wait) > 0 && (fds[0].revents & POLLIN) &&
		    read(l->wake, &count, sizeof(count)) < 0)
			fds[0].revents = 0; /* nothing depends on the count */
		pthread_mutex_lock(l->lock);
		drop_gone(l, fds, n);
	}
	while (l->first)
		drop(l, &l->first);
	pthread_mutex_unlock(l->lock);
	return NULL;
}

static errint_t start(struct lamina_listeners *l)
{
	int err;

	if (l->running)
		return 0;
	if (l->wake < 0)
		l->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (l->wake < 0)
		return -errno;
	err = pthread_create(&l->thread, NULL, work, l);
	l->running = err == 0;
	return -err;
}

errint_t lamina_listeners_add(struct lamina_listeners *l, const struct lamina_listener *listener)
{
	struct lamina_listener *copy = malloc(sizeof(*copy));
	errint_t err = copy ? start(l) : -ENOMEM;

	if (err == 0 && l->n == LAMINA_MAX_LISTENERS)
		err = -EUSERS;
	if (err < 0) {
		close(listener->fd);
		free(copy);
		return err;
	}
	*copy = *listener;
	copy->next_listener = l->first;
	l->first = copy;
	l->n++;
	lamina_listeners_wake(l);
	return 0;
}

void lamina_listeners_wake(struct lamina_listeners *l)
{
	const uint64_t one = 1;

	/* A full counter wakes as well. */
	if (l->first && write(l->wake, &one, sizeof(one)) < 0)
		return;
}

void lamina_listeners_done(struct lamina_listeners *l)
{
	const uint64_t one = 1;

	pthread_mutex_lock(l->lock);
	l->ending = true;
	pthread_mutex_unlock(l->lock);
	if (l->running && write(l->wake, &one, sizeof(one)) == sizeof(one))
		pthread_join(l->thread, NULL);
	if (l->wake >= 0)
		close(l->wake);
	l->wake = -1;
}
