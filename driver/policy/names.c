// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The automaton for names: patterns become a tree of their elements, whose nodes are the positions
 * of a nondeterministic automaton ('*' is a node that leads to itself); sets of positions become
 * states. Sharing beginnings keeps the sets small where thousands of patterns begin with '*'.
 */
#include "policy/names.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/limits.h"
#include "policy/glob.h"
#include "policy/words.h"

#define NONE UINT32_MAX
#define MANY (UINT32_MAX - 1)

/* A position. What it reaches: one target, MANY, or NONE. */
struct position {
	uint32_t atom; /* that leads here, in `atoms`; of a '*': none */
	uint32_t first, sibling, star;
	uint32_t accepts; /* in `ends`, a list */
	uint32_t parent, origin, reaches;
	bool loop;
};

struct end {
	uint32_t target, next;
};

struct builder {
	struct position *positions;
	uint32_t n, room;
	struct end *ends;
	uint32_t n_ends;
	struct lamina_intern edges, atoms, sets;
	struct lamina_names *names;
	uint32_t next_room;	     /* states that next[] and accept[] hold */
	uint64_t *atom_classes;	     /* four words an atom */
	uint32_t *set, *moved;	     /* room for all positions */
	struct lamina_words buckets; /* (class, position) pairs */
	uint32_t *work;
};

static errint_t add_position(struct builder *b, uint32_t parent, uint32_t atom, bool loop,
			     uint32_t origin)
{
	if (b->n == b->room) {
		uint32_t room = b->room ? b->room * 2 : 64;
		struct position *positions = reallocarray(b->positions, room, sizeof(*positions));

		if (!positions)
			return -ENOMEM;
		b->positions = positions;
		b->room = room;
	}
	b->positions[b->n] = (struct position){
		.atom = atom,
		.first = NONE,
		.sibling = NONE,
		.star = NONE,
		.accepts = NONE,
		.parent = parent,
		.origin = origin,
		.reaches = NONE,
		.loop = loop,
	};
	return (errint_t)b->n++;
}

/* The position behind @atom of @at. */
static errint_t enter(struct builder *b, uint32_t at, const struct lamina_glob_atom *atom,
		      uint32_t origin)
{
	uint32_t edge[2] = {at, NONE};
	errint_t id, child;

	if (!atom->star) {
		uint32_t words[8];

		memcpy(words, atom->set, sizeof(words));
		id = lamina_intern_add(&b->atoms, words, 8);
		if (id < 0)
			return id;
		edge[1] = (uint32_t)id;
	}
	id = lamina_intern_add(&b->edges, edge, 2);
	if (id < 0 || (uint32_t)id + 1 < b->n)
		return id < 0 ? id : id + 1;
	child = add_position(b, at, edge[1], atom->star, origin);
	if (child < 0)
		return child;
	if (atom->star) {
		b->positions[at].star = (uint32_t)child;
	} else {
		b->positions[child].sibling = b->positions[at].first;
		b->positions[at].first = (uint32_t)child;
	}
	return child;
}

static errint_t add_pattern(struct builder *b, const struct lamina_name_pattern *pattern)
{
	const char *at = pattern->text, *end = at + pattern->length, *problem;
	struct lamina_glob_atom atom = {0};
	errint_t position = 0, more;

	while ((more = lamina_glob_atom_next(&at, end, &atom, &problem)) > 0) {
		position = enter(b, (uint32_t)position, &atom, pattern->origin);
		if (position < 0)
			return position;
	}
	if (more < 0)
		return more;
	b->ends[b->n_ends] = (struct end){pattern->target, b->positions[position].accepts};
	b->positions[position].accepts = b->n_ends++;
	return 0;
}

static uint32_t join_reach(uint32_t a, uint32_t b)
{
	if (a == NONE || a == b)
		return b;
	return b == NONE ? a : MANY;
}

/* What can still be reported from each position: children come after their parents. */
static void find_reach(struct builder *b)
{
	for (uint32_t i = b->n; i-- > 0;) {
		struct position *p = &b->positions[i];

		for (uint32_t e = p->accepts; e != NONE; e = b->ends[e].next)
			p->reaches = join_reach(p->reaches, b->ends[e].target);
		if (p->parent != NONE)
			b->positions[p->parent].reaches =
				join_reach(b->positions[p->parent].reaches, p->reaches);
	}
}

