// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Nodes that change: one change at a time, by their marks. The locks are described in node.h.
 */
#include "engine/node.h"

static void wait_not_busy(struct node_table *t, const struct node *node)
{
	while (node->busy)
		pthread_cond_wait(&t->not_busy, &t->lock);
}

void node_begin_change(struct node_table *t, struct node *node)
{
	pthread_mutex_lock(&t->lock);
	wait_not_busy(t, node);
	node->busy = true;
	pthread_mutex_unlock(&t->lock);
}

void node_begin_change_two(struct node_table *t, struct node *a, struct node *b)
{
	if (a && b && b->id < a->id) {
		struct node *first = b;

		b = a;
		a = first;
	}
	if (a)
		node_begin_change(t, a);
	if (b && b != a)
		node_begin_change(t, b);
}

void node_end_change(struct node_table *t, struct node *node)
{
	pthread_mutex_lock(&t->lock);
	node->busy = false;
	pthread_cond_broadcast(&t->not_busy);
	pthread_mutex_unlock(&t->lock);
}

void node_end_change_two(struct node_table *t, struct node *a, struct node *b)
{
	if (a)
		node_end_change(t, a);
	if (b && b != a)
		node_end_change(t, b);
}
