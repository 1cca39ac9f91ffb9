// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The tree as a policy. It is compiled and asked about everything that was noted; what it would still
 * refuse is added, until it refuses nothing.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "learned/build.h"
#include "policy/access.h"
#include "policy/compile.h"

/* Each round allows more; there is no more to allow after this many. */
#define ROUNDS_MAX 64

#define BIT(access) (1u << LAMINA_ACCESS_##access)

/* ---- the text ---- */

struct entry {
	unsigned int bits;
	char *pattern;
};

struct entries {
	struct entry *list;
	size_t n, room;
	bool broken;
};

static void entries_done(struct entries *entries)
{
	for (size_t i = 0; i < entries->n; i++)
		free(entries->list[i].pattern);
	free(entries->list);
}

static void add_entry(struct entries *entries, unsigned int bits, const char *path, const char *end)
{
	char *pattern = NULL;

	if (!bits || entries->broken)
		return;
	entries->broken =
		!lamina_grow(&entries->list, entries->n, &entries->room, sizeof(*entries->list));
	if (entries->broken)
		return;
	if (!*end && !*path)
		path = "/";
	entries->broken = asprintf(&pattern, "%s%s", path, end) < 0;
	if (!entries->broken)
		entries->list[entries->n++] = (struct entry){bits, pattern};
}

/* As deep as a policy's paths are long. */
static void collect(const struct learned_node *node, struct lamina_text *path,
		    struct entries *entries)
{
	unsigned int inherited = learned_tree_inherited(node);
	unsigned int above = 0; /* of that, to all below */
	size_t length = path->n;

	for (const struct learned_node *at = node->parent; at; at = at->parent)
		above |= at->deep;
	if (node->parent)
		lamina_text_print(path, "/%s", node->pattern);
	else
		lamina_text_add(path, "", 0);
	if (path->broken) {
		entries->broken = true;
		return;
	}
	add_entry(entries, node->bits & ~inherited, path->bytes, "");
	add_entry(entries, node->deep & ~above, path->bytes, "/**");
	add_entry(entries, node->each & ~(above | node->deep), path->bytes, "/*");
	for (size_t i = 0; i < node->n; i++)
		collect(node->children[i], path, entries);
	path->n = length;
	path->bytes[length] = '\0';
}

static int by_bits(const void *a, const void *b)
{
	const struct entry *first = a, *second = b;

	if (first->bits != second->bits)
		return first->bits < second->bits ? -1 : 1;
	return strcmp(first->pattern, second->pattern);
}

static void print_accesses(unsigned int bits, struct lamina_text *ret)
{
	const char *comma = "";

	lamina_text_print(ret, "      \"access\": [");
	for (unsigned int access = 1; access < LAMINA_POLICY_BITS; access++)
		if (bits >> access & 1) {
			lamina_text_print(ret, "%s\"%s\"", comma, lamina_access_name(access));
			comma = ", ";
		}
	lamina_text_print(ret, "],\n");
}

/* A rule for those that have the same bits as the first. Returns how many these are. */
static size_t print_rule(const struct entry *entries, size_t n, struct lamina_text *ret)
{
	size_t same = 1;

	while (same < n && entries[same].bits == entries[0].bits)
		same++;
	lamina_text_print(ret, "    {\n");
	print_accesses(entries[0].bits, ret);
	lamina_text_print(ret, "      \"action\": \"ALLOW\",\n      \"paths\": [\n");
	for (size_t i = 0; i < same; i++) {
		lamina_text_print(ret, "        ");
		lamina_text_json(ret, entries[i].pattern);
		lamina_text_print(ret, i + 1 < same ? ",\n" : "\n");
	}
	lamina_text_print(ret, "      ]\n    }");
	return same;
}

static errint_t print(const struct learned_node *root, const char *comment, struct lamina_text *ret)
{
	_cleanup_(entries_done) struct entries entries = {.n = 0};
	_cleanup_text_ struct lamina_text path = {0};

	collect(root, &path, &entries);
	if (entries.broken)
		return -ENOMEM;
	if (entries.n > 0)
		qsort(entries.list, entries.n, sizeof(*entries.list), by_bits);
	lamina_text_print(ret,
			  "{\n  \"version\": \"%s\",\n  \"comment\": ", LAMINA_POLICY_LANGUAGE);
	lamina_text_json(ret, comment);
	lamina_text_print(ret, ",\n  \"defaultAction\": \"ERRNO\",\n  \"rules\": [\n");
	for (size_t i = 0; i < entries.n;) {
		i += print_rule(&entries.list[i], entries.n - i, ret);
		lamina_text_print(ret, i < entries.n ? ",\n" : "\n");
	}
	lamina_text_print(ret, "  ]\n}\n");
	return ret->broken ? -ENOMEM : 0;
}

/* ---- is it enough? ---- */

struct check {
	struct lamina_learned *learned;
	struct learned_node *root;
	struct lamina_compiled compiled;
	bool *merged; /* of each move: it was tried to make both ends the same */
	bool changed;
};

static unsigned int allowed(const struct check *c, const char *path, unsigned int among)
{
	unsigned int bits = 0;

	for (unsigned int access = 0; access < LAMINA_POLICY_BITS; access++)
		if (among >> access & 1 &&
		    !lamina_verdict_refuses(lamina_compiled_decide(&c->compiled, path, access)))
			bits |= 1u << access;
	return bits;
}

