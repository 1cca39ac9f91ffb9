// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Joining states of an automaton for names that no name tells apart: it begins with "the same
 * label" and divides until nothing is left to divide.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "policy/names.h"

/* One round: states are alike if their label is and they lead to states that were alike. */
static errint_t refine(const struct lamina_names *names, const uint32_t *alike, uint32_t *ret)
{
	uint32_t words[257];
	struct lamina_intern signatures = {0};
	errint_t id = 0;

	for (uint32_t s = 0; id >= 0 && s < names->n_states; s++) {
		words[0] = alike[s];
		for (uint32_t class = 0; class < names->n_classes; class ++)
			words[1 + class] = alike[names->next[(size_t)s * names->n_classes + class]];
		id = lamina_intern_add(&signatures, words, 1 + names->n_classes);
		ret[s] = (uint32_t)id;
	}
	id = id < 0 ? id : (errint_t)signatures.n;
	lamina_intern_done(&signatures);
	return id;
}

/* Keep the first state of those that are alike. They are numbered in the order of their coming, so
 * each comes to lie at or before the place that it had. */
static void join(struct lamina_names *names, const uint32_t *alike, uint32_t n)
{
	uint32_t kept = 0;

	for (uint32_t s = 0; s < names->n_states; s++) {
		if (alike[s] != kept)
			continue;
		for (uint32_t class = 0; class < names->n_classes; class ++)
			names->next[(size_t)kept * names->n_classes + class] =
				alike[names->next[(size_t)s * names->n_classes + class]];
		names->accept[kept++] = names->accept[s];
	}
	names->n_states = n;
}

errint_t lamina_names_minimise(struct lamina_names *names)
{
	_cleanup_free_ uint32_t *alike = calloc(names->n_states, sizeof(*alike));
	_cleanup_free_ uint32_t *finer = calloc(names->n_states, sizeof(*finer));
	errint_t n = 0, before;

	if (!alike || !finer)
		return -ENOMEM;
	memcpy(alike, names->accept, names->n_states * sizeof(*alike));
	do {
		uint32_t *other = alike;

		before = n;
		n = refine(names, alike, finer);
		if (n < 0)
			return n;
		alike = finer;
		finer = other;
	} while (n > before);
	join(names, alike, (uint32_t)n);
	return 0;
}
