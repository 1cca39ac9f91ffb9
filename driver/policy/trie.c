// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Building the tree of paths. A path that ends in "**" is one that ends in "**", "*": one
 * component at least.
 */
#include "policy/trie.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/grow.h"
#include "base/limits.h"

/* Which rules end at a node, as pairs while the tree grows. */
struct end {
	uint32_t node, rule;
};

struct ends {
	struct end *list;
	size_t n, room;
};

static errint_t intern_text(struct lamina_intern *t, const char *text, size_t length)
{
	uint32_t words[1 + (LAMINA_POLICY_MAX_STRING + 3) / 4];
	size_t n = (length + 3) / 4;

	words[0] = (uint32_t)length;
	words[n] = 0;
	memcpy(words + 1, text, length);
	if (length % 4)
		memset((char *)(words + 1) + length, 0, 4 - length % 4);
	return lamina_intern_add(t, words, n + 1);
}

const char *lamina_trie_text(const struct lamina_intern *texts, uint32_t id, uint32_t *ret_length)
{
	size_t n;
	const uint32_t *words = lamina_intern_get(texts, id, &n);

	*ret_length = words[0];
	return (const char *)(words + 1);
}

uint32_t lamina_trie_child(const struct lamina_trie *trie, uint32_t node, uint32_t name)
{
	const uint32_t edge[3] = {node, LAMINA_GLOB_LITERAL, name};
	errint_t found = lamina_intern_find(&trie->edges, edge, 3);

	return found < 0 ? LAMINA_TRIE_NONE : (uint32_t)found + 1;
}

static errint_t add_node(struct lamina_trie *trie, enum lamina_glob_kind kind, uint32_t text,
			 uint32_t pattern)
{
	if (trie->n == trie->room) {
		uint32_t room = trie->room ? trie->room * 2 : 256;
		struct lamina_trie_node *nodes = reallocarray(trie->nodes, room, sizeof(*nodes));

		if (!nodes)
			return -ENOMEM;
		trie->nodes = nodes;
		trie->room = room;
	}
	trie->nodes[trie->n] = (struct lamina_trie_node){
		.kind = kind,
		.text = text,
		.first = LAMINA_TRIE_NONE,
		.sibling = LAMINA_TRIE_NONE,
		.any = LAMINA_TRIE_NONE,
		.deep = LAMINA_TRIE_NONE,
		.pattern = pattern,
		.loop = kind == LAMINA_GLOB_DEEP,
	};
	return (errint_t)trie->n++;
}

static void hang_in(struct lamina_trie *trie, uint32_t parent, uint32_t child)
{
	struct lamina_trie_node *p = &trie->nodes[parent], *c = &trie->nodes[child];

	switch (c->kind) {
	case LAMINA_GLOB_ANY:
		p->any = child;
		break;
	case LAMINA_GLOB_DEEP:
		p->deep = child;
		break;
	default:
		c->sibling = p->first;
		p->first = child;
		p->has_globs |= c->kind == LAMINA_GLOB_PATTERN;
		p->has_names |= c->kind == LAMINA_GLOB_LITERAL;
		break;
	}
}

/* The child of @parent by a component; @text as in the node. A second "**" adds nothing. */
static errint_t enter(struct lamina_trie *trie, uint32_t parent, enum lamina_glob_kind kind,
		      uint32_t text, uint32_t pattern)
{
	const uint32_t edge[3] = {parent, kind, text};
	errint_t id, child;

	if (kind == LAMINA_GLOB_DEEP && trie->nodes[parent].loop)
		return (errint_t)parent;
	id = lamina_intern_add(&trie->edges, edge, 3);
	if (id < 0)
		return id;
	if ((uint32_t)id + 1 < trie->n)
		return id + 1;
	child = add_node(trie, kind, text, pattern);
	if (child > 0)
		hang_in(trie, parent, (uint32_t)child);
	return child;
}

static errint_t enter_part(struct lamina_trie *trie, uint32_t parent,
			   const struct lamina_glob_part *part, uint32_t pattern)
{
	char name[LAMINA_POLICY_NAME_MAX + 1];
	errint_t text = 0;

	if (part->kind == LAMINA_GLOB_LITERAL) {
		text = lamina_glob_literal(part, name, sizeof(name));
		if (text == 0)
			text = intern_text(&trie->names, name, strlen(name));
	} else if (part->kind == LAMINA_GLOB_PATTERN) {
		text = intern_text(&trie->globs, part->text, part->length);
	}
	return text < 0 ? text : enter(trie, parent, part->kind, (uint32_t)text, pattern);
}

static errint_t add_end(struct ends *ends, uint32_t node, uint32_t rule)
{
	if (!lamina_grow(&ends->list, ends->n, &ends->room, sizeof(*ends->list)))
		return -ENOMEM;
	ends->list[ends->n++] = (struct end){node, rule};
	return 0;
}

