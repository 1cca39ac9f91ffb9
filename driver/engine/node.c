// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The table of nodes: identities, names, counts. The locks are described in node.h.
 */
#include "engine/node.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "base/hash.h"
#include "base/limits.h"
#include "engine/cache.h"
#include "engine/orphan.h"
#include "wire/proto.h"

static uint64_t hash_of_id(uint64_t id)
{
	return id * 0x9e3779b97f4a7c15u >> 7; /* ids are ours, and consecutive */
}

static uint64_t hash_of_name(const struct node_table *t, const struct node *parent,
			     const char *name)
{
	const uint64_t key[2] = {t->u->hash_key[0], t->u->hash_key[1] ^ parent->id};

	return lamina_hash(key, name, strlen(name));
}

static struct node *new_node(struct node_table *t, mode_t type, uint64_t ino)
{
	struct node *node = calloc(1, sizeof(*node));

	if (!node)
		return NULL;
	node->id = t->next_id++;
	node->type = type & S_IFMT;
	node->ino = ino;
	node->pins = 1;
	node->protection = NODE_PROTECTION_UNKNOWN;
	lamina_map_add(&t->ids, &node->by_id, hash_of_id(node->id));
	return node;
}

static struct alias *find_alias(const struct node_table *t, const struct node *parent,
				const char *name)
{
	uint64_t hash = hash_of_name(t, parent, name);
	struct lamina_link *link = NULL;

	while ((link = lamina_map_next(&t->names, link, hash))) {
		struct alias *alias = lamina_container_of(link, struct alias, link);

		if (alias->parent == parent && !strcmp(alias->name, name))
			return alias;
	}
	return NULL;
}

static struct node *find_key(const struct node_table *t, const char *key)
{
	uint64_t hash = lamina_hash(t->u->hash_key, key, strlen(key));
	struct lamina_link *link = NULL;

	while ((link = lamina_map_next(&t->keys, link, hash))) {
		struct node *node = lamina_container_of(link, struct node, by_key);

		if (!strcmp(node->key, key))
			return node;
	}
	return NULL;
}

/* What must be done when `lock` is no longer held: closing and freeing. */
struct leftovers {
	struct node *nodes; /* chained by their (now unused) key link */
};

static void unpin(struct node_table *t, struct node *node, struct leftovers *left);

static struct alias *new_alias(struct node *node, struct node *parent, const char *name)
{
	size_t size = strlen(name) + 1;
	struct alias *alias = calloc(1, sizeof(*alias) + size);

	if (!alias)
		return NULL;
	memcpy(alias->name, name, size);
	alias->node = node;
	alias->parent = parent;
	parent->pins++;
	return alias;
}

static void forget_last_alias(struct node_table *t, struct node *node, struct leftovers *left)
{
	struct alias *last = TAKE_PTR(node->last_alias);

	if (last)
		unpin(t, last->parent, left);
	free(last);
}

void node_unkeep(struct node_table *t, struct node *node)
{
	t->n_kept -= node->kept;
	node->kept = false;
}

static errint_t add_alias(struct node_table *t, struct node *node, struct node *parent,
			  const char *name, struct leftovers *left)
{
	struct alias *alias = new_alias(node, parent, name);

	if (!alias)
		return -ENOMEM;
	alias->next = node->aliases;
	node->aliases = alias;
	node->gone = false;
	node_unkeep(t, node);
	lamina_map_add(&t->names, &alias->link, hash_of_name(t, parent, name));
	forget_last_alias(t, node, left);
	return 0;
}

/* Take @alias away from its node, which remembers it if it was the last one. */
static void remove_alias(struct node_table *t, struct alias *alias, struct leftovers *left)
{
	struct node *node = alias->node;
	struct alias **at = &node->aliases;

	while (*at != alias)
		at = &(*at)->next;
	*at = alias->next;
	lamina_map_remove(&t->names, &alias->link);
	if (!node->aliases) {
		forget_last_alias(t, node, left);
		node->last_alias = alias;
		return;
	}
	unpin(t, alias->parent, left);
	free(alias);
}

static void take_out(struct node_table *t, struct node *node, struct leftovers *left)
{
	lamina_map_remove(&t->ids, &node->by_id);
	if (node->key)
		lamina_map_remove(&t->keys, &node->by_key);
	node->by_key.next = left->nodes ? &left->nodes->by_key : NULL;
	left->nodes = node;
}

/* Free @node if nobody knows it any more. Its parents may follow. */
static void settle(struct node_table *t, struct node *node, struct leftovers *left)
{
	if (node->lookups > 0 || node->pins > 0 || node == t->root)
		return;
	while (node->aliases)
		remove_alias(t, node->aliases, left);
	forget_last_alias(t, node, left);
	take_out(t, node, left);
}

static void unpin(struct node_table *t, struct node *node, struct leftovers *left)
{
	node->pins--;
	settle(t, node, left);
}

static void free_node(struct node_table *t, struct node *node)
{
	orphan_release(t, node);
	cache_drop(t, node);
	lamina_stack_free(node->stack);
	free(node->data_path);
	free(node->key);
	free(node);
}

