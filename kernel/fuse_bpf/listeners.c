// SPDX-License-Identifier: GPL-2.0
/*
 * Listeners of a view: which filter is asked about which operation. They are put together from what
 * the filters' callbacks and flags are, whenever one of them changes.
 */
#include <linux/fs.h>

#include "view.h"
#include "registry.h"

/* BIT_ULL() of each enum fuse_filter_op that a filter is asked about. */
static u64 wanted_ops(const struct fuse_filter_ops *ops)
{
	u64 wanted = 0;

	if (ops->name)
		wanted |= BIT_ULL(FUSE_FILTER_LOOKUP);
	if (ops->entry)
		wanted |= BIT_ULL(FUSE_FILTER_ENTRY);
	if (ops->open)
		wanted |= BIT_ULL(FUSE_FILTER_OPEN) | BIT_ULL(FUSE_FILTER_OPENDIR);
	if (ops->attr)
		wanted |= BIT_ULL(FUSE_FILTER_ATTR);
	if (ops->access)
		wanted |= BIT_ULL(FUSE_FILTER_ACCESS);
	if (ops->gate)
		wanted |= ops->ops;
	return wanted;
}

/**
 * fuse_listen - add a filter to those who are asked
 * @listeners: of a view; nobody sees them yet
 * @which: the filter's place in the view
 * @ops: its callbacks; NULL if it is detached: it is asked about everything then, and has one
 *       answer, see ask.c
 * @has_data: has the view data?
 *
 * A filter is asked about what it asks for, and not where it promised an answer.
 */
void fuse_listen(struct fuse_listeners *listeners, unsigned int which,
		 const struct fuse_filter_ops *ops, bool has_data)
{
	u64 wanted = ops ? wanted_ops(ops) : ~0ULL;
	unsigned int op;

	if (ops && ops->flags & FUSE_FILTER_BY_DATA && !has_data)
		wanted &= BIT_ULL(FUSE_FILTER_DATA);
	for (op = 0; op < FUSE_FILTER_OPS; op++) {
		if (wanted & BIT_ULL(op))
			listeners->to[op] |= BIT(which);
	}
	if (!ops)
		return;
	if (ops->flags & FUSE_FILTER_BY_STATE)
		listeners->by_state |= BIT(which);
	if (ops->flags & FUSE_FILTER_BY_FACTS)
		listeners->by_facts |= BIT(which);
	if (ops->flags & FUSE_FILTER_WATCHES)
		listeners->watching |= BIT(which);
}

/* Each word is read without a lock. */
void fuse_listeners_set(struct fuse_listeners *listeners, const struct fuse_listeners *new)
{
	unsigned int op;

	for (op = 0; op < FUSE_FILTER_OPS; op++)
		WRITE_ONCE(listeners->to[op], new->to[op]);
	WRITE_ONCE(listeners->by_state, new->by_state);
	WRITE_ONCE(listeners->by_facts, new->by_facts);
	WRITE_ONCE(listeners->watching, new->watching);
}
