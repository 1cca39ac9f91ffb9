/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * All paths of a policy as one tree: what begins in the same way shares its nodes. It is the
 * nondeterministic automaton that the compiler starts from: a component of an object's path leads
 * from a node to all children that match it, a `deep` node also to itself.
 */
#pragma once

#include "policy/glob.h"
#include "policy/intern.h"
#include "policy/policy.h"

#define LAMINA_TRIE_NONE UINT32_MAX

struct lamina_trie_node {
	enum lamina_glob_kind kind; /* of the component that leads here */
	uint32_t text;		    /* in `names` or `globs`, by kind */
	uint32_t first, sibling;    /* children that are literals or patterns */
	uint32_t any;		    /* the child "*" */
	uint32_t deep;		    /* the child "**": entered without a component */
	uint32_t pattern;	    /* the first that made this node */
	uint32_t accepts;	    /* in `rule_sets`: rules that match here */
	bool has_globs, has_names, loop;
};

struct lamina_trie {
	const struct lamina_policy *policy;
	struct lamina_trie_node *nodes; /* the first is the root */
	uint32_t n, room;
	struct lamina_intern edges; /* (parent, kind, text); number + 1 is the child */
	struct lamina_intern names; /* length, then four bytes a word */
	struct lamina_intern globs; /* the same, as written */
	struct lamina_intern rule_sets;
};

errint_t lamina_trie_build(struct lamina_trie *trie, const struct lamina_policy *policy,
			   const uint64_t key[2]);
void lamina_trie_done(struct lamina_trie *trie);

/* The child of @node by the literal @name, or LAMINA_TRIE_NONE. */
uint32_t lamina_trie_child(const struct lamina_trie *trie, uint32_t node, uint32_t name);

/* The bytes of an interned text. */
const char *lamina_trie_text(const struct lamina_intern *texts, uint32_t id, uint32_t *ret_length);

/* Whether anything follows @node by a component. */
static inline bool lamina_trie_goes_on(const struct lamina_trie_node *node)
{
	return node->loop || node->any != LAMINA_TRIE_NONE || node->first != LAMINA_TRIE_NONE;
}

/* Whether it may go on with names that are not written in the policy. */
static inline bool lamina_trie_is_core(const struct lamina_trie_node *node)
{
	return node->loop || node->any != LAMINA_TRIE_NONE || node->has_globs;
}