/* Bytes that no pattern tells apart are one class. */
static void find_classes(struct builder *b)
{
	struct lamina_names *names = b->names;

	memset(names->classes, 0, sizeof(names->classes));
	names->n_classes = 1;
	for (uint32_t i = 0; i < b->atoms.n && names->n_classes < 256; i++) {
		uint32_t split[256], n = names->n_classes;
		struct lamina_glob_atom atom = {0};
		size_t n_words;
		uint32_t out[256] = {0}, in[256] = {0};

		memcpy(atom.set, lamina_intern_get(&b->atoms, i, &n_words), sizeof(atom.set));
		for (unsigned int byte = 0; byte < 256; byte++) {
			uint32_t *which = lamina_glob_atom_has(&atom, byte) ? in : out;

			which[names->classes[byte]]++;
		}
		for (uint32_t class = 0; class < n; class ++)
			split[class] = in[class] && out[class] ? names->n_classes++ : class;
		for (unsigned int byte = 0; byte < 256; byte++)
			if (lamina_glob_atom_has(&atom, byte))
				names->classes[byte] = (uint8_t)split[names->classes[byte]];
	}
}

static int compare_words(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static uint32_t sort_unique(uint32_t *words, uint32_t n)
{
	uint32_t kept = 0;

	if (n > 1)
		qsort(words, n, sizeof(*words), compare_words);
	for (uint32_t i = 0; i < n; i++)
		if (kept == 0 || words[kept - 1] != words[i])
			words[kept++] = words[i];
	return kept;
}

/* Whether @p matches whatever comes, and reports just one target. */
static uint32_t certain_target(const struct builder *b, const struct position *p)
{
	return p->loop && p->accepts != NONE && b->ends[p->accepts].next == NONE
		       ? b->ends[p->accepts].target
		       : NONE;
}

/*
 * The state of the positions in b->moved, @n of them. A position that can report nothing but what
 * another reports in any case is left out: else patterns with two '*' each would multiply.
 */
static errint_t state_of(struct builder *b, uint32_t n)
{
	uint32_t *set = b->moved, kept = 0, certain = NONE;

	n = sort_unique(set, n);
	for (uint32_t i = 0; i < n && certain == NONE; i++)
		certain = certain_target(b, &b->positions[set[i]]);
	for (uint32_t i = 0; i < n; i++) {
		const struct position *p = &b->positions[set[i]];

		if (certain == NONE || p->reaches != certain || certain_target(b, p) == certain)
			set[kept++] = set[i];
	}
	return lamina_intern_add(&b->sets, set, kept);
}

static void add_moved(struct builder *b, uint32_t *n, uint32_t position)
{
	b->moved[(*n)++] = position;
	if (b->positions[position].star != NONE)
		b->moved[(*n)++] = b->positions[position].star;
}

static errint_t put_in_bucket(struct builder *b, uint32_t class, uint32_t position)
{
	errint_t err = lamina_words_add(&b->buckets, class);

	return err < 0 ? err : lamina_words_add(&b->buckets, position);
}

/* The classes of the bytes that lead to @position. */
static errint_t sort_position(struct builder *b, uint32_t position)
{
	const uint64_t *classes = b->atom_classes + (size_t)b->positions[position].atom * 4;
	errint_t err = 0;

	for (uint32_t i = 0; i < 4; i++)
		for (uint64_t left = classes[i]; err == 0 && left; left &= left - 1)
			err = put_in_bucket(b, i * 64 + (uint32_t)__builtin_ctzll(left), position);
	return err;
}

/* The classes of each atom's bytes, as a set. */
static errint_t find_atom_classes(struct builder *b)
{
	b->atom_classes = calloc((size_t)b->atoms.n + 1, 4 * sizeof(*b->atom_classes));
	if (!b->atom_classes)
		return -ENOMEM;
	for (uint32_t i = 0; i < b->atoms.n; i++) {
		uint64_t *classes = b->atom_classes + (size_t)i * 4;
		struct lamina_glob_atom atom = {0};
		size_t n;

		memcpy(atom.set, lamina_intern_get(&b->atoms, i, &n), sizeof(atom.set));
		for (unsigned int byte = 0; byte < 256; byte++) {
			uint8_t class = b->names->classes[byte];

			if (lamina_glob_atom_has(&atom, byte))
				classes[class / 64] |= UINT64_C(1) << class % 64;
		}
	}
	return 0;
}

static int compare_pairs(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	if (x[0] != y[0])
		return x[0] < y[0] ? -1 : 1;
	return x[1] < y[1] ? -1 : x[1] > y[1];
}

/* Room for the transitions of one state more. */
static errint_t grow_next(struct builder *b, uint32_t state)
{
	uint32_t room = b->next_room ? b->next_room * 2 : 16, *next, *accept;

	if (state < b->next_room)
		return 0;
	next = reallocarray(b->names->next, (size_t)room * b->names->n_classes, sizeof(*next));
	if (!next)
		return -ENOMEM;
	b->names->next = next;
	accept = reallocarray(b->names->accept, room, sizeof(*accept));
	if (!accept)
		return -ENOMEM;
	b->names->accept = accept;
	b->next_room = room;
	return 0;
}

/* What names that end in the set of @n positions report. */
static errint_t label_of(struct builder *b, uint32_t n, struct lamina_intern *labels)
{
	uint32_t n_targets = 0, at = 0;
	_cleanup_free_ uint32_t *targets = NULL;

	for (uint32_t i = 0; i < n; i++)
		for (uint32_t e = b->positions[b->set[i]].accepts; e != NONE; e = b->ends[e].next)
			n_targets++;
	targets = calloc(n_targets + 1, sizeof(*targets));
	if (!targets)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++)
		for (uint32_t e = b->positions[b->set[i]].accepts; e != NONE; e = b->ends[e].next)
			targets[at++] = b->ends[e].target;
	*b->work -= n_targets < *b->work ? n_targets : *b->work;
	return lamina_intern_add(labels, targets, sort_unique(targets, at));
}

