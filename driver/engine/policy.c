// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The policy in force, and what of the file system the kernel may keep under it.
 */
#include "engine/policy.h"

#include <errno.h>
#include <string.h>

#include "engine/policy_ask.h"

/* ---- listings, and what the kernel may keep ---- */

bool policy_hides(struct lamina_fs *fs, struct node *node)
{
	const struct lamina_active *active;
	bool hidden = false;

	/* Who misses a policy that comes just now has entered the node before: it is swept. */
	if (!atomic_load_explicit(&fs->policy.hides, memory_order_relaxed))
		return false;
	pthread_mutex_lock(&fs->table.lock);
	active = fs->policy.guard->active;
	if (active && active->hides)
		for (struct alias *alias = node->aliases ? node->aliases : node->last_alias;
		     alias && !hidden; alias = alias->next)
			hidden = lamina_active_hidden(active, policy_state_of_alias(fs, alias));
	pthread_mutex_unlock(&fs->table.lock);
	return hidden;
}

void policy_listing_begin(const struct wire_request *r, struct object *dir,
			  struct policy_listing *ret)
{
	const struct policy_subject s = {.node = dir->node};
	struct lamina_fs *fs = dir->fs;
	struct lamina_active *active;

	*ret = (struct policy_listing){.told = policy_is_learning(fs)};
	if (!policy_on(fs))
		return;
	pthread_mutex_lock(&fs->table.lock);
	active = fs->policy.guard->active;
	if (active) {
		unsigned int verdict = policy_verdict(fs, &s, LAMINA_ACCESS_READ_DIR);

		ret->told |= lamina_verdict_action(verdict) != LAMINA_ACTION_ALLOW;
		ret->apart = lamina_verdict_refuses(verdict);
		ret->state = policy_state_of_dir(fs, dir->node);
		if (lamina_active_hides_in(active, ret->state)) {
			ret->active = lamina_active_ref(active);
			ret->apart = true;
		}
	}
	pthread_mutex_unlock(&fs->table.lock);
	ret->bound = ret->active && policy_is_bound(r);
}

void policy_listing_done(struct policy_listing *listing)
{
	lamina_active_unref(listing->active);
	listing->active = NULL;
}

bool policy_listing_hides(const struct policy_listing *listing, const char *name)
{
	unsigned int state;

	if (!listing->active)
		return false;
	state = lamina_policy_step(&listing->active->table, listing->state, name,
				   (unsigned int)strlen(name));
	return lamina_active_hidden(listing->active, state);
}

/* ---- what is in force ---- */

/* For who asks without the lock. */
static void announce(struct lamina_fs *fs)
{
	const struct lamina_active *active = fs->policy.guard->active;

	atomic_store(&fs->policy.on, active != NULL);
	atomic_store(&fs->policy.hides, active && active->hides);
}

void policy_init(struct lamina_fs *fs, struct lamina_guard *guard)
{
	fs->policy = (struct fs_policy){.guard = guard, .epoch = 1};
	announce(fs);
}

void policy_agree(struct lamina_fs *fs)
{
	if (fs->policy.guard->always)
		fs->policy.opens = POLICY_OPENS_ALWAYS;
	else if (policy_obstacle(fs))
		fs->policy.opens = POLICY_OPENS_NEVER;
	else
		fs->policy.opens = POLICY_OPENS_AT_START;
}

const char *policy_obstacle(struct lamina_fs *fs)
{
	/* The kernel writes collected data, and times, when it likes and as itself. */
	if (fs->options.writeback)
		return "a mount with writeback=1 takes no policy";
	if (fs->policy.guard->callers_err < 0)
		return "the mount program finds no /proc of its own pid namespace, and so can't "
		       "tell "
		       "who is bound by a policy";
	return NULL;
}

/* Whether the mount's base, if it has one, is part of @active. */
static bool keeps_base(const struct lamina_guard *guard, const struct lamina_active *active)
{
	if (!active)
		return !guard->base;
	return lamina_bundle_has_base(&active->bundle, guard->base ? &guard->base->bundle : NULL);
}

errint_t policy_replace(struct lamina_fs *fs, struct lamina_active *active, uint32_t set)
{
	struct lamina_guard *guard = fs->policy.guard;
	struct lamina_active *unused = active;
	errint_t err = keeps_base(guard, active) ? 0 : -EPERM;

	pthread_mutex_lock(&fs->table.lock);
	if (err == 0 && guard->set != set)
		err = -EAGAIN;
	if (err == 0) {
		unused = guard->active;
		guard->active = active;
		guard->set++;
		policy_forget_states(fs);
		announce(fs);
	}
	pthread_mutex_unlock(&fs->table.lock);
	lamina_active_unref(unused);
	return err;
}

struct lamina_active *policy_get(struct lamina_fs *fs, uint32_t *ret_set)
{
	struct lamina_active *active;

	pthread_mutex_lock(&fs->table.lock);
	active = lamina_active_ref(fs->policy.guard->active);
	*ret_set = fs->policy.guard->set;
	pthread_mutex_unlock(&fs->table.lock);
	return active;
}

bool policy_keep_opens(struct lamina_fs *fs)
{
	bool kept;

	pthread_mutex_lock(&fs->table.lock);
	if (fs->policy.opens == POLICY_OPENS_AT_START)
		fs->policy.opens = POLICY_OPENS_ALWAYS;
	kept = fs->policy.opens == POLICY_OPENS_ALWAYS;
	pthread_mutex_unlock(&fs->table.lock);
	return kept;
}

void policy_program_starts(struct lamina_fs *fs)
{
	int expected = POLICY_OPENS_AT_START;

	if (atomic_load_explicit(&fs->policy.opens, memory_order_relaxed) != expected)
		return;
	pthread_mutex_lock(&fs->table.lock);
	atomic_compare_exchange_strong(&fs->policy.opens, &expected, POLICY_OPENS_NEVER);
	pthread_mutex_unlock(&fs->table.lock);
}

static bool answers(struct lamina_fs *fs)
{
	bool needed;

	if (atomic_load_explicit(&fs->policy.opens, memory_order_relaxed) == POLICY_OPENS_ALWAYS)
		return true;
	pthread_mutex_lock(&fs->table.lock);
	if (fs->policy.opens == POLICY_OPENS_AT_START &&
	    ++fs->policy.n_opens >= LAMINA_OPENS_AT_START)
		fs->policy.opens = POLICY_OPENS_NEVER;
	needed = fs->policy.opens != POLICY_OPENS_NEVER;
	pthread_mutex_unlock(&fs->table.lock);
	return needed;
}

static bool kernel_may_stop(const struct wire_request *r, uint64_t flag)
{
	return wire_session_terms(r->session)->offered & flag;
}

bool policy_answers_open(const struct wire_request *r)
{
	struct lamina_fs *fs = fs_of(r);

	if (fs->options.engine == LAMINA_ENGINE_PASSTHROUGH ||
	    !kernel_may_stop(r, FUSE_NO_OPEN_SUPPORT))
		return true;
	return answers(fs);
}

bool policy_answers_opendir(const struct wire_request *r)
{
	return !kernel_may_stop(r, FUSE_NO_OPENDIR_SUPPORT) || answers(fs_of(r));
}
