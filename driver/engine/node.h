/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Nodes: what the kernel holds by a node id, and where it lies in the union.
 *
 * A node is reached by its names (aliases) below the root, by the index if it lives there, or, when
 * it has lost its last name, by the file that was kept open for it. A file with several names is
 * one node: it is found again by its key.
 *
 * Locks, in the order in which they are taken:
 *   1. a node's `busy` mark (node_begin_change): one change of a node's place or of its names at a
 *      time: copy-up, unlink, rename. Child before parent; two nodes at once by rising id.
 *   2. `tree`, a read-write lock over names and places. A thread that makes a path out of nodes and
 *      uses it holds it for reading; one that changes a node's place or its names by a rename holds
 *      it for writing. The upper is only read under it, never changed: a change may wait for a file
 *      system that is frozen or slow, and all that is looked up would wait with it. While an object
 *      is renamed its names and its path disagree; it and what lies below it are found from its
 *      `anchor` then.
 *   3. `lock`, a mutex over tables, counts, aliases and cached files. Nothing is called under it
 *      that can block.
 */
#pragma once

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/map.h"
#include "engine/reaper.h"
#include "union/dir.h"
#include "union/listing.h"
#include "union/lookup.h"
#include "union/work.h"

#define NODE_PROTECTION_UNKNOWN UINT32_MAX

/* A name of a node. Under `lock`; changed by renames under `tree` for writing as well. */
struct alias {
	struct lamina_link link; /* in names, by (parent, name) */
	struct node *node;
	struct node *parent; /* pinned */
	struct alias *next;  /* of the same node */
	bool placed;	     /* known to be a name in the upper */
	uint32_t state;	     /* of the policy, as of `epoch`; see policy.h */
	uint32_t epoch;	     /* 0: never found out */
	char name[];
};

/* An open file of the daemon. Under `lock`, but for `fd`, which never changes. */
struct file {
	int fd;
	unsigned int refs;
	bool writable;		    /* opened for reading and writing */
	bool readable;		    /* false: O_PATH */
	struct file *newer, *older; /* in the cache's order of use */
	struct node *owner;	    /* the node that caches it, or NULL */
};

/* A listing that may be in use while it is replaced. Under `lock`. */
struct shared_listing {
	struct lamina_listing *listing;
	unsigned int refs;
	bool stale; /* the directory has changed: good for going on, not for starting */
	struct shared_listing *newer, *older;
	struct node *owner;
};

struct node {
	uint64_t id;
	struct lamina_link by_id;
	mode_t type;
	uint64_t ino; /* the number to show; never changes */
	/* FS_*_FL flags that forbid changes, see protect.h; or that nobody has looked. */
	atomic_uint protection;

	/* Under `lock`. */
	uint64_t lookups;  /* the kernel's */
	unsigned int pins; /* ours: aliases of children, requests at work */
	struct alias *aliases;
	struct alias *last_alias; /* without any: the last it had, for policies; in no table */
	struct file *file;
	struct shared_listing *listing;
	bool busy;
	bool gone; /* no name is left: st_nlink is 0 */
	bool kept; /* `file` stays, as nothing else leads to it; see orphan.h */

	/* Open handles, where the kernel tells of them (engine passthrough); see passthrough.h. */
	unsigned int backed, cached;
	unsigned int writers; /* backed ones that may write */
	uint32_t backing_id;  /* of the backed ones; 0: none */
	bool written_past;    /* a backed one may have written since a cached one was opened */

	/* Where it lies. Changed under `tree` for writing, read under it. */
	struct file *anchor; /* while it is renamed, itself: paths lead from here; else NULL */
	unsigned int layer;
	bool indexed;
	struct lamina_stack *stack;	   /* a directory's */
	char aside[LAMINA_WORK_NAME_SIZE]; /* see orphan.h, as the next two */
	char *lower_path;
	struct statx *last_stat;
	char *data_path; /* see lamina_entry, as the next two */
	unsigned int data_layer;
	bool data_known;

