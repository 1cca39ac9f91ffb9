// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Writing the automaton as a table. The same policy gives the same table, whatever random numbers
 * its tables were filled with on the way: all is written in the order in which it was found.
 */
#include "policy/emit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/limits.h"

#define SEEDS	 8 /* to try for a hash table, before it is made larger */
#define NOT_MADE UINT32_MAX

struct emitter {
	const struct lamina_automaton *a;
	uint32_t *words;
	uint32_t n, room;
	uint32_t *rows;	 /* new number of each row, or NOT_MADE */
	uint32_t *names; /* how slots refer to each name, or NOT_MADE */
};

/* Append @n words, which are 0. Returns where, or -errno. */
static errint_t append(struct emitter *e, uint32_t n)
{
	if (e->n + n > LAMINA_POLICY_MAX_WORDS)
		return -EFBIG;
	if (e->n + n > e->room) {
		uint32_t room = (e->n + n) * 2;
		uint32_t *words = reallocarray(e->words, room, sizeof(*words));

		if (!words)
			return -ENOMEM;
		e->words = words;
		e->room = room;
	}
	memset(e->words + e->n, 0, n * sizeof(*e->words));
	e->n += n;
	return (errint_t)(e->n - n);
}

static void header(struct emitter *e, enum lamina_policy_header at, uint32_t value)
{
	e->words[at] = value;
}

/* Append @length bytes, four a word, the first in the lowest bits. */
static errint_t append_bytes(struct emitter *e, const char *bytes, size_t length)
{
	errint_t at = append(e, (uint32_t)(length + 3) / 4);

	for (size_t i = 0; at >= 0 && i < length; i++)
		e->words[(size_t)at + i / 4] |= (uint32_t)(unsigned char)bytes[i] << i % 4 * 8;
	return at;
}

static errint_t emit_states(struct emitter *e)
{
	errint_t at = append(e, e->a->n_states * LAMINA_POLICY_STATE_WORDS);
	uint32_t n_rows = 0;

	if (at < 0)
		return at;
	header(e, LAMINA_POLICY_AT_ROOT, e->a->root);
	header(e, LAMINA_POLICY_AT_N_STATES, e->a->n_states);
	header(e, LAMINA_POLICY_AT_STATES, (uint32_t)at);
	for (uint32_t i = 0; i < e->a->n_states; i++) {
		const struct lamina_state *state = &e->a->states[i];
		uint32_t *words = e->words + at + i * LAMINA_POLICY_STATE_WORDS;

		if (e->rows[state->row] == NOT_MADE)
			e->rows[state->row] = n_rows++;
		words[0] = state->group;
		words[1] = e->rows[state->row];
	}
	header(e, LAMINA_POLICY_AT_N_ROWS, n_rows);
	return 0;
}

static errint_t emit_rows(struct emitter *e)
{
	uint32_t n = e->words[LAMINA_POLICY_AT_N_ROWS];
	errint_t at = append(e, n * LAMINA_POLICY_BITS);

	if (at < 0)
		return at;
	header(e, LAMINA_POLICY_AT_ROWS, (uint32_t)at);
	for (uint32_t i = 0; i < e->a->row_words.n; i++) {
		size_t n_words;
		const uint32_t *row = lamina_intern_get(&e->a->row_words, i, &n_words);

		if (e->rows[i] != NOT_MADE)
			memcpy(e->words + at + e->rows[i] * LAMINA_POLICY_BITS, row,
			       LAMINA_POLICY_BITS * sizeof(*row));
	}
	return 0;
}

/* Does no byte lead on from a state? */
static bool stays(const struct lamina_names *names, uint32_t state)
{
	const uint32_t *next = names->next + (size_t)state * names->n_classes;

	for (uint32_t class = 0; class < names->n_classes; class ++)
		if (next[class] != state)
			return false;
	return true;
}

static errint_t emit_automaton(struct emitter *e, const struct lamina_names *names)
{
	uint32_t cells = names->n_states * names->n_classes;
	uint32_t body = 2 + LAMINA_POLICY_CLASS_WORDS;
	errint_t at = append(e, body + cells + names->n_states);
	uint32_t *words, *targets;

	if (at < 0)
		return at;
	words = e->words + at;
	words[0] = names->n_classes;
	words[1] = names->n_states;
	for (uint32_t i = 0; i < 256; i++)
		words[2 + i / 4] |= (uint32_t)names->classes[i] << i % 4 * 8;
	/* Where the targets will be there is room for marks. */
	targets = words + body + cells;
	for (uint32_t s = 0; s < names->n_states; s++)
		targets[s] = stays(names, s) ? LAMINA_POLICY_STAYS : 0;
	for (uint32_t i = 0; i < cells; i++)
		words[body + i] = names->next[i] | targets[names->next[i]];
	memcpy(targets, names->accept, names->n_states * sizeof(*words));
	return at;
}

