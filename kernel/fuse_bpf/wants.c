// SPDX-License-Identifier: GPL-2.0
/*
 * The facts that filters want to be told. Collecting them may sleep, so who does it holds a copy of
 * what was asked for, which outlives an update of the filter. filter.c replaces it.
 */
#include <linux/rcupdate.h>
#include <linux/slab.h>

#include "view.h"
#include "registry.h"

/* Returns NULL if there is nothing that a filter wants to be told. */
struct fuse_wants *fuse_wants_new(const struct fuse_filter_ops *ops, int *ret_err)
{
	struct fuse_wants *wants;
	bool any = ops->facts || ops->sibling[0] || ops->child[0] || ops->value[0];
	int i;

	*ret_err = 0;
	for (i = 0; i < FUSE_FILTER_MARKS; i++)
		any |= ops->marks[i][0];
	if (!any)
		return NULL;
	wants = kzalloc(sizeof(*wants), GFP_KERNEL_ACCOUNT);
	if (!wants) {
		*ret_err = -ENOMEM;
		return NULL;
	}
	refcount_set(&wants->count, 1);
	wants->facts = ops->facts;
	memcpy(wants->marks, ops->marks, sizeof(wants->marks));
	memcpy(wants->sibling, ops->sibling, sizeof(wants->sibling));
	memcpy(wants->child, ops->child, sizeof(wants->child));
	memcpy(wants->value, ops->value, sizeof(wants->value));
	wants->sibling_len = strlen(wants->sibling);
	wants->child_len = strlen(wants->child);
	return wants;
}

void fuse_wants_put(struct fuse_wants *wants)
{
	if (wants && refcount_dec_and_test(&wants->count))
		kfree_rcu(wants, rcu);
}

/* What a filter of a view wants to be told; NULL for nothing. The caller puts it. */
struct fuse_wants *fuse_wants_get(const struct fuse_view_filter *vf)
{
	struct fuse_wants *wants;

	rcu_read_lock();
	do {
		wants = rcu_dereference(vf->filter->wants);
	} while (wants && !refcount_inc_not_zero(&wants->count));
	rcu_read_unlock();
	return wants;
}