	/* What a file's several names have in common. Set once, under `lock`. */
	char *key; /* or NULL */
	struct lamina_link by_key;
	unsigned int lower_nlink;
};

struct node_table {
	struct lamina_union *u;
	pthread_rwlock_t tree;
	pthread_mutex_t lock;
	pthread_cond_t not_busy;
	struct node *root;
	uint64_t next_id;
	struct lamina_map ids, names, keys;
	atomic_bool moved; /* some directory lies elsewhere in a layer than its names say */

	/* Caches, oldest first; under `lock`. `kept` files are among them, and stay. */
	struct file *files_newest, *files_oldest;
	unsigned int n_files, max_files;
	size_t n_kept, max_kept,
		most_kept; /* beyond the maximum only what can be kept in no other way */
	struct shared_listing *listings_newest, *listings_oldest;
	unsigned int n_names;

	struct reaper reaper;
};

errint_t node_table_init(struct node_table *t, struct lamina_union *u, unsigned int max_files);
void node_table_done(struct node_table *t);

/* Close all files, and remove all that lies in the work directory for nodes. No request is served. */
void node_table_close(struct node_table *t);

/* The node of @id, pinned; NULL if there is none. node_put() undoes it. */
struct node *node_get(struct node_table *t, uint64_t id);
void node_put(struct node_table *t, struct node *node);

/* The node known as @name of @parent, pinned; NULL if none is. */
struct node *node_find(struct node_table *t, struct node *parent, const char *name);

/*
 * The node of the object that a lookup of @name in @parent has found: one that is known already, or
 * a new one that takes over what @entry owns. Pinned. NULL without memory.
 */
struct node *node_enter(struct node_table *t, struct node *parent, const char *name,
			struct lamina_entry *entry);

/* The node of the root directory: the first node, FUSE_ROOT_ID, which stays. */
struct node *node_enter_root(struct node_table *t, struct lamina_entry *entry);

/* The file of @node need not stay any more. Under `lock`. */
void node_unkeep(struct node_table *t, struct node *node);

/*
 * A node for the upper object of @entry, which has no name yet and was made in @parent. Policies see
 * it as NODE_UNNAMED in that directory. Pinned. NULL without memory.
 */
#define NODE_UNNAMED "#unnamed"
struct node *node_enter_unnamed(struct node_table *t, struct node *parent,
				struct lamina_entry *entry);

/* The file @node, so far with one name, is to be found by @key as well. */
void node_set_key(struct node_table *t, struct node *node, const char *key);

/* The kernel has one lookup more of @node, or @n fewer of the node @id. */
void node_remember(struct node_table *t, struct node *node);
void node_forget(struct node_table *t, uint64_t id, uint64_t n);

/*
 * Names. Adding one takes it away from the node that had it. `gone`: the object has lost its last
 * name. Renames hold `tree` for writing.
 */
errint_t node_add_alias(struct node_table *t, struct node *node, struct node *parent,
			const char *name);
void node_drop_alias(struct node_table *t, struct node *node, struct node *parent, const char *name,
		     bool gone);

/* One name of @node, and its parent, pinned; NULL if it has none. */
struct node *node_first_name(struct node_table *t, struct node *node, char name[NAME_MAX + 1]);

/*
 * The names of a file that has several, one after the other: a name of @node that was not noted as
 * placed yet, and its parent, pinned; NULL when all are. What is no name of @node is not noted.
 */
struct node *node_unplaced_name(struct node_table *t, struct node *node, char name[NAME_MAX + 1]);
void node_note_placed(struct node_table *t, struct node *node, struct node *parent,
		      const char *name);

/* Take one of the marks described above; waits for who has it. */
void node_begin_change(struct node_table *t, struct node *node);
void node_begin_change_two(struct node_table *t, struct node *a, struct node *b);
void node_end_change(struct node_table *t, struct node *node);
void node_end_change_two(struct node_table *t, struct node *a, struct node *b);