/* Where the set in b->set, of @n positions, leads by each class. */
static errint_t expand(struct builder *b, uint32_t state, uint32_t n)
{
	uint32_t classes = b->names->n_classes, loops = 0;
	errint_t target;

	b->buckets.n = 0;
	for (uint32_t i = 0; i < n; i++)
		for (uint32_t c = b->positions[b->set[i]].first; c != NONE;
		     c = b->positions[c].sibling)
			if (sort_position(b, c) < 0)
				return -ENOMEM;
	if (b->buckets.n > 0)
		qsort(b->buckets.list, b->buckets.n / 2, 2 * sizeof(*b->buckets.list),
		      compare_pairs);
	for (uint32_t i = 0; i < n; i++)
		if (b->positions[b->set[i]].loop)
			b->moved[loops++] = b->set[i];
	target = state_of(b, loops);
	for (uint32_t class = 0; target >= 0 && class < classes; class ++)
		b->names->next[(size_t)state * classes + class] = (uint32_t)target;
	for (size_t i = 0; target >= 0 && i < b->buckets.n;) {
		uint32_t class = b->buckets.list[i], count = 0;

		for (uint32_t k = 0; k < n; k++)
			if (b->positions[b->set[k]].loop)
				b->moved[count++] = b->set[k];
		for (; i < b->buckets.n && b->buckets.list[i] == class; i += 2)
			add_moved(b, &count, b->buckets.list[i + 1]);
		*b->work -= count + n < *b->work ? count + n : *b->work;
		target = state_of(b, count);
		b->names->next[(size_t)state * classes + class] = (uint32_t)target;
	}
	return target < 0 ? target : 0;
}

