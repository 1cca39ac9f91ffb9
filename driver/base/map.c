// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Hash tables with chains. The owner locks.
 */
#include "base/map.h"

#include <errno.h>
#include <stdlib.h>

#define BUCKETS_MIN 64

errint_t lamina_map_init(struct lamina_map *map)
{
	map->buckets = calloc(BUCKETS_MIN, sizeof(struct lamina_link *));
	map->mask = BUCKETS_MIN - 1;
	map->n = 0;
	return map->buckets ? 0 : -ENOMEM;
}

void lamina_map_done(struct lamina_map *map)
{
	free(map->buckets);
	map->buckets = NULL;
}

static void resize(struct lamina_map *map, size_t size)
{
	struct lamina_link **buckets = calloc(size, sizeof(struct lamina_link *));

	if (!buckets)
		return;
	for (size_t i = 0; i <= map->mask; i++) {
		struct lamina_link *link = map->buckets[i];

		while (link) {
			struct lamina_link *next = link->next;
			struct lamina_link **bucket = &buckets[link->hash & (size - 1)];

			link->next = *bucket;
			*bucket = link;
			link = next;
		}
	}
	free(map->buckets);
	map->buckets = buckets;
	map->mask = size - 1;
}

void lamina_map_add(struct lamina_map *map, struct lamina_link *link, uint64_t hash)
{
	struct lamina_link **bucket;

	if (map->n > map->mask)
		resize(map, (map->mask + 1) * 2);
	bucket = &map->buckets[hash & map->mask];
	link->hash = hash;
	link->next = *bucket;
	*bucket = link;
	map->n++;
}

void lamina_map_remove(struct lamina_map *map, struct lamina_link *link)
{
	struct lamina_link **at = &map->buckets[link->hash & map->mask];

	while (*at != link)
		at = &(*at)->next;
	*at = link->next;
	map->n--;
	if (map->mask >= BUCKETS_MIN && map->n < map->mask / 8)
		resize(map, (map->mask + 1) / 2);
}

struct lamina_link *lamina_map_next(const struct lamina_map *map, const struct lamina_link *after,
				    uint64_t hash)
{
	struct lamina_link *link = after ? after->next : map->buckets[hash & map->mask];

	while (link && link->hash != hash)
		link = link->next;
	return link;
}
