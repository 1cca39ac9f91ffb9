/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The known word that an unknown one was meant to be: "did you mean ...". Words are compared by how many
 * letters must be added, removed, changed or exchanged with their neighbour.
 */
#pragma once

#include <stddef.h>

struct lamina_nearest {
	const char *word; /* the unknown one */
	const char *best; /* so far; NULL: none is near */
	unsigned int distance;
};

/* Begin with @word, which must live as long. */
void lamina_nearest_begin(struct lamina_nearest *n, const char *word);

/* One of the known words; must live as long as n->best is used. */
void lamina_nearest_try(struct lamina_nearest *n, const char *known);

/* "; did you mean 'WORD'?" with @prefix before the word, or "" if none is near. Returns @ret. */
const char *lamina_nearest_hint(const struct lamina_nearest *n, const char *prefix, char *ret,
				size_t size);
