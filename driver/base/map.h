/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An intrusive hash table: objects embed a lamina_link for each table that they are in. The owner
 * locks, compares keys, and owns the objects; the table only owns its buckets.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/errint.h"

struct lamina_link {
	struct lamina_link *next;
	uint64_t hash;
};

struct lamina_map {
	struct lamina_link **buckets;
	size_t mask; /* number of buckets less one */
	size_t n;
};

errint_t lamina_map_init(struct lamina_map *map);
void lamina_map_done(struct lamina_map *map);

/* Add @link under @hash. Never fails: without memory the table only gets slower. */
void lamina_map_add(struct lamina_map *map, struct lamina_link *link, uint64_t hash);

/* Take @link, which is in the table, out of it. */
void lamina_map_remove(struct lamina_map *map, struct lamina_link *link);

/* Go through the links that were added under @hash: start with NULL, end with NULL. */
struct lamina_link *lamina_map_next(const struct lamina_map *map, const struct lamina_link *after,
				    uint64_t hash);

/* The object that embeds @link as @member. */
#define lamina_container_of(link, type, member) \
	((type *)(void *)((char *)(link) - offsetof(type, member)))
