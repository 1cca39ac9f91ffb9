/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the daemon keeps open or read: a file for a node, a listing for a directory. Both are
 * bounded over the whole mount; the least recently used goes first. Everything here takes the
 * table's `lock` by itself.
 */
#pragma once

#include "engine/node.h"

/* A file object for @fd, which it takes over, with one reference. NULL without memory. */
struct file *file_new(int fd, bool readable, bool writable);
void file_put(struct node_table *t, struct file *file);

/* The file cached for @node, with a reference; NULL if there is none that can do what is asked. */
struct file *node_file(struct node_table *t, struct node *node, bool readable, bool writable);

/* Cache @file (NULL: none) for @node instead of what was there. The caller keeps its reference. */
void node_set_file(struct node_table *t, struct node *node, struct file *file);

/* The listing cached for the directory @node; NULL if there is none, or no `fresh` one. */
struct shared_listing *node_listing(struct node_table *t, struct node *node, bool fresh);

/* Cache @listing, which is taken over; returns it with a reference. NULL without memory. */
struct shared_listing *node_set_listing(struct node_table *t, struct node *node,
					struct lamina_listing *listing);
void listing_put(struct node_table *t, struct shared_listing *listing);

/* The names of the directory @node have changed, or where they come from. */
void node_changed(struct node_table *t, struct node *node);

/* Drop what is cached for @node. */
void cache_drop(struct node_table *t, struct node *node);

/* Cache @file for @node, which is about to lose a name, unless it has one already. */
void node_keep_file(struct node_table *t, struct node *node, struct file *file);
