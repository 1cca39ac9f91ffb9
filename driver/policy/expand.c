// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Expanding a group of nodes: what do the names lead to that are written in it, and all others?
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/limits.h"
#include "policy/automaton.h"

/* ---- names that are not written ---- */

/* Where @set leads by any name: nodes that stay, and children "*". */
static errint_t add_any(struct lamina_automaton *a, const struct lamina_words *set,
			struct lamina_words *ret)
{
	errint_t err = 0;

	for (size_t i = 0; err == 0 && i < set->n; i++) {
		const struct lamina_trie_node *node = lamina_automaton_node(a, set->list[i]);

		if (node->loop)
			err = lamina_automaton_enter(a, ret, set->list[i]);
		if (err == 0 && node->any != LAMINA_TRIE_NONE)
			err = lamina_automaton_enter(a, ret, node->any);
	}
	return err;
}

/* Patterns below the nodes of @set, each with the child that it leads to. */
static errint_t collect_patterns(const struct lamina_automaton *a, const struct lamina_words *set,
				 struct lamina_name_pattern **ret, size_t *ret_n)
{
	_cleanup_free_ struct lamina_name_pattern *list = NULL;
	size_t n = 0, room = 0;

	for (size_t i = 0; i < set->n; i++) {
		uint32_t child = lamina_automaton_node(a, set->list[i])->first;

		for (; child != LAMINA_TRIE_NONE;
		     child = lamina_automaton_node(a, child)->sibling) {
			struct lamina_name_pattern pattern = {.target = child};

			if (lamina_automaton_node(a, child)->kind != LAMINA_GLOB_PATTERN)
				continue;
			if (n == room) {
				void *bigger;

				room = room ? room * 2 : 16;
				bigger = reallocarray(list, room, sizeof(*list));
				if (!bigger)
					return -ENOMEM;
				list = bigger;
			}
			pattern.text = lamina_trie_text(&a->trie.globs,
							lamina_automaton_node(a, child)->text,
							&pattern.length);
			pattern.origin = lamina_automaton_node(a, child)->pattern;
			list[n++] = pattern;
		}
	}
	*ret = TAKE_PTR(list);
	*ret_n = n;
	return 0;
}

/* Patterns that lead to nodes alike (the same rules end there, nothing goes on) are one target. */
static void join_targets(const struct lamina_automaton *a, struct lamina_name_pattern *patterns,
			 size_t n, uint32_t *first_of_set)
{
	for (size_t i = 0; i < n; i++) {
		const struct lamina_trie_node *node = lamina_automaton_node(a, patterns[i].target);
		uint32_t *first = &first_of_set[node->accepts];

		if (lamina_trie_goes_on(node) || node->deep != LAMINA_TRIE_NONE)
			continue;
		if (*first == 0)
			*first = patterns[i].target;
		patterns[i].target = *first;
	}
}

/* The automaton for the patterns; its labels are numbers in a->labels, sets of nodes. */
static errint_t build_names(struct lamina_automaton *a, struct lamina_name_pattern *patterns,
			    size_t n, struct lamina_names *ret, struct lamina_error *error)
{
	_cleanup_free_ uint32_t *first_of_set = calloc(a->trie.rule_sets.n, sizeof(uint32_t));
	uint32_t culprit = 0;
	errint_t err;

	if (!first_of_set)
		return -ENOMEM;
	join_targets(a, patterns, n, first_of_set);
	err = lamina_names_build(ret, patterns, n, &a->labels,
				 LAMINA_POLICY_MAX_NAME_STATES - a->n_name_states, &a->work,
				 &culprit);
	return err == -E2BIG ? lamina_automaton_too_large(a, culprit, error) : err;
}

static errint_t grow_names(struct lamina_automaton *a)
{
	uint32_t room = a->names_room ? a->names_room * 2 : 16;
	void *bigger;

	if (a->n_names < a->names_room)
		return 0;
	bigger = reallocarray(a->names, room, sizeof(*a->names));
	if (!bigger)
		return -ENOMEM;
	a->names = bigger;
	bigger = reallocarray(a->name_labels, room, sizeof(*a->name_labels));
	if (!bigger)
		return -ENOMEM;
	a->name_labels = bigger;
	a->names_room = room;
	return 0;
}

/* Keep an automaton, with its labels as they are now. Returns its number + 1. */
static errint_t keep_names(struct lamina_automaton *a, struct lamina_names *names)
{
	uint32_t *labels = grow_names(a) < 0 ? NULL : calloc(names->n_states, sizeof(*labels));

	if (!labels) {
		lamina_names_done(names);
		return -ENOMEM;
	}
	memcpy(labels, names->accept, names->n_states * sizeof(*labels));
	a->n_name_states += names->n_states;
	a->names[a->n_names] = *names;
	a->name_labels[a->n_names++] = labels;
	return (errint_t)a->n_names;
}

