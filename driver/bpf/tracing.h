/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading what the filter trace tells. One reader at a time. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct ring_buffer;

struct lamina_tracing {
	struct ring_buffer *ring;
	void *variables; /* the filter's own, mapped */
};

errint_t lamina_tracing_init(struct lamina_tracing *ret, const char *filter,
			     int (*event)(void *context, void *data, size_t size), void *context,
			     struct lamina_error *error);

/* Hand over what there is; wait for it up to @milliseconds. Returns how much, or -errno. */
errint_t lamina_tracing_poll(struct lamina_tracing *tracing, int milliseconds);

/* Events that found no room. */
uint64_t lamina_tracing_lost(const struct lamina_tracing *tracing);
void lamina_tracing_done(struct lamina_tracing *tracing);
