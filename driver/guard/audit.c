// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Lines about events. They are put together without the lock.
 */
#include "guard/audit.h"

#include <errno.h>
#include <time.h>
#include <unistd.h>

#include "base/limits.h"
#include "guard/line.h"

#define EXE_SIZE  4096
#define COMM_SIZE 64

static bool next_line(void *user, struct lamina_listener *listener, struct lamina_text *text)
{
	struct lamina_audit *audit = user;
	struct lamina_text line = {0};
	uint64_t lost;
	bool more = lamina_ring_next(&audit->ring, &listener->reader, &line, &lost);

	if (lost)
		lamina_text_print(text, "{\"dropped\":%llu}\n", (unsigned long long)lost);
	if (more && !line.broken)
		lamina_text_add(text, line.bytes, line.n);
	lamina_text_done(&line);
	return more || lost;
}

static bool next_use(void *user, struct lamina_listener *listener, struct lamina_text *text)
{
	struct lamina_audit *audit = user;

	if (!lamina_learn_next(&audit->learn, listener->reader.at, text))
		return false;
	listener->reader.at++;
	return true;
}

static void learner_gone(void *user)
{
	struct lamina_audit *audit = user;

	atomic_store(&audit->learning, false);
	lamina_learn_stop(&audit->learn);
}

void lamina_audit_init(struct lamina_audit *audit)
{
	*audit = (struct lamina_audit){.tokens = LAMINA_AUDIT_BURST};
	pthread_mutex_init(&audit->lock, NULL);
	lamina_ring_init(&audit->ring, LAMINA_AUDIT_BYTES);
	lamina_listeners_init(&audit->listeners, &audit->lock, audit);
}

void lamina_audit_done(struct lamina_audit *audit)
{
	lamina_listeners_done(&audit->listeners);
	lamina_learn_stop(&audit->learn);
	lamina_ring_done(&audit->ring);
	pthread_mutex_destroy(&audit->lock);
}

/* ---- lines ---- */

/* Whether a line may be written now. *@ret_left_out: how many were not, before it. */
static bool take_token(struct lamina_audit *audit, const struct timespec *now,
		       uint64_t *ret_left_out)
{
	uint64_t time = (uint64_t)now->tv_sec * 1000000000u + (uint64_t)now->tv_nsec;
	bool may;

	pthread_mutex_lock(&audit->lock);
	/* A clock that was set back gives nothing, and takes nothing. */
	if (audit->refilled && time > audit->refilled)
		audit->tokens += (double)(time - audit->refilled) * 1e-9 * LAMINA_AUDIT_RATE;
	if (audit->tokens > LAMINA_AUDIT_BURST)
		audit->tokens = LAMINA_AUDIT_BURST;
	audit->refilled = time;
	may = audit->tokens >= 1;
	if (may) {
		audit->tokens--;
		*ret_left_out = audit->left_out;
		audit->left_out = 0;
	} else {
		audit->left_out++;
	}
	pthread_mutex_unlock(&audit->lock);
	return may;
}

void lamina_audit_write(struct lamina_audit *audit, const struct lamina_callers *callers,
			const struct lamina_event *event)
{
	char comm[COMM_SIZE], exe[EXE_SIZE];
	struct lamina_line told = {
		.mount = audit->mount ? audit->mount : "",
		.label = lamina_bundle_label(&event->active->bundle,
					     lamina_verdict_rule(event->verdict)),
		.pid = event->pid,
		.comm = comm,
		.exe = exe,
		.path = event->path,
		.access = event->access,
		.verdict = event->verdict,
		.compiled = &event->active->bundle.compiled,
	};
	_cleanup_text_ struct lamina_text line = {0};

	clock_gettime(CLOCK_REALTIME, &told.time);
	if (!take_token(audit, &told.time, &told.dropped))
		return;
	lamina_caller_comm(callers, event->pid, comm, sizeof(comm));
	lamina_caller_exe(callers, event->pid, exe, sizeof(exe));
	lamina_line_print(&line, &told);

	pthread_mutex_lock(&audit->lock);
	if (line.broken)
		audit->left_out += told.dropped + 1;
	else
		lamina_ring_add(&audit->ring, line.bytes, line.n);
	lamina_listeners_wake(&audit->listeners);
	pthread_mutex_unlock(&audit->lock);
}

/* ---- who listens ---- */

errint_t lamina_audit_listen(struct lamina_audit *audit, int fd, bool from_oldest, bool past)
{
	struct lamina_listener listener = {.fd = fd, .next = next_line, .ending = past};
	errint_t err;

	pthread_mutex_lock(&audit->lock);
	listener.reader = lamina_ring_reader(&audit->ring, from_oldest);
	err = lamina_listeners_add(&audit->listeners, &listener);
	pthread_mutex_unlock(&audit->lock);
	return err;
}

errint_t lamina_audit_learn(struct lamina_audit *audit, int fd, bool waits)
{
	const struct lamina_listener listener = {.fd = fd, .next = next_use, .gone = learner_gone};
	errint_t err = 0;

	pthread_mutex_lock(&audit->lock);
	if (audit->learn.on) {
		close(fd);
		err = -EBUSY;
	}
	if (err == 0) {
		err = lamina_learn_start(&audit->learn, waits);
		if (err < 0)
			close(fd);
	}
	if (err == 0) {
		err = lamina_listeners_add(&audit->listeners, &listener);
		if (err < 0)
			lamina_learn_stop(&audit->learn);
	}
	atomic_store(&audit->learning, audit->learn.on);
	pthread_mutex_unlock(&audit->lock);
	return err;
}

void lamina_audit_note(struct lamina_audit *audit, const char *path, unsigned int accesses)
{
	pthread_mutex_lock(&audit->lock);
	if (lamina_learn_note(&audit->learn, path, accesses))
		lamina_listeners_wake(&audit->listeners);
	pthread_mutex_unlock(&audit->lock);
}

void lamina_audit_note_move(struct lamina_audit *audit, const char *from, const char *to, bool dir)
{
	pthread_mutex_lock(&audit->lock);
	if (lamina_learn_note_move(&audit->learn, from, to, dir))
		lamina_listeners_wake(&audit->listeners);
	pthread_mutex_unlock(&audit->lock);
}

void lamina_audit_end_learning(struct lamina_audit *audit)
{
	pthread_mutex_lock(&audit->lock);
	atomic_store(&audit->learning, false);
	for (struct lamina_listener *at = audit->listeners.first; at; at = at->next_listener)
		at->ending |= at->next == next_use;
	lamina_listeners_wake(&audit->listeners);
	pthread_mutex_unlock(&audit->lock);
}
