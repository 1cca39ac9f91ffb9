/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From nodes to paths in layers. Callers hold the table's `tree`, for as long as they use a path into
 * the upper. Paths into lower layers stay true, as these do not change.
 */
#pragma once

#include "engine/node.h"

#define PLACE_PARTS_INLINE 16
#define PLACE_PATH_INLINE  512

/* A directory of the union made out of a node. Its topmost part's fd may be the node's cached one. */
struct place_dir {
	struct lamina_dir dir;
	struct node_table *table;
	struct node *node;
	struct file *top; /* cached, and lent to the first part; or NULL */
	struct lamina_part inline_parts[PLACE_PARTS_INLINE];
	char inline_path[PLACE_PATH_INLINE];
	char **paths; /* owned, one a part: where the layers' paths differ */
	char *path;   /* owned: where one is too long for inline_path */
};

/*
 * Make @ret the union's directory of @node, for place_dir_done() (which takes any zeroed one).
 * -ENOENT: it has lost its name.
 */
errint_t place_dir_init(struct node_table *t, struct node *node, struct place_dir *ret);
void place_dir_done(struct place_dir *dir);

/*
 * As above, with the topmost part open. Takes `tree` by itself, and @ret is used without it: only
 * paths into lower layers are left to be opened. So a change of the upper, which may wait for its file
 * system, is made without the lock.
 */
errint_t place_dir_open(struct node_table *t, struct node *node, struct place_dir *ret);

/*
 * Cache the fd of the topmost part, if it was opened, for the next time. Under `tree`, or for a
 * directory whose topmost part is the upper's, and so stays what it is.
 */
void place_dir_keep(struct place_dir *dir);

/* Keep with the node what was found out or marked at the upper part. Takes `tree` by itself. */
void place_dir_note_flags(const struct place_dir *dir);

#define _cleanup_place_dir_ _cleanup_(place_dir_done)

/* Open the object of @node itself with @flags (O_PATH: also a link). -ENOENT: it has no name. */
errint_t place_open(struct node_table *t, struct node *node, int flags);

/* The path of @node in its layer, for free(). -ENOENT: it has no name. */
errint_t place_path(struct node_table *t, const struct node *node, char **ret);

/* Open the file that holds the data of the regular file @node, with @flags. */
errint_t place_open_data(struct node_table *t, struct node *node, int flags);