/* ---- expanding a group ---- */

/* What is known of a group while its edges are made. */
struct expansion {
	struct lamina_words nodes, any; /* where any name leads */
	uint32_t names;			/* its automaton, or its core's: number + 1 */
};

static void expansion_done(struct expansion *e)
{
	lamina_words_done(&e->nodes);
	lamina_words_done(&e->any);
}

#define NO_LABEL UINT32_MAX

/* The label that @name gets from the patterns. */
static uint32_t label_of(const struct lamina_automaton *a, const struct expansion *e,
			 const char *name, uint32_t length)
{
	if (!e->names)
		return NO_LABEL;
	return a->name_labels[e->names - 1]
			     [lamina_names_walk(&a->names[e->names - 1], name, length)];
}

/* The state to which a name leads: @label by patterns, @children by literals, and as any name. */
static errint_t target_of(struct lamina_automaton *a, const struct expansion *e, uint32_t label,
			  const struct lamina_words *children)
{
	_cleanup_words_ struct lamina_words set = {0};
	errint_t err = 0;

	for (size_t i = 0; err == 0 && i < e->any.n; i++)
		err = lamina_automaton_enter(a, &set, e->any.list[i]);
	for (size_t i = 0; err == 0 && children && i < children->n; i++)
		err = lamina_automaton_enter(a, &set, children->list[i]);
	if (err == 0 && label != NO_LABEL) {
		size_t n;
		const uint32_t *targets = lamina_intern_get(&a->labels, label, &n);

		for (size_t i = 0; err == 0 && i < n; i++)
			err = lamina_automaton_enter(a, &set, targets[i]);
	}
	return err < 0 ? err : lamina_automaton_state(a, &set);
}

static errint_t add_edge(struct lamina_automaton *a, uint32_t name, uint32_t target)
{
	if (a->n_edges == a->edges_room) {
		uint32_t room = a->edges_room ? a->edges_room * 2 : 256;
		struct lamina_edge *edges = reallocarray(a->edges, room, sizeof(*edges));

		if (!edges)
			return -ENOMEM;
		a->edges = edges;
		a->edges_room = room;
	}
	a->edges[a->n_edges++] = (struct lamina_edge){name, target};
	return 0;
}

/* The edge for one written name. Names that go the way of all others need none. */
static errint_t expand_name(struct lamina_automaton *a, struct expansion *e, uint32_t group,
			    uint32_t name)
{
	_cleanup_words_ struct lamina_words children = {0};
	errint_t err = 0, target, without;
	uint32_t length, label;
	const char *text = lamina_trie_text(&a->trie.names, name, &length);

	for (size_t i = 0; err == 0 && i < e->nodes.n; i++) {
		uint32_t child = LAMINA_TRIE_NONE;

		if (lamina_automaton_node(a, e->nodes.list[i])->has_names)
			child = lamina_trie_child(&a->trie, e->nodes.list[i], name);
		if (child != LAMINA_TRIE_NONE)
			err = lamina_words_add(&children, child);
	}
	if (err < 0)
		return err;
	a->work -= e->nodes.n < a->work ? (uint32_t)e->nodes.n : a->work;
	label = label_of(a, e, text, length);
	target = target_of(a, e, label, &children);
	if (target < 0 || a->groups[group].flags & LAMINA_POLICY_NEXT)
		return target < 0 ? target : add_edge(a, name, (uint32_t)target);
	without = target_of(a, e, label, NULL);
	if (without < 0 || without == target)
		return without < 0 ? without : 0;
	return add_edge(a, name, (uint32_t)target);
}

