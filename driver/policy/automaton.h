/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The automaton over components, while it is made: states from the tree of paths, joined where no
 * path tells them apart, then written as a table.
 *
 * A state is a set of nodes of the tree. Two things about it matter, and are shared: its row (what
 * it says about each access) and its group (the nodes from which something goes on). Most states are
 * a rule's end, with a row of their own and the group of their surroundings.
 *
 * A group whose nodes are partly "core" (they go on by names that are not written in the policy:
 * '*', patterns, '**') holds only the names of the others, and sends the rest on to the group of its
 * core alone: so the names below a '**' are kept once, not in every directory.
 */
#pragma once

#include "policy/names.h"
#include "policy/policy.h"
#include "policy/trie.h"
#include "policy/words.h"

struct lamina_group {
	unsigned int flags; /* LAMINA_POLICY_* */
	uint32_t next;	    /* group */
	uint32_t names;	    /* automaton + 1; 0: none. Its labels are states */
	uint32_t other;	    /* state of names that nothing else is said about */
	uint32_t first, n;  /* edges */
	bool done;
};

/* A name that leads from a group to a state. */
struct lamina_edge {
	uint32_t name, target;
};

struct lamina_state {
	uint32_t group, row;
};

struct lamina_automaton {
	const struct lamina_policy *policy;
	struct lamina_trie trie;
	struct lamina_intern node_sets;	  /* number: group */
	struct lamina_intern row_words;	  /* number: row; LAMINA_POLICY_BITS verdicts */
	struct lamina_intern state_pairs; /* number: state */
	struct lamina_intern rule_rows;	  /* sets of rules; number: index into rows */
	uint32_t *rows;			  /* row of each set of rules */
	uint32_t rows_room;
	struct lamina_state *states; /* filled when complete */
	uint32_t n_states, root;
	struct lamina_group *groups;
	uint32_t n_groups, groups_room;
	struct lamina_edge *edges;
	uint32_t n_edges, edges_room;
	struct lamina_names *names; /* their labels are states */
	uint32_t **name_labels;	    /* and were sets of nodes before: of each, a label a state */
	struct lamina_intern labels;
	uint32_t n_names, names_room, n_name_states;
	uint32_t work; /* left */
};

/* All states of @policy. -E2BIG with @error set: there are more than the limits allow. */
errint_t lamina_automaton_build(struct lamina_automaton *a, const struct lamina_policy *policy,
				struct lamina_error *error);
void lamina_automaton_done(struct lamina_automaton *a);

/* Join states that are alike. */
errint_t lamina_automaton_minimise(struct lamina_automaton *a);

/* The row for the rules in @rules, sorted: what their files say together. */
errint_t lamina_automaton_row(struct lamina_automaton *a, const uint32_t *rules, size_t n);

/* Whether objects of this row are hidden. */
bool lamina_automaton_hides(const struct lamina_automaton *a, uint32_t row);

/* ---- between the files that make it ---- */

static inline const struct lamina_trie_node *lamina_automaton_node(const struct lamina_automaton *a,
								   uint32_t node)
{
	return &a->trie.nodes[node];
}

/* Put @node into @set, and the "**" that can be entered from it without a component. */
errint_t lamina_automaton_enter(struct lamina_automaton *a, struct lamina_words *set,
				uint32_t node);

/* The group of these nodes, sorted. */
errint_t lamina_automaton_group(struct lamina_automaton *a, const uint32_t *nodes, size_t n);

/* The state of the nodes in @set, which is changed. */
errint_t lamina_automaton_state(struct lamina_automaton *a, struct lamina_words *set);

/* Make the edges of @group, and before it those of its core. */
errint_t lamina_automaton_expand(struct lamina_automaton *a, uint32_t group,
				 struct lamina_error *error);

/* Say that @pattern makes too many states. Returns -E2BIG. */
errint_t lamina_automaton_too_large(const struct lamina_automaton *a, uint32_t pattern,
				    struct lamina_error *error);
