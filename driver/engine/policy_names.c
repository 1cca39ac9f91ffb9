// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Other names for objects: links and moves, by which nothing may become allowed.
 */
#include "engine/policy_ask.h"

#include <errno.h>
#include <sys/stat.h>

#include "policy/access.h"

/*
 * Whether something can be done to an object of @type at @to that is refused at @from. Of a directory
 * all that lies in it would have to be compared: it only goes where the policy says the same. Under
 * `lock`. Returns the verdict that would be got around; 0: none.
 */
static unsigned int evaded(struct lamina_fs *fs, mode_t type, const struct policy_subject *from,
			   const struct policy_subject *to)
{
	const struct lamina_active *active = fs->policy.guard->active;
	bool same = S_ISDIR(type) && !from->node &&
		    policy_state_of_name(fs, from->parent, from->name) ==
			    policy_state_of_name(fs, to->parent, to->name);

	if (!active->refuses || same)
		return 0;
	for (unsigned int access = 0; access < LAMINA_POLICY_BITS; access++) {
		unsigned int verdict = policy_verdict(fs, from, access);

		if (policy_asks(LAMINA_ACCESS_TO_OBJECT, access) &&
		    lamina_verdict_refuses(verdict) &&
		    !lamina_verdict_refuses(policy_verdict(fs, to, access)))
			return verdict;
	}
	return S_ISDIR(type) ? policy_verdict(fs, from, LAMINA_ACCESS_REFER) : 0;
}

static errint_t ask_evaded(const struct wire_request *r, mode_t type,
			   const struct policy_subject *from, const struct policy_subject *to)
{
	struct lamina_fs *fs = fs_of(r);
	struct lamina_active *active;
	char from_buffer[LAMINA_EVENT_PATH_MAX], to_buffer[LAMINA_EVENT_PATH_MAX];
	const char *from_path, *to_path;
	unsigned int verdict = 0;
	errint_t err = 0;
	bool whole;

	pthread_mutex_lock(&fs->table.lock);
	active = lamina_active_ref(fs->policy.guard->active);
	if (active)
		verdict = evaded(fs, type, from, to);
	from_path = policy_path_of(fs, from, from_buffer, &whole);
	to_path = policy_path_of(fs, to, to_buffer, &whole);
	pthread_mutex_unlock(&fs->table.lock);
	if ((verdict || policy_is_learning(fs)) && policy_is_bound(r)) {
		if (verdict) {
			policy_tell(r, active, to_path, LAMINA_ACCESS_REFER,
				    lamina_verdict(LAMINA_ACTION_ERRNO, EXDEV,
						   lamina_verdict_rule(verdict)));
			err = -EXDEV;
		} else {
			lamina_audit_note_move(&fs->policy.guard->audit, from_path, to_path,
					       S_ISDIR(type));
		}
	}
	lamina_active_unref(active);
	return err;
}

errint_t policy_link(const struct wire_request *r, struct object *o, struct object *parent,
		     const char *name)
{
	const struct policy_subject from = {.node = o->node},
				    to = {.parent = parent->node, .name = name};
	errint_t err;

	if (!policy_on(o->fs))
		return 0;
	err = policy_ask(r, &from, POLICY_BIT(REFER));
	if (err == 0)
		err = policy_ask(r, &to, POLICY_BIT(REFER) | policy_make_bit(o->node->type));
	return err < 0 ? err : ask_evaded(r, o->node->type, &from, &to);
}

errint_t policy_move(const struct wire_request *r, struct object *o, struct object *from_parent,
		     const char *from_name, struct object *parent, const char *name)
{
	const struct policy_subject from = {.parent = from_parent->node, .name = from_name};
	const struct policy_subject to = {.parent = parent->node, .name = name};
	mode_t type = o->node->type;
	errint_t err;

	if (!policy_on(o->fs))
		return 0;
	err = policy_ask(r, &from, POLICY_BIT(REFER) | policy_remove_bit(type));
	if (err == 0)
		err = policy_ask(r, &to, POLICY_BIT(REFER) | policy_make_bit(type));
	return err < 0 ? err : ask_evaded(r, type, &from, &to);
}

bool policy_move_mattered(struct lamina_fs *fs, struct object *from_parent, const char *from_name,
			  struct object *parent, const char *name)
{
	bool differs;

	if (!policy_on(fs))
		return false;
	pthread_mutex_lock(&fs->table.lock);
	differs = fs->policy.guard->active &&
		  policy_state_of_name(fs, from_parent->node, from_name) !=
			  policy_state_of_name(fs, parent->node, name);
	pthread_mutex_unlock(&fs->table.lock);
	return differs;
}