static void clear_up(struct node_table *t, struct leftovers *left)
{
	while (left->nodes) {
		struct node *node = left->nodes;
		struct lamina_link *next = node->by_key.next;

		left->nodes = next ? lamina_container_of(next, struct node, by_key) : NULL;
		free_node(t, node);
	}
}

errint_t node_table_init(struct node_table *t, struct lamina_union *u, unsigned int max_files)
{
	pthread_rwlockattr_t attr;
	errint_t err;

	*t = (struct node_table){.u = u, .next_id = FUSE_ROOT_ID, .max_files = max_files};
	t->max_kept = max_files / 2;
	t->most_kept = lamina_fd_limit() / LAMINA_KEPT_FDS_DIVISOR;
	reaper_init(&t->reaper, u);
	pthread_mutex_init(&t->lock, NULL);
	pthread_cond_init(&t->not_busy, NULL);
	/* A rename must not wait for ever behind a stream of lookups. Nobody reads recursively. */
	pthread_rwlockattr_init(&attr);
	pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&t->tree, &attr);
	pthread_rwlockattr_destroy(&attr);

	err = lamina_map_init(&t->ids);
	if (err == 0)
		err = lamina_map_init(&t->names);
	if (err == 0)
		err = lamina_map_init(&t->keys);
	return err;
}

void node_table_close(struct node_table *t)
{
	for (size_t i = 0; i <= t->ids.mask; i++)
		for (struct lamina_link *at = t->ids.buckets[i]; at; at = at->next) {
			struct node *node = lamina_container_of(at, struct node, by_id);

			orphan_release(t, node);
			node_set_file(t, node, NULL);
		}
	reaper_done(&t->reaper);
}

/* Free @node with its names, without taking it out of tables that are going as well. */
static void free_all_of(struct node_table *t, struct node *node)
{
	while (node->aliases) {
		struct alias *alias = node->aliases;

		node->aliases = alias->next;
		free(alias);
	}
	free(node->last_alias);
	free_node(t, node);
}

void node_table_done(struct node_table *t)
{
	if (!t->u)
		return;
	/* The kernel has let go of everything, whether or not it said so. */
	for (size_t i = 0; t->ids.buckets && i <= t->ids.mask; i++)
		while (t->ids.buckets[i]) {
			struct lamina_link *link = t->ids.buckets[i];

			t->ids.buckets[i] = link->next;
			free_all_of(t, lamina_container_of(link, struct node, by_id));
		}
	reaper_free(&t->reaper);
	lamina_map_done(&t->ids);
	lamina_map_done(&t->names);
	lamina_map_done(&t->keys);
	pthread_rwlock_destroy(&t->tree);
	pthread_cond_destroy(&t->not_busy);
	pthread_mutex_destroy(&t->lock);
}

struct node *node_get(struct node_table *t, uint64_t id)
{
	struct lamina_link *link = NULL;
	struct node *found = NULL;
	uint64_t hash = hash_of_id(id);

	pthread_mutex_lock(&t->lock);
	while (!found && (link = lamina_map_next(&t->ids, link, hash))) {
		struct node *node = lamina_container_of(link, struct node, by_id);

		if (node->id == id)
			found = node;
	}
	if (found)
		found->pins++;
	pthread_mutex_unlock(&t->lock);
	return found;
}

void node_put(struct node_table *t, struct node *node)
{
	struct leftovers left = {NULL};

	if (!node)
		return;
	pthread_mutex_lock(&t->lock);
	unpin(t, node, &left);
	pthread_mutex_unlock(&t->lock);
	clear_up(t, &left);
}

struct node *node_find(struct node_table *t, struct node *parent, const char *name)
{
	struct alias *alias;
	struct node *node;

	pthread_mutex_lock(&t->lock);
	alias = find_alias(t, parent, name);
	node = alias ? alias->node : NULL;
	if (node)
		node->pins++;
	pthread_mutex_unlock(&t->lock);
	return node;
}

static bool has_moved_part(const struct lamina_stack *stack)
{
	for (unsigned int i = 0; stack && i < stack->n; i++)
		if (stack->parts[i].path)
			return true;
	return false;
}

/* A new node for @entry's object, which it takes over, with a key if it has one. */
static struct node *node_of_entry(struct node_table *t, struct lamina_entry *entry)
{
	_cleanup_free_ char *key = entry->key[0] ? strdup(entry->key) : NULL;
	struct node *node = NULL;

	if (!entry->key[0] || key)
		node = new_node(t, entry->st.stx_mode, entry->ino);
	if (!node)
		return NULL;
	node->layer = entry->layer;
	node->protection = entry->protection;
	node->indexed = entry->indexed;
	node->lower_nlink = entry->lower_nlink;
	node->stack = TAKE_PTR(entry->stack);
	node->data_path = TAKE_PTR(entry->data_path);
	node->data_layer = entry->data_layer;
	node->data_known = entry->data_known;
	node->key = TAKE_PTR(key);
	if (node->key)
		lamina_map_add(&t->keys, &node->by_key,
			       lamina_hash(t->u->hash_key, node->key, strlen(node->key)));
	t->moved |= has_moved_part(node->stack);
	return node;
}

