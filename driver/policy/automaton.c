// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * From the tree of paths to states. Each group of nodes is expanded once: what do the names lead to
 * that are written in it, and all others?
 */
#include "policy/automaton.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/calls.h"
#include "base/cleanup.h"
#include "base/limits.h"

errint_t lamina_automaton_enter(struct lamina_automaton *a, struct lamina_words *set, uint32_t node)
{
	uint32_t deep = lamina_automaton_node(a, node)->deep;
	errint_t err = lamina_words_add(set, node);

	if (a->work > 0)
		a->work--;
	return err == 0 && deep != LAMINA_TRIE_NONE ? lamina_words_add(set, deep) : err;
}

errint_t lamina_automaton_group(struct lamina_automaton *a, const uint32_t *nodes, size_t n)
{
	errint_t id = lamina_intern_add(&a->node_sets, nodes, n);

	if (id < 0 || (uint32_t)id < a->n_groups)
		return id;
	if (a->n_groups == a->groups_room) {
		uint32_t room = a->groups_room ? a->groups_room * 2 : 64;
		struct lamina_group *groups = reallocarray(a->groups, room, sizeof(*groups));

		if (!groups)
			return -ENOMEM;
		a->groups = groups;
		a->groups_room = room;
	}
	a->groups[a->n_groups++] = (struct lamina_group){0};
	return id;
}

/* The row for all rules that match at the nodes of @set. */
static errint_t row_of(struct lamina_automaton *a, const struct lamina_words *set)
{
	_cleanup_words_ struct lamina_words rules = {0};
	errint_t err = 0;

	for (size_t i = 0; err == 0 && i < set->n; i++) {
		uint32_t accepts = lamina_automaton_node(a, set->list[i])->accepts;

		if (accepts)
			err = lamina_words_copy(&rules, &a->trie.rule_sets, accepts);
	}
	if (err < 0)
		return err;
	a->work -= rules.n < a->work ? (uint32_t)rules.n : a->work;
	lamina_words_sort(&rules);
	return lamina_automaton_row(a, rules.list, rules.n);
}

errint_t lamina_automaton_state(struct lamina_automaton *a, struct lamina_words *set)
{
	static const uint32_t same = UINT32_MAX; /* no node: the group that leads to itself */
	uint32_t pair[2];
	errint_t row, group;
	size_t kept = 0;

	lamina_words_sort(set);
	row = row_of(a, set);
	if (row < 0)
		return row;
	for (size_t i = 0; i < set->n; i++)
		if (lamina_trie_goes_on(lamina_automaton_node(a, set->list[i])))
			set->list[kept++] = set->list[i];
	set->n = kept;
	if (lamina_automaton_hides(a, (uint32_t)row))
		group = lamina_automaton_group(a, &same, 1);
	else
		group = lamina_automaton_group(a, set->list, set->n);
	if (group < 0)
		return group;
	pair[0] = (uint32_t)group;
	pair[1] = (uint32_t)row;
	return lamina_intern_add(&a->state_pairs, pair, 2);
}

errint_t lamina_automaton_too_large(const struct lamina_automaton *a, uint32_t pattern,
				    struct lamina_error *error)
{
	const struct lamina_policy_pattern *p = &a->policy->patterns[pattern];
	const struct lamina_policy *policy = a->policy;
	const char *file = "?";

	for (size_t i = 0; i < policy->n_rules; i++)
		if (policy->rules[i].first <= pattern &&
		    pattern < policy->rules[i].first + policy->rules[i].n)
			file = policy->files[policy->rules[i].file].name;
	lamina_error_set(error, 0,
			 "%s:%u:%u: the path '%.128s', with those of other rules, makes more "
			 "states than a policy may have",
			 file, p->line, p->column, p->text);
	return -E2BIG;
}

