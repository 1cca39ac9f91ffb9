/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading what the filter trace tells. One reader at a time. */
#pragma once

#include <stddef.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "bpf/turns.h"
#include "trace.h"

/* Called with each event; where it has no name, the name and the process' are empty. */
typedef void lamina_tracing_each(void *context, const struct trace_named *event);

struct ring_buffer;

struct lamina_tracing {
	struct ring_buffer *names;
	struct trace_ring *rings;   /* one a CPU */
	struct lamina_turns *turns; /* for each ring */
	unsigned int n_rings;
	bool follows;
	void *variables;	   /* the filter's own, mapped */
	struct trace_named *batch; /* what was read and not handed over */
	size_t n, room;
	errint_t err; /* that came in a callback */
};

/*
 * @follow: the filter tells from now on, until lamina_tracing_done(); else what it has told and is still
 * there can be read, once. Only one reader can be told at a time. On success the caller ends it with
 * lamina_tracing_done().
 */
errint_t lamina_tracing_init(struct lamina_tracing *ret, const char *filter, bool follow,
			     struct lamina_error *error);

/*
 * Hand over what there is, in the order of time; wait for it up to @milliseconds. Events of
 * different calls may be out of order by that much. Returns 0 or -errno.
 */
errint_t lamina_tracing_poll(struct lamina_tracing *tracing, int milliseconds,
			     lamina_tracing_each *each, void *context);

/* Events that found no room, or were overwritten before they were read. */
uint64_t lamina_tracing_lost(const struct lamina_tracing *tracing);
void lamina_tracing_done(struct lamina_tracing *tracing);