/* Automata that are the same are written once. @places: where each group's is, or 0. */
static errint_t emit_automata(struct emitter *e, uint32_t *places)
{
	struct lamina_intern seen = {.key = {e->a->node_sets.key[0], e->a->node_sets.key[1]}};
	_cleanup_free_ uint32_t *first = calloc(e->a->n_groups + 1, sizeof(*first));
	errint_t at = first ? 0 : -ENOMEM;

	header(e, LAMINA_POLICY_AT_AUTOMATA, e->n);
	for (uint32_t g = 0; at >= 0 && g < e->a->n_groups; g++) {
		errint_t id;

		if (!e->a->groups[g].names)
			continue;
		at = emit_automaton(e, &e->a->names[e->a->groups[g].names - 1]);
		if (at < 0)
			break;
		id = lamina_intern_add(&seen, e->words + at, e->n - (uint32_t)at);
		if (id < 0)
			at = id;
		else if (first[id])
			e->n = (uint32_t)at; /* take it back */
		else
			first[id] = (uint32_t)at;
		if (id >= 0)
			places[g] = first[id];
	}
	header(e, LAMINA_POLICY_AT_N_AUTOMATA, seen.n);
	header(e, LAMINA_POLICY_AT_AUTOMATA_END, e->n);
	lamina_intern_done(&seen);
	return at < 0 ? at : 0;
}

static errint_t emit_groups(struct emitter *e)
{
	_cleanup_free_ uint32_t *places = calloc(e->a->n_groups + 1, sizeof(*places));
	errint_t err = places ? emit_automata(e, places) : -ENOMEM, at;

	if (err < 0)
		return err;
	at = append(e, e->a->n_groups * LAMINA_POLICY_GROUP_WORDS);
	if (at < 0)
		return at;
	header(e, LAMINA_POLICY_AT_N_GROUPS, e->a->n_groups);
	header(e, LAMINA_POLICY_AT_GROUPS, (uint32_t)at);
	for (uint32_t g = 0; g < e->a->n_groups; g++) {
		const struct lamina_group *group = &e->a->groups[g];
		uint32_t *words = e->words + at + g * LAMINA_POLICY_GROUP_WORDS;

		words[0] = group->flags;
		words[1] = group->flags & LAMINA_POLICY_NEXT ? group->next : 0;
		words[2] = places[g];
		words[3] = group->other;
	}
	return 0;
}

/* ---- names ---- */

/* Write a name if it was not yet. */
static errint_t emit_name(struct emitter *e, uint32_t name)
{
	uint32_t length;
	const char *text = lamina_trie_text(&e->a->trie.names, name, &length);

	if (e->names[name] == NOT_MADE) {
		errint_t at = append_bytes(e, text, length);

		if (at < 0)
			return at;
		e->names[name] = (uint32_t)at << 8 | length;
	}
	return 0;
}

static bool is_free(const uint32_t *slot)
{
	return slot[0] == 0;
}

/* How many slots of a bucket are taken. */
static uint32_t taken(const uint32_t *bucket)
{
	uint32_t n = 0;

	while (n < LAMINA_POLICY_BUCKET && !is_free(bucket + n * LAMINA_POLICY_SLOT_WORDS))
		n++;
	return n;
}

/* Put one edge into the emptier one of its two buckets. False: both are full. */
static bool place_edge(uint32_t *slots, uint32_t mask, const uint32_t slot[4], uint32_t group)
{
	const uint32_t size = LAMINA_POLICY_BUCKET * LAMINA_POLICY_SLOT_WORDS;
	uint32_t *one = slots + (size_t)(lamina_policy_bucket(slot[1], group, 0) & mask) * size;
	uint32_t *two = slots + (size_t)(lamina_policy_bucket(slot[1], group, 1) & mask) * size;
	uint32_t *bucket = taken(two) < taken(one) ? two : one;
	uint32_t n = taken(bucket);

	if (n == LAMINA_POLICY_BUCKET)
		return false;
	memcpy(bucket + n * LAMINA_POLICY_SLOT_WORDS, slot, 4 * sizeof(*slot));
	return true;
}

static bool place_all(const struct emitter *e, uint32_t *slots, uint32_t mask, uint32_t seed)
{
	for (uint32_t g = 0; g < e->a->n_groups; g++) {
		const struct lamina_group *group = &e->a->groups[g];

		for (uint32_t i = group->first; i < group->first + group->n; i++) {
			const struct lamina_edge *edge = &e->a->edges[i];
			uint32_t slot[4] = {g + 1, 0, e->names[edge->name], edge->target}, length;
			const char *text = lamina_trie_text(&e->a->trie.names, edge->name, &length);

			slot[1] = lamina_policy_hash(seed, text, length);
			if (!place_edge(slots, mask, slot, g))
				return false;
		}
	}
	return true;
}

