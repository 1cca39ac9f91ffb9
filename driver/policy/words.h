/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Growing lists of words: nodes of a set, rules.
 */
#pragma once

#include "base/cleanup.h"
#include "policy/intern.h"

struct lamina_words {
	uint32_t *list;
	size_t n, room;
};

void lamina_words_done(struct lamina_words *w);

#define _cleanup_words_ _cleanup_(lamina_words_done)

errint_t lamina_words_add(struct lamina_words *w, uint32_t word);

/* Add a copy of an interned sequence, which may move. */
errint_t lamina_words_copy(struct lamina_words *w, const struct lamina_intern *t, uint32_t id);

/* Put them in order, each once. */
void lamina_words_sort(struct lamina_words *w);