/* The path whose nodes split the groups most evenly: it is what doubles the states. */
static uint32_t find_culprit(const struct lamina_automaton *a)
{
	_cleanup_free_ uint32_t *counts = calloc(a->trie.n, sizeof(*counts));
	uint32_t best = 0, most = 0;

	for (uint32_t i = 0; counts && i < a->node_sets.n; i++) {
		size_t n;
		const uint32_t *set = lamina_intern_get(&a->node_sets, i, &n);

		for (size_t k = 0; k < n; k++)
			if (set[k] < a->trie.n)
				counts[set[k]]++;
	}
	for (uint32_t i = 1; counts && i < a->trie.n; i++) {
		uint32_t rest = a->node_sets.n - counts[i];
		uint32_t even = counts[i] < rest ? counts[i] : rest;

		if (even > most) {
			most = even;
			best = i;
		}
	}
	return a->trie.nodes[best].pattern;
}

static errint_t make_states(struct lamina_automaton *a, struct lamina_error *error)
{
	_cleanup_words_ struct lamina_words root = {0};
	errint_t err = lamina_automaton_enter(a, &root, 0);

	if (err == 0)
		err = lamina_automaton_state(a, &root);
	a->root = err < 0 ? 0 : (uint32_t)err;
	for (uint32_t group = 0; err >= 0 && group < a->n_groups; group++) {
		err = lamina_automaton_expand(a, group, error);
		if (err == 0 && (a->work == 0 || a->state_pairs.n > LAMINA_POLICY_MAX_STATES ||
				 a->n_edges > LAMINA_POLICY_MAX_WORDS / 8))
			err = lamina_automaton_too_large(a, find_culprit(a), error);
	}
	return err < 0 ? err : 0;
}

static errint_t list_states(struct lamina_automaton *a)
{
	a->n_states = a->state_pairs.n;
	a->states = calloc(a->n_states, sizeof(*a->states));
	if (!a->states)
		return -ENOMEM;
	for (uint32_t i = 0; i < a->n_states; i++) {
		size_t n;
		const uint32_t *pair = lamina_intern_get(&a->state_pairs, i, &n);

		a->states[i] = (struct lamina_state){pair[0], pair[1]};
	}
	return 0;
}

errint_t lamina_automaton_build(struct lamina_automaton *a, const struct lamina_policy *policy,
				struct lamina_error *error)
{
	uint64_t key[2];
	errint_t err = lamina_call_random(key, sizeof(key));

	*a = (struct lamina_automaton){.policy = policy, .work = LAMINA_POLICY_MAX_WORK};
	error->text[0] = '\0';
	if (err < 0)
		return lamina_error_set(error, err, "cannot get random numbers (getrandom(2))");
	lamina_intern_init(&a->node_sets, key);
	lamina_intern_init(&a->row_words, key);
	lamina_intern_init(&a->state_pairs, key);
	lamina_intern_init(&a->rule_rows, key);
	lamina_intern_init(&a->labels, key);
	err = lamina_trie_build(&a->trie, policy, key);
	if (err == 0)
		err = make_states(a, error);
	if (err == 0)
		err = list_states(a);
	if (err < 0)
		lamina_automaton_done(a);
	if (err < 0 && !error->text[0])
		lamina_error_set(error, err, "cannot compile the policy");
	return err;
}

void lamina_automaton_done(struct lamina_automaton *a)
{
	lamina_trie_done(&a->trie);
	lamina_intern_done(&a->node_sets);
	lamina_intern_done(&a->row_words);
	lamina_intern_done(&a->state_pairs);
	lamina_intern_done(&a->rule_rows);
	lamina_intern_done(&a->labels);
	for (uint32_t i = 0; i < a->n_names; i++) {
		lamina_names_done(&a->names[i]);
		free(a->name_labels[i]);
	}
	free(a->names);
	free(a->name_labels);
	free(a->rows);
	free(a->states);
	free(a->groups);
	free(a->edges);
	*a = (struct lamina_automaton){0};
}