/* The node behind "**", "*" of @node: everything below it. */
static errint_t enter_below(struct lamina_trie *trie, uint32_t node, uint32_t pattern)
{
	errint_t deep = enter(trie, node, LAMINA_GLOB_DEEP, 0, pattern);

	return deep < 0 ? deep : enter(trie, (uint32_t)deep, LAMINA_GLOB_ANY, 0, pattern);
}

static errint_t add_pattern(struct lamina_trie *trie, struct ends *ends, uint32_t pattern,
			    uint32_t rule)
{
	const struct lamina_policy_pattern *p = &trie->policy->patterns[pattern];
	enum lamina_glob_kind last = LAMINA_GLOB_LITERAL;
	struct lamina_glob_part part;
	const char *at = p->text;
	errint_t node = 0, err;

	while (lamina_glob_next(&at, &part)) {
		node = enter_part(trie, (uint32_t)node, &part, pattern);
		if (node < 0)
			return node;
		last = part.kind;
	}
	if (last == LAMINA_GLOB_DEEP)
		node = enter(trie, (uint32_t)node, LAMINA_GLOB_ANY, 0, pattern);
	if (node < 0)
		return node;
	err = add_end(ends, (uint32_t)node, rule);
	if (err < 0 || !p->below)
		return err;
	node = enter_below(trie, (uint32_t)node, pattern);
	return node < 0 ? node : add_end(ends, (uint32_t)node, rule);
}

static int compare_ends(const void *a, const void *b)
{
	const struct end *x = a, *y = b;

	if (x->node != y->node)
		return x->node < y->node ? -1 : 1;
	return x->rule < y->rule ? -1 : x->rule > y->rule;
}

/*
 * The rules that end at one node, but those of which nothing is left: all that they are about was
 * decided by rules before them in their file.
 */
static errint_t keep_rules(struct lamina_trie *trie, const struct end *ends, size_t n)
{
	uint32_t kept[LAMINA_POLICY_MAX_FILES * LAMINA_POLICY_BITS];
	unsigned int decided = 0, file = 0;
	size_t n_kept = 0;

	for (size_t i = 0; i < n; i++) {
		const struct lamina_policy_rule *rule = &trie->policy->rules[ends[i].rule];

		if (rule->file != file)
			decided = 0;
		file = rule->file;
		if (!(rule->bits & ~decided))
			continue;
		decided |= rule->bits;
		kept[n_kept++] = ends[i].rule;
	}
	/* cppcheck-suppress uninitvar ; the first n_kept are set */
	return lamina_intern_add(&trie->rule_sets, kept, n_kept);
}

static errint_t set_accepts(struct lamina_trie *trie, struct ends *ends)
{
	errint_t set = lamina_intern_add(&trie->rule_sets, NULL, 0); /* is number 0 */
	size_t n;

	if (ends->n > 0)
		qsort(ends->list, ends->n, sizeof(*ends->list), compare_ends);
	for (size_t i = 0; set >= 0 && i < ends->n; i += n) {
		uint32_t node = ends->list[i].node;

		for (n = 1; i + n < ends->n && ends->list[i + n].node == node;)
			n++;
		set = keep_rules(trie, ends->list + i, n);
		trie->nodes[node].accepts = (uint32_t)set;
	}
	return set < 0 ? set : 0;
}

errint_t lamina_trie_build(struct lamina_trie *trie, const struct lamina_policy *policy,
			   const uint64_t key[2])
{
	struct ends ends = {0};
	errint_t err;

	*trie = (struct lamina_trie){.policy = policy};
	lamina_intern_init(&trie->edges, key);
	lamina_intern_init(&trie->names, key);
	lamina_intern_init(&trie->globs, key);
	lamina_intern_init(&trie->rule_sets, key);
	err = add_node(trie, LAMINA_GLOB_LITERAL, 0, 0);
	for (uint32_t i = 0; err >= 0 && i < policy->n_rules; i++) {
		const struct lamina_policy_rule *rule = &policy->rules[i];

		for (size_t k = 0; err >= 0 && k < rule->n; k++)
			err = add_pattern(trie, &ends, (uint32_t)(rule->first + k), i);
	}
	if (err >= 0)
		err = set_accepts(trie, &ends);
	free(ends.list);
	if (err < 0)
		lamina_trie_done(trie);
	return err < 0 ? err : 0;
}

void lamina_trie_done(struct lamina_trie *trie)
{
	free(trie->nodes);
	lamina_intern_done(&trie->edges);
	lamina_intern_done(&trie->names);
	lamina_intern_done(&trie->globs);
	lamina_intern_done(&trie->rule_sets);
	*trie = (struct lamina_trie){0};
}