static errint_t allow(struct check *c, const char *path, unsigned int bits)
{
	bool below;
	struct learned_node *node = bits ? learned_find(c->learned, c->root, path, &below) : NULL;

	if (!bits)
		return 0;
	if (!node)
		return -ENOMEM;
	if (below)
		node->deep |= bits;
	else
		node->bits |= bits;
	c->changed = true;
	return 0;
}

static errint_t check_uses(struct check *c)
{
	errint_t err = 0;

	for (size_t i = 0; err == 0 && i < c->learned->n_paths; i++) {
		const struct learned_path *path = &c->learned->paths[i];

		err = allow(c, path->path, path->bits & ~allowed(c, path->path, path->bits));
	}
	return err;
}

static unsigned int bits_below(const struct learned_node *node)
{
	unsigned int bits = node->each | node->deep;

	for (size_t i = 0; i < node->n; i++)
		bits |= node->children[i]->bits | bits_below(node->children[i]);
	return bits;
}

/* From now on @dir is one as any in its folder, with all that is in it. */
static errint_t make_common(struct check *c, const char *path)
{
	bool below;
	struct learned_node *dir = learned_find(c->learned, c->root, path, &below), *any;
	unsigned int in_it;

	if (!dir)
		return -ENOMEM;
	if (below || !dir->parent)
		return 0;
	any = learned_tree_child(dir->parent, "*");
	if (!any)
		return -ENOMEM;
	in_it = bits_below(dir);
	dir->parent->each |= dir->bits;
	any->deep |= in_it;
	dir->bits = dir->each = dir->deep = 0;
	for (size_t i = 0; i < dir->n; i++) {
		struct learned_node *child = dir->children[i];

		child->parent = NULL;
		learned_tree_free(child);
	}
	dir->n = 0;
	c->changed = true;
	return 0;
}

static unsigned int state_of(const struct check *c, const char *path)
{
	const struct lamina_policy_table table = lamina_compiled_table(&c->compiled);
	unsigned int state = lamina_policy_root(&table);

	while (*path) {
		size_t n = strcspn(path + 1, "/");

		if (n)
			state = lamina_policy_step(&table, state, path + 1, (unsigned int)n);
		path += 1 + n;
	}
	return state;
}

static errint_t check_move(struct check *c, size_t i)
{
	const struct learned_move *move = &c->learned->moves[i];
	errint_t err;

	if (!move->dir)
		return allow(c, move->from,
			     allowed(c, move->to, LAMINA_ACCESS_TO_OBJECT) &
				     ~allowed(c, move->from, LAMINA_ACCESS_TO_OBJECT));
	if (c->merged[i] || state_of(c, move->from) == state_of(c, move->to))
		return 0;
	c->merged[i] = true;
	err = make_common(c, move->from);
	return err < 0 ? err : make_common(c, move->to);
}

static errint_t compile(struct check *c, const struct lamina_text *text, struct lamina_error *error)
{
	struct lamina_policy policy;
	errint_t err;

	lamina_policy_init(&policy);
	err = lamina_policy_read_text(&policy, "what was learned", text->bytes, text->n, error);
	if (err == 0)
		err = lamina_policy_compile(&policy, &c->compiled, error);
	lamina_policy_done(&policy);
	return err;
}

/* Print, and see whether that is enough. */
static errint_t try_once(struct check *c, const char *comment, struct lamina_text *ret,
			 struct lamina_error *error)
{
	errint_t err;

	ret->n = 0;
	lamina_compiled_done(&c->compiled);
	c->changed = false;
	err = print(c->root, comment, ret);
	if (err < 0)
		return lamina_error_set(error, err, "cannot write the policy");
	err = compile(c, ret, error);
	if (err < 0)
		return err;
	err = check_uses(c);
	for (size_t i = 0; err == 0 && i < c->learned->n_moves; i++)
		err = check_move(c, i);
	return err < 0 ? lamina_error_set(error, err, "cannot write the policy") : 0;
}

static void warn(const struct check *c, struct lamina_text *ret_warnings)
{
	for (size_t i = 0; i < c->learned->n_moves; i++) {
		const struct learned_move *move = &c->learned->moves[i];

		if (!move->dir || state_of(c, move->from) == state_of(c, move->to))
			continue;
		lamina_text_print(ret_warnings,
				  "the directory %s was moved to %s, of which the policy says "
				  "something else: that will be refused (EXDEV)\n",
				  move->from, move->to);
	}
}

errint_t lamina_learned_write(struct lamina_learned *learned, const char *comment,
			      struct lamina_text *ret, struct lamina_text *ret_warnings,
			      struct lamina_error *error)
{
	struct check c = {.learned = learned};
	errint_t err = 0;

	learned_sort(learned);
	c.root = learned_build(learned);
	c.merged = calloc(learned->n_moves + 1, sizeof(*c.merged));
	if (!c.root || !c.merged)
		err = lamina_error_set(error, -ENOMEM, "cannot write the policy");
	for (int i = 0; err == 0 && i < ROUNDS_MAX && (i == 0 || c.changed); i++)
		err = try_once(&c, comment, ret, error);
	if (err == 0 && c.changed)
		err = lamina_error_say(error, -ELOOP,
				       "no policy was found that allows what was used");
	if (err == 0)
		warn(&c, ret_warnings);
	lamina_compiled_done(&c.compiled);
	learned_tree_free(c.root);
	free(c.merged);
	return err;
}
