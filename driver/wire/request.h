/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One request from the kernel, decoded, and the reply that its handler prepares.
 *
 * A handler returns 0 (the prepared reply is sent), -errno (an error reply is sent) or
 * WIRE_NO_REPLY. It never writes to the device itself, so each request gets exactly one reply.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/errint.h"
#include "wire/proto.h"

#define WIRE_NO_REPLY 1

/* Room for every fixed-size reply. */
#define WIRE_OUT_SIZE 512

struct wire_session;

struct wire_request {
	struct wire_session *session;
	void *user; /* the session's */

	/* The request. All of it lies in the thread's buffer until the handler returns. */
	const struct fuse_in_header *in;
	const void *arg;   /* the opcode's fixed struct, of the checked size */
	const char *name;  /* one component, as all names here */
	const char *name2; /* new name of a rename */
	const char *text;  /* target of a symbolic link, name of an attribute */
	const void *data;  /* what follows: bytes to write, value of an attribute */
	size_t data_size;
	atomic_bool interrupted; /* the caller got a signal */

	/* The reply. */
	void *out; /* WIRE_OUT_SIZE bytes, zeroed */
	size_t out_size;
	const void *payload; /* follows `out`; usually in `room` */
	size_t payload_size;
	char *room;	    /* LAMINA_MAX_IO bytes of the thread */
	uint64_t lost_node; /* forget one lookup of this node if the reply does not hand it over */

	struct wire_request *next, *prev; /* in flight; under the session's lock */
};

typedef errint_t (*wire_handler)(struct wire_request *r);

/* The fixed reply of @size bytes, to be filled in. */
static inline void *wire_out(struct wire_request *r, size_t size)
{
	r->out_size = size;
	return r->out;
}

/* Reply with @size bytes at @data, which stay valid until the handler has returned. */
static inline void wire_payload(struct wire_request *r, const void *data, size_t size)
{
	r->payload = data;
	r->payload_size = size;
}

/*
 * Decode what was read from the device: @size bytes at @buffer, untrusted but for being there.
 * Fills the request's part of @r. Returns 0, -EINVAL (malformed: the request gets that error),
 * -ENAMETOOLONG (a name longer than any file system's), -ENOSYS (unknown opcode) or -EBADMSG (not
 * even a header: nobody can be answered).
 */
errint_t wire_decode(struct wire_request *r, const void *buffer, size_t size);
