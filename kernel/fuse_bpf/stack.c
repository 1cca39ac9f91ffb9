// SPDX-License-Identifier: GPL-2.0
/*
 * Stacks of backing objects. A stack doesn't change once it is made; the inode that it hangs off
 * owns it, and those that it had before.
 */
#include <linux/dcache.h>
#include <linux/slab.h>

#include "view.h"

void fuse_places_put(const struct fuse_place *places, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		dput(places[i].dentry);
}

/**
 * fuse_stack_new - make a stack
 * @places: the topmost first; the references to their dentries are taken over, also on failure
 * @nr: how many, at least one
 *
 * Return: the stack, or NULL without memory.
 */
struct fuse_stack *fuse_stack_new(const struct fuse_place *places, unsigned int nr)
{
	struct fuse_stack *stack;
	unsigned int i;

	stack = kmalloc(struct_size(stack, at, nr), GFP_KERNEL_ACCOUNT);
	if (!stack) {
		fuse_places_put(places, nr);
		return NULL;
	}
	stack->nr = nr;
	stack->remote = false;
	stack->upper = places[0].layer->upper;
	stack->old = NULL;
	for (i = 0; i < nr; i++) {
		stack->at[i] = places[i];
		stack->remote |= places[i].layer->remote;
	}
	return stack;
}

/* The same, with references of its own. */
struct fuse_stack *fuse_stack_copy(const struct fuse_place *places, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		dget(places[i].dentry);
	return fuse_stack_new(places, nr);
}

/* For a stack that nobody has seen. */
void fuse_stack_free(struct fuse_stack *stack)
{
	fuse_places_put(stack->at, stack->nr);
	kfree(stack);
}

/* Drops the references of a stack and of those that it replaced, which rcu-walks may still read. */
void fuse_stack_put(const struct fuse_stack *stack)
{
	for (; stack; stack = stack->old)
		fuse_places_put(stack->at, stack->nr);
}

/* After that, and a grace period. */
void fuse_stack_free_all(struct fuse_stack *stack)
{
	struct fuse_stack *old;

	for (; stack; stack = old) {
		old = stack->old;
		kfree(stack);
	}
}

bool fuse_places_same(const struct fuse_stack *stack, const struct fuse_place *places,
		      unsigned int nr)
{
	unsigned int i;

	if (stack->nr != nr)
		return false;
	for (i = 0; i < nr; i++) {
		if (stack->at[i].layer != places[i].layer ||
		    d_inode(stack->at[i].dentry) != d_inode(places[i].dentry))
			return false;
	}
	return true;
}
