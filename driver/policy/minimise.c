// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Joining states that are alike: those that say the same and lead to states that are alike. It
 * begins with "all that say the same" and divides until nothing is left to divide.
 *
 * Groups are compared by how they lead on: the names that lead elsewhere than all others, and what
 * leads the others. Two that come to the same by automata of different form stay two.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "policy/automaton.h"

struct division {
	struct lamina_automaton *a;
	uint32_t *states, *groups; /* which are alike: the same number */
	uint32_t *bodies;	   /* automata that differ at most in their labels */
	uint32_t *otherwise;	   /* where each edge's name would lead without the edge */
	uint32_t *words;	   /* room for one signature */
};

/* Number the automata by what they are but for their labels. */
static errint_t compare_bodies(struct division *d)
{
	struct lamina_intern bodies = {.key = {d->a->node_sets.key[0], d->a->node_sets.key[1]}};
	errint_t id = 0;

	for (uint32_t i = 0; id >= 0 && i < d->a->n_names; i++) {
		const struct lamina_names *names = &d->a->names[i];
		size_t n = (size_t)names->n_states * names->n_classes;

		d->words[0] = names->n_states;
		memcpy(d->words + 1, names->classes, sizeof(names->classes));
		memcpy(d->words + 65, names->next, n * sizeof(*names->next));
		id = lamina_intern_add(&bodies, d->words, n + 65);
		d->bodies[i] = (uint32_t)id;
	}
	lamina_intern_done(&bodies);
	return id < 0 ? id : 0;
}

/* Where @name leads from @group, which has no next one, by its edges or by what it has for others. */
static uint32_t target_by(const struct lamina_automaton *a, const struct lamina_group *group,
			  uint32_t name, bool edges)
{
	uint32_t low = group->first, high = group->first + (edges ? group->n : 0);

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (a->edges[middle].name == name)
			return a->edges[middle].target;
		if (a->edges[middle].name < name)
			low = middle + 1;
		else
			high = middle;
	}
	if (group->names) {
		const struct lamina_names *names = &a->names[group->names - 1];
		uint32_t length;
		const char *text = lamina_trie_text(&a->trie.names, name, &length);

		return names->accept[lamina_names_walk(names, text, length)];
	}
	return group->other;
}

static void find_otherwise(struct division *d)
{
	for (uint32_t g = 0; g < d->a->n_groups; g++) {
		const struct lamina_group *group = &d->a->groups[g], *other = group;
		bool next = group->flags & LAMINA_POLICY_NEXT;

		if (next)
			other = &d->a->groups[group->next];
		for (uint32_t i = group->first; i < group->first + group->n; i++)
			d->otherwise[i] = target_by(d->a, other, d->a->edges[i].name, next);
	}
}

/* Whether an edge leads to where its name would lead anyway. */
static bool is_idle(const struct division *d, uint32_t edge)
{
	return d->states[d->a->edges[edge].target] == d->states[d->otherwise[edge]];
}

/* Whether an automaton says the same about all names. */
static bool says_one_thing(const struct division *d, const struct lamina_names *names)
{
	for (uint32_t s = 1; s < names->n_states; s++)
		if (d->states[names->accept[s]] != d->states[names->accept[0]])
			return false;
	return true;
}

/* Where a group without a next one sends names that have no edge. Returns the signature's length. */
static size_t other_signature(const struct division *d, const struct lamina_group *group, size_t n)
{
	const struct lamina_names *names;

	if (!group->names) {
		d->words[n++] = 0;
		d->words[n++] = d->states[group->other];
		return n;
	}
	names = &d->a->names[group->names - 1];
	if (says_one_thing(d, names)) {
		d->words[n++] = 0;
		d->words[n++] = d->states[names->accept[0]];
		return n;
	}
	d->words[n++] = d->bodies[group->names - 1] + 1;
	for (uint32_t s = 0; s < names->n_states; s++)
		d->words[n++] = d->states[names->accept[s]];
	return n;
}

/* The group that does what @number does: its next one, if it has no edges that matter. */
static uint32_t same_as(const struct division *d, uint32_t number)
{
	const struct lamina_group *group = &d->a->groups[number];

	if (!(group->flags & LAMINA_POLICY_NEXT))
		return number;
	for (uint32_t i = group->first; i < group->first + group->n; i++)
		if (!is_idle(d, i))
			return number;
	return group->next;
}

/* How a group leads on, in numbers that are the same for what is alike. Returns its length. */
static size_t group_signature(const struct division *d, uint32_t number)
{
	const struct lamina_group *group = &d->a->groups[number];
	uint32_t edges = 0;
	size_t n = 3;

	if (group->flags & LAMINA_POLICY_SAME) {
		d->words[0] = UINT32_MAX;
		return 1;
	}
	for (uint32_t i = group->first; i < group->first + group->n; i++) {
		if (is_idle(d, i))
			continue;
		d->words[n++] = d->a->edges[i].name;
		d->words[n++] = d->states[d->a->edges[i].target];
		edges++;
	}
	d->words[0] = d->groups[number]; /* what was divided stays so */
	d->words[1] = group->flags & LAMINA_POLICY_NEXT;
	d->words[2] = edges;
	if (!(group->flags & LAMINA_POLICY_NEXT))
		return other_signature(d, group, n);
	d->words[n++] = d->groups[group->next];
	return n;
}

static errint_t divide_groups(struct division *d, uint32_t *ret)
{
	struct lamina_intern seen = {.key = {d->a->node_sets.key[0], d->a->node_sets.key[1]}};
	errint_t id = 0;

	for (uint32_t g = 0; id >= 0 && g < d->a->n_groups; g++) {
		id = lamina_intern_add(&seen, d->words, group_signature(d, same_as(d, g)));
		ret[g] = (uint32_t)id;
	}
	id = id < 0 ? id : (errint_t)seen.n;
	lamina_intern_done(&seen);
	return id;
}

