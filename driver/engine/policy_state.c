// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * States of names. Under the table's `lock`, all of it.
 */
#include <string.h>

#include "engine/policy.h"

/* Names that are worked on at a time, from the top: a path may be longer than any stack. */
#define CHAIN_MAX 64

static struct alias *alias_of_dir(const struct node *dir)
{
	return dir->aliases ? dir->aliases : dir->last_alias;
}

/* What stands above @alias, if its state is not known; NULL: it is, or is the root's. */
static struct alias *unknown_above(const struct lamina_fs *fs, const struct alias *alias)
{
	struct alias *above = alias->parent == fs->table.root ? NULL : alias_of_dir(alias->parent);

	return above && above->epoch != fs->policy.epoch ? above : NULL;
}

/* The state of a directory of which all above is known. */
static unsigned int known_dir(const struct lamina_fs *fs, const struct node *dir)
{
	const struct lamina_active *active = fs->policy.guard->active;
	const struct alias *alias;

	if (dir == fs->table.root)
		return lamina_policy_root(&active->table);
	alias = alias_of_dir(dir);
	/* A directory has a name, or had one; else nothing in it gets more than the root does. */
	return alias ? alias->state : lamina_policy_root(&active->table);
}

static void find_out(struct lamina_fs *fs, struct alias *alias)
{
	const struct lamina_active *active = fs->policy.guard->active;

	alias->state = lamina_policy_step(&active->table, known_dir(fs, alias->parent), alias->name,
					  (unsigned int)strlen(alias->name));
	alias->epoch = fs->policy.epoch;
}

unsigned int policy_state_of_alias(struct lamina_fs *fs, struct alias *alias)
{
	while (alias->epoch != fs->policy.epoch) {
		struct alias *chain[CHAIN_MAX];
		size_t n = 0, first;

		/* Those at the top end of the chain overwrite those at the bottom. */
		for (struct alias *at = alias; at; at = unknown_above(fs, at))
			chain[n++ % CHAIN_MAX] = at;
		first = n > CHAIN_MAX ? n - CHAIN_MAX : 0;
		while (n > first)
			find_out(fs, chain[--n % CHAIN_MAX]);
	}
	return alias->state;
}

unsigned int policy_state_of_dir(struct lamina_fs *fs, struct node *dir)
{
	struct alias *alias = dir == fs->table.root ? NULL : alias_of_dir(dir);

	if (alias)
		return policy_state_of_alias(fs, alias);
	return known_dir(fs, dir);
}

void policy_forget_states(struct lamina_fs *fs)
{
	fs->policy.epoch++;
}