/* The pattern whose position splits the states most evenly: it is what doubles them. */
static uint32_t find_culprit(const struct builder *b)
{
	_cleanup_free_ uint32_t *counts = calloc(b->n, sizeof(*counts));
	uint32_t best = 0, most = 0;

	if (!counts)
		return b->positions[b->n - 1].origin;
	for (uint32_t i = 0; i < b->sets.n; i++) {
		size_t n;
		const uint32_t *set = lamina_intern_get(&b->sets, i, &n);

		for (size_t k = 0; k < n; k++)
			counts[set[k]]++;
	}
	for (uint32_t i = 0; i < b->n; i++) {
		uint32_t even =
			counts[i] < b->sets.n - counts[i] ? counts[i] : b->sets.n - counts[i];

		if (even > most) {
			most = even;
			best = i;
		}
	}
	return b->positions[best].origin;
}

static errint_t make_states(struct builder *b, struct lamina_intern *labels, uint32_t max_states,
			    uint32_t *ret_culprit)
{
	uint32_t n = 0, state;
	errint_t err;

	add_moved(b, &n, 0);
	err = state_of(b, n);
	for (state = 0; err >= 0 && state < b->sets.n; state++) {
		const uint32_t *set;
		size_t size;

		if (b->sets.n > max_states || *b->work == 0 ||
		    (uint64_t)b->sets.n * b->names->n_classes > LAMINA_POLICY_MAX_WORDS) {
			*ret_culprit = find_culprit(b);
			return -E2BIG;
		}
		set = lamina_intern_get(&b->sets, state, &size);
		memcpy(b->set, set, size * sizeof(*set));
		err = grow_next(b, state);
		if (err == 0)
			err = label_of(b, (uint32_t)size, labels);
		if (err < 0)
			break;
		b->names->accept[state] = (uint32_t)err;
		err = expand(b, state, (uint32_t)size);
	}
	b->names->n_states = state;
	return err < 0 ? err : 0;
}

static errint_t build(struct builder *b, const struct lamina_name_pattern *patterns, size_t n,
		      struct lamina_intern *labels, uint32_t max_states, uint32_t *ret_culprit)
{
	errint_t err = add_position(b, NONE, NONE, false, n > 0 ? patterns[0].origin : 0);

	b->ends = calloc(n + 1, sizeof(*b->ends));
	if (!b->ends)
		return -ENOMEM;
	for (size_t i = 0; err >= 0 && i < n; i++)
		err = add_pattern(b, &patterns[i]);
	if (err < 0)
		return err;
	/* A set comes with its loops, and with twice what moved, before it is sorted. */
	b->set = calloc(b->n, sizeof(*b->set));
	b->moved = calloc((size_t)b->n * 3, sizeof(*b->moved));
	if (!b->set || !b->moved)
		return -ENOMEM;
	find_reach(b);
	find_classes(b);
	err = find_atom_classes(b);
	if (err < 0)
		return err;
	return make_states(b, labels, max_states, ret_culprit);
}

errint_t lamina_names_build(struct lamina_names *names, const struct lamina_name_pattern *patterns,
			    size_t n, struct lamina_intern *labels, uint32_t max_states,
			    uint32_t *work, uint32_t *ret_culprit)
{
	struct builder b = {.names = names, .work = work};
	errint_t err;

	*names = (struct lamina_names){0};
	lamina_intern_init(&b.edges, labels->key);
	lamina_intern_init(&b.atoms, labels->key);
	lamina_intern_init(&b.sets, labels->key);
	err = build(&b, patterns, n, labels, max_states, ret_culprit);
	lamina_intern_done(&b.edges);
	lamina_intern_done(&b.atoms);
	lamina_intern_done(&b.sets);
	free(b.positions);
	free(b.ends);
	free(b.atom_classes);
	free(b.set);
	free(b.moved);
	lamina_words_done(&b.buckets);
	if (err < 0)
		lamina_names_done(names);
	return err;
}

void lamina_names_done(struct lamina_names *names)
{
	free(names->next);
	free(names->accept);
	*names = (struct lamina_names){0};
}

uint32_t lamina_names_walk(const struct lamina_names *names, const char *name, size_t length)
{
	uint32_t state = 0;

	for (size_t i = 0; i < length; i++)
		state = names->next[(size_t)state * names->n_classes +
				    names->classes[(unsigned char)name[i]]];
	return state;
}
