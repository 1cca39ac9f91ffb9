/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The audit of a mount: what a policy refused or was told to write down, a JSON object a line, for
 * listeners and, as far as it still is there, for who comes later. At most so many lines a second are
 * made; how many were left out is said by the next one.
 *
 * Everything takes the audit's own lock, under which nothing blocks and no other lock is taken.
 */
#pragma once

#include <stdatomic.h>

#include "guard/active.h"
#include "guard/caller.h"
#include "guard/learn.h"
#include "guard/listen.h"

struct lamina_audit {
	pthread_mutex_t lock;
	const char *mount; /* the mountpoint, for lines */
	struct lamina_ring ring;
	struct lamina_listeners listeners;
	struct lamina_learn learn;
	atomic_bool learning; /* read without the lock */
	double tokens;	      /* lines that may be written now */
	uint64_t refilled;    /* when, in nanoseconds */
	uint64_t left_out;    /* lines, since the last one */
};

void lamina_audit_init(struct lamina_audit *audit);

/* Listeners may take what there is, for a short time. */
void lamina_audit_done(struct lamina_audit *audit);

/* What happened. */
struct lamina_event {
	pid_t pid; /* who waits for the answer */
	const char *path;
	unsigned int access;
	unsigned int verdict;
	const struct lamina_active *active; /* whose verdict it is */
};

void lamina_audit_write(struct lamina_audit *audit, const struct lamina_callers *callers,
			const struct lamina_event *event);

/*
 * Let the reader of the pipe @fd listen; the fd is taken over, also with an error. @from_oldest: begin
 * with what is still there; @past: and end with it.
 */
errint_t lamina_audit_listen(struct lamina_audit *audit, int fd, bool from_oldest, bool past);

/*
 * Learn, as learn.h says, until the pipe @fd is closed; the fd is taken over, also with an error.
 * -EBUSY: somebody does already.
 */
errint_t lamina_audit_learn(struct lamina_audit *audit, int fd, bool waits);

/* While something is learned: note what was used. */
void lamina_audit_note(struct lamina_audit *audit, const char *path, unsigned int accesses);
void lamina_audit_note_move(struct lamina_audit *audit, const char *from, const char *to, bool dir);

/* Who learns gets what there is, and the end of the pipe. */
void lamina_audit_end_learning(struct lamina_audit *audit);
