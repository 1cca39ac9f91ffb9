/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lines of text in a bounded memory: the oldest go when there is no room. Readers keep positions of
 * their own and learn how many lines they have missed. The owner locks.
 */
#pragma once

#include <stdint.h>

#include "base/text.h"

struct lamina_ring {
	char *bytes; /* made for the first line */
	size_t size;
	uint64_t head, tail;	      /* bytes ever written, and ever dropped */
	uint64_t lines_in, lines_out; /* lines the same way */
};

/* Where a reader is: the next line that it has not seen. */
struct lamina_ring_reader {
	uint64_t at, line;
};

void lamina_ring_init(struct lamina_ring *ring, size_t size);
void lamina_ring_done(struct lamina_ring *ring);

/* Add @n bytes, which end with the only newline. A line that is too long, or for which there is no
 * memory, counts as one that was dropped at once. */
void lamina_ring_add(struct lamina_ring *ring, const char *line, size_t n);

/* A reader of what comes, or also of what is still there. */
struct lamina_ring_reader lamina_ring_reader(const struct lamina_ring *ring, bool from_oldest);

/*
 * Append the reader's next line to @line. Returns false if there is none. *@ret_lost: how many lines
 * were dropped before the reader came to them.
 */
bool lamina_ring_next(const struct lamina_ring *ring, struct lamina_ring_reader *reader,
		      struct lamina_text *line, uint64_t *ret_lost);
