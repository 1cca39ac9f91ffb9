// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Asking the policy in force. A question is answered under the table's `lock` for whoever asks; only
 * if the answer is not that all is plainly allowed it matters who does.
 */
#include "engine/policy_ask.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/limits.h"

/* What the policy says to a question, for who is bound. */
struct answer {
	struct lamina_active *active; /* referenced; NULL: no policy, or the answer is plain */
	unsigned int verdicts[LAMINA_POLICY_BITS];
	bool plain; /* nothing is refused, and nothing is to be told */
};

static void answer_done(struct answer *answer)
{
	lamina_active_unref(answer->active);
}

static unsigned int verdict_of(const struct lamina_active *active, unsigned int state,
			       unsigned int access)
{
	return lamina_policy_verdict(&active->table, state, access);
}

/* ---- what the policy says; under `lock` ---- */

unsigned int policy_state_of_name(struct lamina_fs *fs, struct node *parent, const char *name)
{
	const struct lamina_active *active = fs->policy.guard->active;

	return lamina_policy_step(&active->table, policy_state_of_dir(fs, parent), name,
				  (unsigned int)strlen(name));
}

/*
 * Nobody tells by which of its names an object is reached. Who is bound can only have come by one that
 * is not hidden; of these the strictest counts.
 */
static unsigned int verdict_of_node(struct lamina_fs *fs, struct node *node, unsigned int access)
{
	const struct lamina_active *active = fs->policy.guard->active;
	unsigned int strictest = 0, hidden = 0;
	struct alias *alias = node->aliases ? node->aliases : node->last_alias;

	if (node == fs->table.root)
		return verdict_of(active, lamina_policy_root(&active->table), access);
	for (; alias; alias = alias->next) {
		unsigned int state = policy_state_of_alias(fs, alias);
		unsigned int see = verdict_of(active, state, LAMINA_ACCESS_SEE);
		unsigned int verdict = verdict_of(active, state, access);

		if (lamina_verdict_refuses(see))
			hidden = see;
		else if (lamina_verdict_action(verdict) > lamina_verdict_action(strictest))
			strictest = verdict;
	}
	/* None at all, which cannot be: no action, and so a refusal. */
	return strictest ? strictest : hidden;
}

unsigned int policy_verdict(struct lamina_fs *fs, const struct policy_subject *s,
			    unsigned int access)
{
	if (s->node)
		return verdict_of_node(fs, s->node, access);
	return verdict_of(fs->policy.guard->active, policy_state_of_name(fs, s->parent, s->name),
			  access);
}

/* Answer for each of @accesses. */
static void look(struct lamina_fs *fs, const struct policy_subject *s, unsigned int accesses,
		 struct answer *ret)
{
	struct lamina_active *active = fs->policy.guard->active;
	unsigned int state = 0;

	*ret = (struct answer){.plain = true};
	if (!active)
		return;
	if (!s->node)
		state = policy_state_of_name(fs, s->parent, s->name);
	for (unsigned int access = 0; access < LAMINA_POLICY_BITS; access++) {
		if (!policy_asks(accesses, access))
			continue;
		ret->verdicts[access] = s->node ? verdict_of_node(fs, s->node, access)
						: verdict_of(active, state, access);
		ret->plain &= lamina_verdict_action(ret->verdicts[access]) == LAMINA_ACTION_ALLOW;
	}
	if (!ret->plain)
		ret->active = lamina_active_ref(active);
}

/* ---- who is told ---- */

/* Put what is before @text, which grows to the front, in front of it. */
static char *prepend(char *start, const char *buffer, const char *name)
{
	size_t n = strlen(name);

	if ((size_t)(start - buffer) < n + 1)
		return NULL;
	start -= n;
	memcpy(start, name, n);
	*--start = '/';
	return start;
}

