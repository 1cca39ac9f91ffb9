// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What is to be taken back is collected under the table's `lock`, by numbers, and then done without.
 */
#include "engine/sweep.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/grow.h"
#include "engine/policy.h"

struct ids {
	uint64_t *list;
	size_t n, room;
	bool broken; /* no memory */
};

struct sweep {
	struct lamina_fs *fs;
	struct ids objects; /* whose attributes are to be forgotten */
	struct ids dirs;    /* whose listings */
	struct lamina_text *paths;
};

static void sweep_done(struct sweep *s)
{
	free(s->objects.list);
	free(s->dirs.list);
}

static void add_id(struct ids *ids, uint64_t id)
{
	if (lamina_grow(&ids->list, ids->n, &ids->room, sizeof(*ids->list)))
		ids->list[ids->n++] = id;
	else
		ids->broken = true;
}

/* Under `lock`, as the next two. */
static void add_name(struct sweep *s, const struct lamina_active *active, struct alias *alias)
{
	char buffer[LAMINA_EVENT_PATH_MAX];
	const char *path;

	if (!lamina_active_hidden(active, policy_state_of_alias(s->fs, alias)))
		return;
	add_id(&s->objects, alias->node->id);
	if (!s->paths || lamina_active_hidden(active, policy_state_of_dir(s->fs, alias->parent)))
		return;
	path = policy_path(s->fs, alias->parent, alias->name, buffer);
	if (path)
		lamina_text_add(s->paths, path, strlen(path) + 1);
}

static void add_dir(struct sweep *s, const struct lamina_active *active, struct node *dir)
{
	unsigned int state = policy_state_of_dir(s->fs, dir);
	unsigned int verdict = lamina_policy_verdict(&active->table, state, LAMINA_ACCESS_READ_DIR);

	if (lamina_active_hides_in(active, state) ||
	    lamina_verdict_action(verdict) != LAMINA_ACTION_ALLOW)
		add_id(&s->dirs, dir->id);
}

static void collect(struct sweep *s, const struct lamina_active *active)
{
	const struct node_table *t = &s->fs->table;

	for (size_t i = 0; active->hides && i <= t->names.mask; i++)
		for (struct lamina_link *at = t->names.buckets[i]; at; at = at->next)
			add_name(s, active, lamina_container_of(at, struct alias, link));
	for (size_t i = 0; i <= t->ids.mask; i++)
		for (struct lamina_link *at = t->ids.buckets[i]; at; at = at->next) {
			struct node *node = lamina_container_of(at, struct node, by_id);

			if (S_ISDIR(node->type))
				add_dir(s, active, node);
		}
}

/* What was collected goes. Without a lock. */
static errint_t take_back(const struct sweep *s)
{
	struct wire_session *session = s->fs->session;

	for (size_t i = 0; i < s->objects.n; i++)
		wire_session_invalidate_attr(session, s->objects.list[i]);
	for (size_t i = 0; i < s->dirs.n; i++)
		wire_session_invalidate_all(session, s->dirs.list[i]);
	return s->objects.broken || s->dirs.broken || (s->paths && s->paths->broken) ? -ENOMEM : 0;
}

errint_t sweep_policy(struct lamina_fs *fs, struct lamina_text *ret_paths)
{
	_cleanup_(sweep_done) struct sweep s = {.fs = fs, .paths = ret_paths};

	pthread_mutex_lock(&fs->table.lock);
	if (fs->policy.guard->active)
		collect(&s, fs->policy.guard->active);
	pthread_mutex_unlock(&fs->table.lock);
	return take_back(&s);
}

errint_t sweep_listings(struct lamina_fs *fs)
{
	_cleanup_(sweep_done) struct sweep s = {.fs = fs};
	const struct node_table *t = &fs->table;

	pthread_mutex_lock(&fs->table.lock);
	for (size_t i = 0; i <= t->ids.mask; i++)
		for (struct lamina_link *at = t->ids.buckets[i]; at; at = at->next) {
			const struct node *node = lamina_container_of(at, struct node, by_id);

			if (S_ISDIR(node->type))
				add_id(&s.dirs, node->id);
		}
	pthread_mutex_unlock(&fs->table.lock);
	return take_back(&s);
}

errint_t sweep_moved(struct lamina_fs *fs)
{
	pthread_mutex_lock(&fs->table.lock);
	policy_forget_states(fs);
	pthread_mutex_unlock(&fs->table.lock);
	return sweep_policy(fs, NULL);
}