static errint_t emit_slots(struct emitter *e, uint32_t n_edges)
{
	const uint32_t size = LAMINA_POLICY_BUCKET * LAMINA_POLICY_SLOT_WORDS;
	uint32_t buckets = 1, seed;
	errint_t at;

	while (buckets * LAMINA_POLICY_BUCKET < n_edges * 2)
		buckets *= 2;
	for (;; buckets *= 2) {
		if ((uint64_t)buckets * size > LAMINA_POLICY_MAX_WORDS)
			return -EFBIG;
		at = append(e, buckets * size);
		if (at < 0)
			return at;
		for (seed = 1; seed <= SEEDS; seed++) {
			if (place_all(e, e->words + at, buckets - 1, seed))
				break;
			memset(e->words + at, 0, (size_t)buckets * size * sizeof(*e->words));
		}
		if (seed <= SEEDS)
			break;
		e->n = (uint32_t)at;
	}
	header(e, LAMINA_POLICY_AT_SEED, seed);
	header(e, LAMINA_POLICY_AT_N_BUCKETS, buckets);
	header(e, LAMINA_POLICY_AT_SLOTS, (uint32_t)at);
	return 0;
}

/* The names of all edges. */
static errint_t emit_names(struct emitter *e)
{
	errint_t err = 0;

	for (uint32_t g = 0; err == 0 && g < e->a->n_groups; g++) {
		const struct lamina_group *group = &e->a->groups[g];

		for (uint32_t i = group->first; err == 0 && i < group->first + group->n; i++)
			err = emit_name(e, e->a->edges[i].name);
	}
	return err;
}

static uint32_t count_edges(const struct emitter *e)
{
	uint32_t n = 0;

	for (uint32_t g = 0; g < e->a->n_groups; g++)
		n += e->a->groups[g].n;
	return n;
}

/* ---- rules, for people ---- */

/* The names of the files; @words: how rules refer to them. Of a long one the end is kept. */
static errint_t emit_files(struct emitter *e, uint32_t *words)
{
	for (size_t i = 0; i < e->a->policy->n_files; i++) {
		const char *name = e->a->policy->files[i].name;
		size_t length = strlen(name), kept = length;
		errint_t at;

		if (kept > LAMINA_POLICY_NAME_MAX)
			kept = LAMINA_POLICY_NAME_MAX;
		at = append_bytes(e, name + length - kept, kept);
		if (at < 0)
			return at;
		words[i] = (uint32_t)at << 8 | (uint32_t)kept;
	}
	return 0;
}

static errint_t emit_rules(struct emitter *e, const uint32_t *files)
{
	const struct lamina_policy *policy = e->a->policy;
	errint_t at = append(e, (uint32_t)policy->n_rules * LAMINA_POLICY_RULE_WORDS);

	if (at < 0)
		return at;
	header(e, LAMINA_POLICY_AT_N_RULES, (uint32_t)policy->n_rules);
	header(e, LAMINA_POLICY_AT_RULES, (uint32_t)at);
	for (size_t i = 0; i < policy->n_rules; i++) {
		const struct lamina_policy_rule *rule = &policy->rules[i];
		uint32_t *words = e->words + (size_t)at + i * LAMINA_POLICY_RULE_WORDS;

		words[0] = files[rule->file];
		words[1] = rule->line;
		words[2] = rule->column;
		words[3] = rule->verdict | (uint32_t)rule->kind << 16;
	}
	return 0;
}

static errint_t emit_all(struct emitter *e)
{
	uint32_t files[LAMINA_POLICY_MAX_FILES];
	errint_t err = append(e, LAMINA_POLICY_HEADER);

	if (err >= 0)
		err = emit_states(e);
	if (err >= 0)
		err = emit_rows(e);
	if (err >= 0)
		err = emit_groups(e);
	if (err < 0)
		return err;
	header(e, LAMINA_POLICY_AT_NAMES, e->n);
	err = emit_names(e);
	if (err >= 0)
		err = emit_files(e, files);
	header(e, LAMINA_POLICY_AT_NAMES_END, e->n);
	if (err >= 0)
		err = emit_slots(e, count_edges(e));
	if (err >= 0)
		err = emit_rules(e, files);
	if (err < 0)
		return err;
	header(e, LAMINA_POLICY_AT_MAGIC, LAMINA_POLICY_MAGIC);
	header(e, LAMINA_POLICY_AT_VERSION, LAMINA_POLICY_VERSION);
	header(e, LAMINA_POLICY_AT_WORDS, e->n);
	header(e, LAMINA_POLICY_AT_BITS, LAMINA_POLICY_BITS);
	return 0;
}

errint_t lamina_automaton_emit(const struct lamina_automaton *a, uint32_t **ret, uint32_t *ret_n)
{
	_cleanup_free_ uint32_t *rows = calloc(a->row_words.n + 1, sizeof(*rows));
	_cleanup_free_ uint32_t *names = calloc(a->trie.names.n + 1, sizeof(*names));
	struct emitter e = {.a = a, .rows = rows, .names = names};
	errint_t err;

	if (!rows || !names)
		return -ENOMEM;
	memset(rows, 0xff, a->row_words.n * sizeof(*rows));
	memset(names, 0xff, a->trie.names.n * sizeof(*names));
	err = emit_all(&e);
	if (err < 0) {
		free(e.words);
		return err;
	}
	*ret = e.words;
	*ret_n = e.n;
	return 0;
}
