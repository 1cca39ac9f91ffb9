/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The FUSE session: requests are read from the device, decoded, handled and answered. It knows no
 * path and no file; it is the same for all engines.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "wire/admission.h"
#include "wire/request.h"

/* What kernel and session agree on. */
struct wire_terms {
	uint64_t offered;	  /* the kernel's FUSE_* flags */
	uint64_t flags;		  /* those taken: set by ops->init */
	uint32_t max_stack_depth; /* set by ops->init; 0: no passthrough */
	uint32_t kernel_minor;
};

struct wire_ops {
	/*
	 * Choose terms->flags out of terms->offered. Runs before any other request. NULL: the
	 * device belongs to a connection that has been agreed on already.
	 */
	void (*init)(void *user, struct wire_terms *terms);
	/* A thread starts, before its first request. */
	void (*thread_start)(void *user);
	/*
	 * The session has ended, no handler runs, and none will. Called once, by the thread that sees
	 * it, so that what other processes wait for is let go of before anything else. May be NULL.
	 */
	void (*ended)(void *user);
	/* The kernel dropped @n lookups of node @id. NULL where there are no nodes. */
	void (*forget)(void *user, uint64_t id, uint64_t n);
	/*
	 * What the decoded request may wait for. It is not asked about the session's own. NULL: the device
	 * brings changes only, which are served as they come.
	 */
	enum wire_class (*class)(const struct wire_request *r);
	/* By opcode; NULL answers -ENOSYS. INIT, FORGET, INTERRUPT and DESTROY are the session's. */
	wire_handler handlers[WIRE_OPCODES];
	/* FUSE_UPCALL. */
	wire_handler upcall;
};

/*
 * A session on the device @fd, which it takes over. @ops and @user must outlive it.
 * Returns NULL without memory.
 */
struct wire_session *wire_session_new(int fd, const struct wire_ops *ops, void *user, bool debug);

/* Start serving. */
errint_t wire_session_start(struct wire_session *s);

/* A handler is about to block for long: see to it that somebody takes the next request. */
void wire_session_block_ahead(struct wire_session *s);

/* Wait until INIT was answered. Returns 0, or -ENODEV if the session ended before that. */
errint_t wire_session_wait_ready(struct wire_session *s);

/* An fd that is readable once the session has ended: unmounted, aborted, or out of order. */
int wire_session_ended_fd(const struct wire_session *s);

/* Wait for the threads of an ended session and free it. */
void wire_session_free(struct wire_session *s);

/* The device, for ioctls of the engines. */
int wire_session_device(const struct wire_session *s);
const struct wire_terms *wire_session_terms(const struct wire_session *s);

/* Tell the kernel that the attributes it keeps of node @id are out of date. */
void wire_session_invalidate_attr(struct wire_session *s, uint64_t id);

/* The same, and of what it keeps of the content: of a directory, its listing. */
void wire_session_invalidate_all(struct wire_session *s, uint64_t id);