static struct node *enter(struct node_table *t, struct node *parent, const char *name,
			  struct lamina_entry *entry, struct leftovers *left)
{
	struct alias *alias = find_alias(t, parent, name);
	struct node *node;

	if (alias) {
		alias->node->pins++;
		return alias->node;
	}
	node = entry->key[0] ? find_key(t, entry->key) : NULL;
	if (node)
		node->pins++;
	else
		node = node_of_entry(t, entry);
	if (node && add_alias(t, node, parent, name, left) < 0) {
		unpin(t, node, left);
		node = NULL;
	}
	return node;
}

struct node *node_enter(struct node_table *t, struct node *parent, const char *name,
			struct lamina_entry *entry)
{
	struct leftovers left = {NULL};
	struct node *node;

	pthread_mutex_lock(&t->lock);
	node = enter(t, parent, name, entry, &left);
	pthread_mutex_unlock(&t->lock);
	clear_up(t, &left);
	return node;
}

struct node *node_enter_root(struct node_table *t, struct lamina_entry *entry)
{
	pthread_mutex_lock(&t->lock);
	t->root = node_of_entry(t, entry);
	pthread_mutex_unlock(&t->lock);
	return t->root;
}

struct node *node_enter_unnamed(struct node_table *t, struct node *parent,
				struct lamina_entry *entry)
{
	struct leftovers left = {NULL};
	struct node *node;

	pthread_mutex_lock(&t->lock);
	node = node_of_entry(t, entry);
	if (node) {
		node->last_alias = new_alias(node, parent, NODE_UNNAMED);
		if (!node->last_alias) {
			unpin(t, node, &left);
			node = NULL;
		}
	}
	pthread_mutex_unlock(&t->lock);
	clear_up(t, &left);
	return node;
}

void node_remember(struct node_table *t, struct node *node)
{
	pthread_mutex_lock(&t->lock);
	node->lookups++;
	pthread_mutex_unlock(&t->lock);
}

void node_forget(struct node_table *t, uint64_t id, uint64_t n)
{
	struct leftovers left = {NULL};
	struct node *node = node_get(t, id);

	if (!node)
		return;
	pthread_mutex_lock(&t->lock);
	node->lookups -= n < node->lookups ? n : node->lookups;
	unpin(t, node, &left);
	pthread_mutex_unlock(&t->lock);
	clear_up(t, &left);
}

errint_t node_add_alias(struct node_table *t, struct node *node, struct node *parent,
			const char *name)
{
	struct leftovers left = {NULL};
	struct alias *old;
	errint_t err;

	pthread_mutex_lock(&t->lock);
	old = find_alias(t, parent, name);
	err = add_alias(t, node, parent, name, &left);
	if (err == 0 && old)
		remove_alias(t, old, &left);
	pthread_mutex_unlock(&t->lock);
	clear_up(t, &left);
	return err;
}

void node_drop_alias(struct node_table *t, struct node *node, struct node *parent, const char *name,
		     bool gone)
{
	struct leftovers left = {NULL};
	struct alias *alias;

	pthread_mutex_lock(&t->lock);
	alias = find_alias(t, parent, name);
	if (alias && alias->node == node) {
		node->gone |= gone;
		remove_alias(t, alias, &left);
	}
	pthread_mutex_unlock(&t->lock);
	clear_up(t, &left);
}

struct node *node_first_name(struct node_table *t, struct node *node, char name[NAME_MAX + 1])
{
	struct node *parent = NULL;

	pthread_mutex_lock(&t->lock);
	if (node->aliases) {
		parent = node->aliases->parent;
		parent->pins++;
		strcpy(name, node->aliases->name);
	}
	pthread_mutex_unlock(&t->lock);
	return parent;
}

struct node *node_unplaced_name(struct node_table *t, struct node *node, char name[NAME_MAX + 1])
{
	struct node *parent = NULL;
	struct alias *alias;

	pthread_mutex_lock(&t->lock);
	alias = node->aliases;
	while (alias && alias->placed)
		alias = alias->next;
	if (alias) {
		parent = alias->parent;
		parent->pins++;
		strcpy(name, alias->name);
	}
	pthread_mutex_unlock(&t->lock);
	return parent;
}

void node_note_placed(struct node_table *t, struct node *node, struct node *parent,
		      const char *name)
{
	struct alias *alias;

	pthread_mutex_lock(&t->lock);
	alias = find_alias(t, parent, name);
	if (alias && alias->node == node)
		alias->placed = true;
	pthread_mutex_unlock(&t->lock);
}

void node_set_key(struct node_table *t, struct node *node, const char *key)
{
	char *copy;

	pthread_mutex_lock(&t->lock);
	copy = node->key ? NULL : strdup(key);
	if (copy) {
		node->key = copy;
		lamina_map_add(&t->keys, &node->by_key,
			       lamina_hash(t->u->hash_key, copy, strlen(copy)));
	}
	pthread_mutex_unlock(&t->lock);
}
