// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * RENAME: before a merged directory is renamed, all that it shows is brought into the upper, and only
 * then are the layers below it cut off; so what is seen is the same at every moment.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "union/creds.h"
#include "union/listing.h"
#include "union/lookup.h"
#include "union/whiteout.h"
#include "upcall/acts.h"

/* A directory of the tree. */
struct branch {
	char *path;
	struct lamina_stack *stack;
};

/* All of them, each before those in it. */
struct tree {
	struct lamina_upcall_server *s;
	const atomic_bool *cancel;
	struct branch *branches;
	size_t n, capacity;
};

static void tree_done(struct tree *t)
{
	for (size_t i = 0; i < t->n; i++) {
		free(t->branches[i].path);
		lamina_stack_free(t->branches[i].stack);
	}
	free(t->branches);
}

/* Takes over @path and @stack, also on failure. */
static errint_t tree_add(struct tree *t, char *path, struct lamina_stack *stack)
{
	if (t->n == t->capacity) {
		size_t capacity = t->capacity ? t->capacity * 2 : 16;
		struct branch *branches = reallocarray(t->branches, capacity, sizeof(*branches));

		if (!branches) {
			free(path);
			lamina_stack_free(stack);
			return -ENOMEM;
		}
		t->branches = branches;
		t->capacity = capacity;
	}
	t->branches[t->n++] = (struct branch){path, stack};
	return 0;
}

/* The union's directory of @path with @stack; the caller frees its parts. */
static errint_t dir_of(const struct lamina_union *u, const char *path,
		       const struct lamina_stack *stack, struct lamina_dir *ret)
{
	struct lamina_part *parts = calloc(stack->n, sizeof(*parts));

	if (!parts)
		return -ENOMEM;
	for (unsigned int i = 0; i < stack->n; i++) {
		/* A redirect, which views do not follow: what is shown is not what the union says. */
		if (stack->parts[i].path) {
			free(parts);
			return -EXDEV;
		}
		parts[i] = (struct lamina_part){
			.layer = stack->parts[i].layer,
			.flags = stack->parts[i].flags,
			.fd = -1,
			.path = path,
		};
	}
	*ret = (struct lamina_dir){.u = u, .n = stack->n, .parts = parts};
	return 0;
}

static void dir_done(struct lamina_dir *dir)
{
	lamina_dir_done(dir);
	free(dir->parts);
}

/* ---- the way to the directory ---- */

static struct lamina_stack *root_stack(const struct lamina_union *u)
{
	struct lamina_stack *stack = lamina_stack_new(u->n_root);

	if (!stack)
		return NULL;
	stack->n = u->n_root;
	for (unsigned int i = 0; i < u->n_root; i++)
		stack->parts[i] = (struct lamina_stack_part){
			.layer = (uint16_t)i,
			.flags = u->layers[i].xwhiteouts ? LAMINA_PART_XWHITEOUTS : 0,
		};
	return stack;
}

/* Look @name up in the directory @path with *@stack, which becomes the stack of what is found. */
static errint_t step_down(const struct lamina_union *u, const char *path, const char *name,
			  struct lamina_stack **stack)
{
	_cleanup_entry_ struct lamina_entry entry = {0};
	_cleanup_(dir_done) struct lamina_dir dir = {0};
	errint_t err = dir_of(u, path, *stack, &dir);

	if (err == 0)
		err = lamina_lookup(&dir, name, 0, &entry);
	if (err == 0 && !entry.stack)
		err = -ENOTDIR;
	if (err < 0)
		return err;
	lamina_stack_free(*stack);
	*stack = TAKE_PTR(entry.stack);
	return 0;
}

static errint_t walk(const struct lamina_union *u, const char *path, struct lamina_stack **ret)
{
	_cleanup_stack_ struct lamina_stack *stack = root_stack(u);
	_cleanup_free_ char *way = strdup(path);
	const char *at = "";
	errint_t err = stack && way ? 0 : -ENOMEM;

	for (char *name = way; err == 0 && name;) {
		char *slash = strchr(name, '/');

		if (slash)
			*slash = '\0';
		err = step_down(u, at, name, &stack);
		/* What was walked is the path of the directory for the next step. */
		if (name != way)
			name[-1] = '/';
		at = way;
		name = slash ? slash + 1 : NULL;
	}
	if (err == 0)
		*ret = TAKE_PTR(stack);
	return err;
}

/* ---- copying ---- */

static bool cancelled(const struct tree *t)
{
	return atomic_load_explicit(t->cancel, memory_order_relaxed);
}