/* Edges for all names written below those nodes that are core, or those that are not. */
static errint_t expand_names(struct lamina_automaton *a, struct expansion *e, uint32_t group,
			     bool core)
{
	_cleanup_words_ struct lamina_words names = {0};
	uint32_t first = a->n_edges;
	errint_t err = 0;

	for (size_t i = 0; err == 0 && i < e->nodes.n; i++) {
		const struct lamina_trie_node *node = lamina_automaton_node(a, e->nodes.list[i]);
		uint32_t child = lamina_trie_is_core(node) == core ? node->first : LAMINA_TRIE_NONE;

		for (; err == 0 && child != LAMINA_TRIE_NONE;
		     child = lamina_automaton_node(a, child)->sibling)
			if (lamina_automaton_node(a, child)->kind == LAMINA_GLOB_LITERAL)
				err = lamina_words_add(&names,
						       lamina_automaton_node(a, child)->text);
	}
	lamina_words_sort(&names);
	for (size_t i = 0; err == 0 && i < names.n; i++) {
		if (a->work == 0 || a->state_pairs.n > LAMINA_POLICY_MAX_STATES)
			break; /* the caller says so */
		err = expand_name(a, e, group, names.list[i]);
	}
	a->groups[group].first = first;
	a->groups[group].n = a->n_edges - first;
	if (a->groups[group].n > 0)
		a->groups[group].flags |= LAMINA_POLICY_EXACT;
	return err;
}

/* What the names lead to that no rule spells out. */
static errint_t expand_others(struct lamina_automaton *a, const struct expansion *e, uint32_t group)
{
	struct lamina_names *names;
	errint_t target;

	if (!e->names) {
		target = target_of(a, e, NO_LABEL, NULL);
		a->groups[group].other = target < 0 ? 0 : (uint32_t)target;
		return target < 0 ? target : 0;
	}
	names = &a->names[e->names - 1];
	for (uint32_t s = 0; s < names->n_states; s++) {
		target = target_of(a, e, names->accept[s], NULL);
		if (target < 0)
			return target;
		names->accept[s] = (uint32_t)target;
	}
	a->groups[group].names = e->names;
	return 0;
}

/* The group of the nodes that are core, if that is another one: it answers for other names. */
static errint_t find_next(struct lamina_automaton *a, const struct expansion *e, uint32_t group)
{
	_cleanup_words_ struct lamina_words core = {0};
	errint_t err = 0;

	for (size_t i = 0; err == 0 && i < e->nodes.n; i++)
		if (lamina_trie_is_core(lamina_automaton_node(a, e->nodes.list[i])))
			err = lamina_words_add(&core, e->nodes.list[i]);
	if (err < 0 || core.n == e->nodes.n || core.n == 0)
		return err;
	err = lamina_automaton_group(a, core.list, core.n);
	if (err < 0)
		return err;
	a->groups[group].flags |= LAMINA_POLICY_NEXT;
	a->groups[group].next = (uint32_t)err;
	return 0;
}

/* The automaton for the patterns below the nodes of @e, if there are any. */
static errint_t expand_patterns(struct lamina_automaton *a, struct expansion *e,
				struct lamina_error *error)
{
	_cleanup_free_ struct lamina_name_pattern *patterns = NULL;
	struct lamina_names names;
	size_t n = 0;
	errint_t err = collect_patterns(a, &e->nodes, &patterns, &n);

	if (err == 0 && n > 0)
		err = build_names(a, patterns, n, &names, error);
	if (err < 0 || n == 0)
		return err;
	err = keep_names(a, &names);
	if (err > 0)
		e->names = (uint32_t)err;
	return err < 0 ? err : 0;
}

static errint_t expand(struct lamina_automaton *a, struct expansion *e, uint32_t group,
		       struct lamina_error *error)
{
	bool next = a->groups[group].flags & LAMINA_POLICY_NEXT;
	bool core = !next && e->nodes.n > 0 &&
		    lamina_trie_is_core(lamina_automaton_node(a, e->nodes.list[0]));
	errint_t err = add_any(a, &e->nodes, &e->any);

	if (err == 0 && next)
		e->names = a->groups[a->groups[group].next].names;
	else if (err == 0)
		err = expand_patterns(a, e, error);
	if (err == 0)
		err = expand_names(a, e, group, core);
	if (err == 0 && !next)
		err = expand_others(a, e, group);
	return err;
}

errint_t lamina_automaton_expand(struct lamina_automaton *a, uint32_t group,
				 struct lamina_error *error)
{
	_cleanup_(expansion_done) struct expansion e = {0};
	errint_t err = 0;

	if (a->groups[group].done)
		return 0;
	a->groups[group].done = true;
	err = lamina_words_copy(&e.nodes, &a->node_sets, group);
	if (err == 0 && e.nodes.n == 1 && e.nodes.list[0] == UINT32_MAX) {
		a->groups[group].flags = LAMINA_POLICY_SAME;
		return 0;
	}
	if (err == 0)
		err = find_next(a, &e, group);
	if (err == 0 && a->groups[group].flags & LAMINA_POLICY_NEXT)
		err = lamina_automaton_expand(a, a->groups[group].next,
					      error); /* which has no next */
	return err < 0 ? err : expand(a, &e, group, error);
}
