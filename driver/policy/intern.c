// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Interned sequences: an array, and open addressing to find them.
 */
#include "policy/intern.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

struct lamina_interned {
	size_t first;
	uint32_t n;
	uint32_t hash;
};

void lamina_intern_init(struct lamina_intern *t, const uint64_t key[2])
{
	*t = (struct lamina_intern){.key = {key[0], key[1]}};
}

void lamina_intern_done(struct lamina_intern *t)
{
	free(t->words);
	free(t->entries);
	free(t->slots);
	*t = (struct lamina_intern){0};
}

/* The slot of the sequence, or the free one where it belongs. */
static uint32_t slot_of(const struct lamina_intern *t, const uint32_t *words, size_t n,
			uint32_t hash)
{
	uint32_t slot = hash & t->mask;

	while (t->slots[slot]) {
		const struct lamina_interned *e = &t->entries[t->slots[slot] - 1];

		if (e->hash == hash && e->n == n &&
		    (n == 0 || !memcmp(t->words + e->first, words, n * sizeof(*words))))
			break;
		slot = (slot + 1) & t->mask;
	}
	return slot;
}

static uint32_t hash_of(const struct lamina_intern *t, const uint32_t *words, size_t n)
{
	return (uint32_t)lamina_hash(t->key, words, n * sizeof(*words));
}

errint_t lamina_intern_find(const struct lamina_intern *t, const uint32_t *words, size_t n)
{
	uint32_t found;

	if (!t->slots)
		return -ENOENT;
	found = t->slots[slot_of(t, words, n, hash_of(t, words, n))];
	return found ? (errint_t)(found - 1) : -ENOENT;
}

/* Twice as many slots; they are never more than half full. */
static errint_t grow_slots(struct lamina_intern *t)
{
	uint32_t size = t->slots ? (t->mask + 1) * 2 : 64;
	uint32_t *slots = calloc(size, sizeof(*slots));

	if (!slots)
		return -ENOMEM;
	for (uint32_t i = 0; i < t->n; i++) {
		uint32_t slot = t->entries[i].hash & (size - 1);

		while (slots[slot])
			slot = (slot + 1) & (size - 1);
		slots[slot] = i + 1;
	}
	free(t->slots);
	t->slots = slots;
	t->mask = size - 1;
	return 0;
}

static errint_t grow_arrays(struct lamina_intern *t, size_t n)
{
	if (t->n == t->room) {
		uint32_t room = t->room ? t->room * 2 : 32;
		struct lamina_interned *entries = reallocarray(t->entries, room, sizeof(*entries));

		if (!entries)
			return -ENOMEM;
		t->entries = entries;
		t->room = room;
	}
	if (t->n_words + n > t->words_room) {
		size_t room = (t->n_words + n) * 2;
		uint32_t *words = reallocarray(t->words, room, sizeof(*words));

		if (!words)
			return -ENOMEM;
		t->words = words;
		t->words_room = room;
	}
	return 0;
}

errint_t lamina_intern_add(struct lamina_intern *t, const uint32_t *words, size_t n)
{
	uint32_t hash = hash_of(t, words, n), slot;

	if (t->n >= INT_MAX / 4 || n > UINT32_MAX)
		return -ENOMEM;
	if ((!t->slots || t->n * 2 > t->mask) && grow_slots(t) < 0)
		return -ENOMEM;
	slot = slot_of(t, words, n, hash);
	if (t->slots[slot])
		return (errint_t)(t->slots[slot] - 1);
	if (grow_arrays(t, n) < 0)
		return -ENOMEM;
	t->entries[t->n] = (struct lamina_interned){
		.first = t->n_words,
		.n = (uint32_t)n,
		.hash = hash,
	};
	if (n > 0)
		memcpy(t->words + t->n_words, words, n * sizeof(*words));
	t->n_words += n;
	t->slots[slot] = ++t->n;
	return (errint_t)(t->n - 1);
}

const uint32_t *lamina_intern_get(const struct lamina_intern *t, uint32_t id, size_t *ret_n)
{
	static const uint32_t none;

	*ret_n = t->entries[id].n;
	return t->words ? t->words + t->entries[id].first : &none;
}