const char *policy_path_of(struct lamina_fs *fs, const struct policy_subject *s,
			   char buffer[LAMINA_EVENT_PATH_MAX], bool *ret_whole)
{
	char *start = &buffer[LAMINA_EVENT_PATH_MAX - 1], *longer;
	const struct node *node = s->node;

	*start = '\0';
	if (!node) {
		longer = prepend(start, buffer, s->name);
		start = longer ? longer : start;
		node = s->parent;
	}
	while (node != fs->table.root) {
		const struct alias *alias = node->aliases ? node->aliases : node->last_alias;

		longer = alias ? prepend(start, buffer, alias->name) : NULL;
		if (!longer)
			break;
		start = longer;
		node = alias->parent;
	}
	*ret_whole = node == fs->table.root;
	if (!*start)
		*--start = '/';
	return start;
}

const char *policy_path(struct lamina_fs *fs, struct node *parent, const char *name,
			char buffer[LAMINA_EVENT_PATH_MAX])
{
	const struct policy_subject s = {.parent = parent, .name = name};
	bool whole;
	const char *path = policy_path_of(fs, &s, buffer, &whole);

	return whole ? path : NULL;
}

void policy_tell(const struct wire_request *r, const struct lamina_active *active, const char *path,
		 unsigned int access, unsigned int verdict)
{
	struct lamina_guard *guard = fs_of(r)->policy.guard;
	const struct lamina_event event = {
		.pid = (pid_t)r->in->pid,
		.path = path,
		.access = access,
		.verdict = verdict,
		.active = active,
	};

	lamina_audit_write(&guard->audit, &guard->callers, &event);
}

static errint_t refusal(unsigned int verdict)
{
	unsigned int number = lamina_verdict_errno(verdict);

	return number ? -(errint_t)number : -EACCES;
}

/* The caller is bound: write down what is to be, up to the first refusal, which is returned. */
static errint_t enforce(const struct wire_request *r, const struct answer *a, const char *path,
			unsigned int accesses)
{
	for (unsigned int access = 0; a->active && access < LAMINA_POLICY_BITS; access++) {
		unsigned int verdict = a->verdicts[access];
		bool refused;

		if (!policy_asks(accesses, access) ||
		    lamina_verdict_action(verdict) == LAMINA_ACTION_ALLOW)
			continue;
		refused = lamina_verdict_refuses(verdict);
		if (refused || !(accesses & POLICY_QUIET))
			policy_tell(r, a->active, path, access, verdict);
		if (refused)
			return refusal(verdict);
	}
	return 0;
}

bool policy_is_learning(const struct lamina_fs *fs)
{
	return atomic_load_explicit(&fs->policy.guard->audit.learning, memory_order_relaxed);
}

bool policy_is_bound(const struct wire_request *r)
{
	return lamina_caller_is_bound(&fs_of(r)->policy.guard->callers, (pid_t)r->in->pid);
}

errint_t policy_ask(const struct wire_request *r, const struct policy_subject *s,
		    unsigned int accesses)
{
	struct lamina_fs *fs = fs_of(r);
	_cleanup_(answer_done) struct answer a = {0};
	char buffer[LAMINA_EVENT_PATH_MAX];
	const char *path;
	errint_t err;
	bool whole;

	if (!(accesses & LAMINA_ACCESS_ALL))
		accesses |= LAMINA_ACCESS_SEEN;
	pthread_mutex_lock(&fs->table.lock);
	look(fs, s, accesses, &a);
	pthread_mutex_unlock(&fs->table.lock);
	if ((a.plain && !policy_is_learning(fs)) || !policy_is_bound(r))
		return 0;
	pthread_mutex_lock(&fs->table.lock);
	path = policy_path_of(fs, s, buffer, &whole);
	pthread_mutex_unlock(&fs->table.lock);
	err = enforce(r, &a, path, accesses);
	if (err == 0 && policy_is_learning(fs) && (accesses & LAMINA_ACCESS_ALL))
		lamina_audit_note(&fs->policy.guard->audit, path, accesses & LAMINA_ACCESS_ALL);
	return err;
}

errint_t policy_object(const struct wire_request *r, struct object *o, unsigned int accesses)
{
	const struct policy_subject s = {.node = o->node};

	return policy_on(o->fs) ? policy_ask(r, &s, accesses) : 0;
}

errint_t policy_name(const struct wire_request *r, struct object *parent, const char *name,
		     unsigned int accesses)
{
	const struct policy_subject s = {.parent = parent->node, .name = name};

	return policy_on(parent->fs) ? policy_ask(r, &s, accesses) : 0;
}