static errint_t divide_states(struct division *d)
{
	struct lamina_intern seen = {.key = {d->a->node_sets.key[0], d->a->node_sets.key[1]}};
	errint_t id = 0;

	for (uint32_t s = 0; id >= 0 && s < d->a->n_states; s++) {
		const uint32_t pair[2] = {d->groups[d->a->states[s].group], d->a->states[s].row};

		id = lamina_intern_add(&seen, pair, 2);
		d->states[s] = (uint32_t)id;
	}
	id = id < 0 ? id : (errint_t)seen.n;
	lamina_intern_done(&seen);
	return id;
}

/* Divide until nothing is left to divide. Returns the number of groups. */
static errint_t divide(struct division *d)
{
	_cleanup_free_ uint32_t *finer = calloc(d->a->n_groups + 1, sizeof(*finer));
	errint_t states, groups = 0, n_states = 0, n_groups = 0;

	if (!finer)
		return -ENOMEM;
	states = divide_states(d);
	while (states > n_states || groups > n_groups) {
		n_states = states;
		n_groups = groups;
		groups = divide_groups(d, finer);
		if (groups < 0)
			return groups;
		memcpy(d->groups, finer, d->a->n_groups * sizeof(*finer));
		states = divide_states(d);
	}
	return states < 0 ? states : n_groups;
}

/* The edges that matter of one group, to new places from @at on. Returns how many. */
static uint32_t join_edges(const struct division *d, const struct lamina_group *group,
			   struct lamina_edge *ret)
{
	uint32_t n = 0;

	for (uint32_t i = group->first; i < group->first + group->n; i++)
		if (!is_idle(d, i))
			ret[n++] = (struct lamina_edge){d->a->edges[i].name,
							d->states[d->a->edges[i].target]};
	return n;
}

/* Keep the first group of those that are alike, or what does the same. */
static errint_t join_groups(struct division *d, uint32_t n)
{
	struct lamina_automaton *a = d->a;
	struct lamina_group *groups = calloc(n + 1, sizeof(*groups));
	struct lamina_edge *edges = calloc((size_t)a->n_edges + 1, sizeof(*edges));
	uint32_t n_groups = 0, n_edges = 0;

	for (uint32_t g = 0; groups && edges && g < a->n_groups; g++) {
		const struct lamina_group *from = &a->groups[same_as(d, g)];
		struct lamina_group *to = &groups[n_groups];

		if (d->groups[g] != n_groups)
			continue;
		*to = *from;
		to->next = d->groups[from->next];
		to->other = d->states[from->other];
		to->first = n_edges;
		to->n = join_edges(d, from, edges + n_edges);
		to->flags &= to->n ? ~0u : ~LAMINA_POLICY_EXACT;
		if (from->names && says_one_thing(d, &a->names[from->names - 1])) {
			to->other = d->states[a->names[from->names - 1].accept[0]];
			to->names = 0;
		}
		n_edges += to->n;
		n_groups++;
	}
	if (!groups || !edges) {
		free(groups);
		free(edges);
		return -ENOMEM;
	}
	free(a->groups);
	free(a->edges);
	a->groups = groups;
	a->edges = edges;
	a->n_groups = n_groups;
	a->n_edges = n_edges;
	return 0;
}

static errint_t join(struct division *d, uint32_t n)
{
	struct lamina_automaton *a = d->a;
	uint32_t n_states = 0;
	errint_t err = join_groups(d, n);

	if (err < 0)
		return err;
	for (uint32_t i = 0; i < a->n_names; i++)
		for (uint32_t s = 0; s < a->names[i].n_states; s++)
			a->names[i].accept[s] = d->states[a->names[i].accept[s]];
	for (uint32_t s = 0; s < a->n_states; s++)
		if (d->states[s] == n_states)
			a->states[n_states++] = (struct lamina_state){d->groups[a->states[s].group],
								      a->states[s].row};
	a->root = d->states[a->root];
	a->n_states = n_states;
	return 0;
}

/* Room for the longest signature. */
static size_t longest(const struct lamina_automaton *a)
{
	size_t most = 0;

	for (uint32_t g = 0; g < a->n_groups; g++)
		if (a->groups[g].n > most)
			most = a->groups[g].n;
	most = most * 2 + 8;
	for (uint32_t i = 0; i < a->n_names; i++) {
		size_t n = (size_t)a->names[i].n_states * (a->names[i].n_classes + 1) + 66;

		most += n > most ? n - most : 0;
	}
	return most * 2;
}

errint_t lamina_automaton_minimise(struct lamina_automaton *a)
{
	size_t n = longest(a) + a->n_states + a->n_groups + a->n_names + a->n_edges;
	_cleanup_free_ uint32_t *words = calloc(n, sizeof(*words));
	struct division d = {.a = a};
	errint_t err;

	if (!words)
		return -ENOMEM;
	d.states = words;
	d.groups = d.states + a->n_states;
	d.bodies = d.groups + a->n_groups;
	d.otherwise = d.bodies + a->n_names;
	d.words = d.otherwise + a->n_edges;
	err = compare_bodies(&d);
	if (err < 0)
		return err;
	find_otherwise(&d);
	err = divide(&d);
	if (err >= 0)
		err = join(&d, (uint32_t)err);
	for (uint32_t i = 0; err >= 0 && i < a->n_names; i++)
		err = lamina_names_minimise(&a->names[i]);
	return err < 0 ? err : 0;
}
