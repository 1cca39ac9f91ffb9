// SPDX-License-Identifier: GPL-2.0-or-later
#include "guard/ring.h"

#include <stdlib.h>
#include <string.h>

void lamina_ring_init(struct lamina_ring *ring, size_t size)
{
	*ring = (struct lamina_ring){.size = size};
}

void lamina_ring_done(struct lamina_ring *ring)
{
	free(ring->bytes);
	ring->bytes = NULL;
}

/* How many bytes the line at @at has, with its newline. */
static size_t line_length(const struct lamina_ring *ring, uint64_t at)
{
	size_t n = 0;

	while (ring->bytes[(at + n) % ring->size] != '\n')
		n++;
	return n + 1;
}

static void copy_in(struct lamina_ring *ring, const char *bytes, size_t n)
{
	size_t at = ring->head % ring->size, first = ring->size - at;

	first = first < n ? first : n;
	memcpy(ring->bytes + at, bytes, first);
	memcpy(ring->bytes, bytes + first, n - first);
	ring->head += n;
}

void lamina_ring_add(struct lamina_ring *ring, const char *line, size_t n)
{
	if (!ring->bytes)
		ring->bytes = malloc(ring->size);
	if (!ring->bytes || n > ring->size) {
		/* Everything before it goes as well: lines are dropped in their order. */
		ring->lines_out = ++ring->lines_in;
		ring->tail = ring->head;
		return;
	}
	while (ring->head - ring->tail + n > ring->size) {
		ring->tail += line_length(ring, ring->tail);
		ring->lines_out++;
	}
	copy_in(ring, line, n);
	ring->lines_in++;
}

struct lamina_ring_reader lamina_ring_reader(const struct lamina_ring *ring, bool from_oldest)
{
	if (from_oldest)
		return (struct lamina_ring_reader){ring->tail, ring->lines_out};
	return (struct lamina_ring_reader){ring->head, ring->lines_in};
}

bool lamina_ring_next(const struct lamina_ring *ring, struct lamina_ring_reader *reader,
		      struct lamina_text *line, uint64_t *ret_lost)
{
	size_t n, at, first;

	*ret_lost = 0;
	if (reader->line < ring->lines_out) {
		*ret_lost = ring->lines_out - reader->line;
		*reader = lamina_ring_reader(ring, true);
	}
	if (reader->at == ring->head)
		return false;
	n = line_length(ring, reader->at);
	at = reader->at % ring->size;
	first = ring->size - at < n ? ring->size - at : n;
	lamina_text_add(line, ring->bytes + at, first);
	lamina_text_add(line, ring->bytes, n - first);
	reader->at += n;
	reader->line++;
	return true;
}
