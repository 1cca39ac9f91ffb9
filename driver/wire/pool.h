/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The threads that serve a FUSE device. Mostly there is one: the thread that has just answered takes
 * the next request as well, while it is still awake, which costs half of what waking another one
 * does. More are called in when a handler says that it will take long, when a watcher sees that one
 * does, and when requests have piled up; they retire when there is nothing to do for them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/errint.h"

/* Buffers of one thread. */
struct wire_buffers {
	char *in;   /* the request */
	char *room; /* LAMINA_MAX_IO bytes for a reply */
	char *out;  /* WIRE_OUT_SIZE bytes for its fixed part */
};

struct wire_pool_ops {
	/* A thread starts. */
	void (*start)(void *user);
	/* Serve the request of @size bytes in @buffers->in. */
	void (*serve)(void *user, struct wire_buffers *buffers, size_t size);
	/* The device gives no more requests. Once. */
	void (*end)(void *user);
};

struct wire_pool;

/* A pool that reads @device; NULL without memory. @ops and @user must outlive it. */
struct wire_pool *wire_pool_new(int device, const struct wire_pool_ops *ops, void *user);

/* Start the first thread, and the watcher. */
errint_t wire_pool_start(struct wire_pool *p);

/* The calling handler is about to block: somebody else must be there for the next request. */
void wire_pool_block_ahead(struct wire_pool *p);

/* The calling handler has its reply ready: others may be waiting for theirs. */
void wire_pool_about_to_reply(struct wire_pool *p);

/* Wait for all threads, which leave once the device has ended, and free the pool. */
void wire_pool_free(struct wire_pool *p);
