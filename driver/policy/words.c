// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Growing lists of words.
 */
#include "policy/words.h"

#include <errno.h>
#include <stdlib.h>

void lamina_words_done(struct lamina_words *w)
{
	free(w->list);
	*w = (struct lamina_words){0};
}

errint_t lamina_words_add(struct lamina_words *w, uint32_t word)
{
	if (w->n == w->room) {
		size_t room = w->room ? w->room * 2 : 32;
		uint32_t *list = reallocarray(w->list, room, sizeof(*list));

		if (!list)
			return -ENOMEM;
		w->list = list;
		w->room = room;
	}
	w->list[w->n++] = word;
	return 0;
}

static int compare_words(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

void lamina_words_sort(struct lamina_words *w)
{
	size_t kept = 0;

	if (w->n > 1)
		qsort(w->list, w->n, sizeof(*w->list), compare_words);
	for (size_t i = 0; i < w->n; i++)
		if (kept == 0 || w->list[kept - 1] != w->list[i])
			w->list[kept++] = w->list[i];
	w->n = kept;
}

errint_t lamina_words_copy(struct lamina_words *w, const struct lamina_intern *t, uint32_t id)
{
	size_t n;
	const uint32_t *words = lamina_intern_get(t, id, &n);
	errint_t err = 0;

	for (size_t i = 0; err == 0 && i < n; i++)
		err = lamina_words_add(w, words[i]);
	return err;
}