/* Give the directory an upper part. */
static errint_t raise_branch(struct tree *t, struct branch *b)
{
	struct lamina_stack *stack;
	errint_t err = upcall_raise_dirs(t->s, b->path);

	if (err != 0 || b->stack->parts[0].layer == 0)
		return err;
	stack = lamina_stack_with_upper(b->stack);
	if (!stack)
		return -ENOMEM;
	free(b->stack);
	b->stack = stack;
	return 0;
}

/*
 * Bring the file @name of the directory @path into the upper, under this name. One that is a copy
 * already (@copied) may have the name in the upper alone.
 */
static errint_t raise_file(struct tree *t, const char *path, const char *name,
			   const char *file_path, bool copied)
{
	_cleanup_lower_ struct lower_object from = {.source.fd = -1};
	errint_t err = lower_object_find(t->s->u, file_path, 1, &from);

	if (err == -ENOENT && copied)
		return 0;
	if (err < 0)
		return err;
	return upcall_copy_to(t->s, path, name, &from, UPCALL_WHOLE, t->cancel);
}

static errint_t raise_entry(struct tree *t, const char *path, const char *name,
			    struct lamina_entry *entry)
{
	_cleanup_free_ char *own = NULL;

	/* A copy with several names lies at layer 0, too, but need not have this name there. */
	if (!entry->stack && entry->layer == 0 && !entry->indexed)
		return 0;
	if (asprintf(&own, "%s/%s", path, name) < 0)
		return -ENOMEM;
	if (entry->stack)
		return tree_add(t, TAKE_PTR(own), TAKE_PTR(entry->stack));
	return raise_file(t, path, name, own, entry->layer == 0);
}

static errint_t raise_name(struct tree *t, const char *path, struct lamina_dir *dir,
			   const char *name, unsigned int part)
{
	_cleanup_entry_ struct lamina_entry entry = {0};
	errint_t err = lamina_lookup(dir, name, part, &entry);

	return err == 0 ? raise_entry(t, path, name, &entry) : err;
}

/* Bring what branch @i holds into the upper; the directories in it are added to the tree. */
static errint_t raise_content(struct tree *t, size_t i)
{
	_cleanup_listing_ struct lamina_listing *listing = NULL;
	_cleanup_(dir_done) struct lamina_dir dir = {0};
	const char *path = t->branches[i].path; /* stays where it is when the array moves */
	errint_t err = raise_branch(t, &t->branches[i]);

	if (err == 0)
		err = dir_of(t->s->u, path, t->branches[i].stack, &dir);
	if (err == 0)
		err = lamina_listing_read(&dir, &listing);
	for (unsigned int n = 0; err == 0 && n < listing->n; n++) {
		if (cancelled(t))
			return -EINTR;
		err = raise_name(t, path, &dir, lamina_listing_name(listing, n),
				 listing->names[n].part);
	}
	return err;
}

/*
 * The directory has all that it shows: make the layers below invisible for good. One that is opaque
 * may have whiteouts left from a server that did not come further.
 */
static errint_t cut_off(const struct lamina_union *u, const struct branch *b)
{
	_cleanup_upper_dir_ struct upper_dir dir = {0};
	errint_t err = upper_dir_open(u, b->path, &dir);

	if (err == 0 && b->stack->n > 1)
		err = lamina_opaque_write(u, upper_dir_fd(&dir));
	return err < 0 ? err : lamina_whiteout_clear(upper_dir_fd(&dir), 0);
}

static errint_t raise_tree(struct tree *t)
{
	errint_t err = 0;

	for (size_t i = 0; err == 0 && i < t->n; i++)
		err = raise_content(t, i);
	for (size_t i = t->n; err == 0 && i-- > 0;)
		err = cut_off(t->s->u, &t->branches[i]);
	return err;
}

errint_t upcall_rename(struct lamina_upcall_server *s, struct wire_request *r,
		       const struct lamina_upcall *c)
{
	_cleanup_(tree_done) struct tree t = {.s = s, .cancel = &r->interrupted};
	_cleanup_stack_ struct lamina_stack *stack = NULL;
	_cleanup_free_ char *path = strdup(c->path);
	errint_t err = path ? walk(s->u, path, &stack) : -ENOMEM;

	if (err == -ENOENT || err == -ENOTDIR)
		return FUSE_UPCALL_RETRY;
	if (err < 0)
		return err;
	wire_session_block_ahead(s->session);
	lamina_creds_become_self();
	err = tree_add(&t, TAKE_PTR(path), TAKE_PTR(stack));
	if (err == 0)
		err = raise_tree(&t);
	return err == 0 ? FUSE_UPCALL_DONE : err;
}
