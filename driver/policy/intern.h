/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sequences of words, each kept once and known by a number: 0, 1, 2, ... in the order in which they
 * came. The compiler's sets, rows, names and signatures are such sequences.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/errint.h"

struct lamina_intern {
	uint64_t key[2];
	uint32_t *words; /* all sequences, one after the other */
	size_t n_words, words_room;
	struct lamina_interned *entries;
	uint32_t n, room;
	uint32_t *slots; /* number + 1; 0: free */
	uint32_t mask;
};

/* Zeroed is empty, too: @key is for sequences that somebody may choose. */
void lamina_intern_init(struct lamina_intern *t, const uint64_t key[2]);
void lamina_intern_done(struct lamina_intern *t);

/* The number of the @n words at @words, a new one if need be. -ENOMEM. */
errint_t lamina_intern_add(struct lamina_intern *t, const uint32_t *words, size_t n);

/* The number of the sequence, or -ENOENT. */
errint_t lamina_intern_find(const struct lamina_intern *t, const uint32_t *words, size_t n);

/* The sequence number @id; it stays there until the next addition. */
const uint32_t *lamina_intern_get(const struct lamina_intern *t, uint32_t id, size_t *ret_n);
