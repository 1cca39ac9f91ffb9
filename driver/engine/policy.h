/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Policies in the FUSE engines. Each name of a node carries the state to which the policy in force
 * leads by its path; it follows from the directory's by one step and is kept until something above it
 * moves or the policy changes. Handlers ask before they do something for a caller. With no policy in
 * force, and nothing being learned, a question is one test.
 *
 * What the kernel keeps must never show a bound process what is hidden from it, nor miss a file of
 * another one: so a hidden name, and the attributes of what has one, are never kept (show.c), nor is
 * the listing of a directory in which something is hidden (op_dir.c). What the kernel keeps from
 * earlier is taken back when a policy comes into force (sweep.h).
 *
 * States and the policy are under the table's `lock`; who is asking is found out without it.
 */
#pragma once

#include "base/limits.h"
#include "engine/object.h"
#include "guard/guard.h"

/* Accesses as bits. */
#define POLICY_BIT(access) (1u << LAMINA_ACCESS_##access)
#define POLICY_QUIET	   (1u << 31) /* write down refusals only */

/*
 * Whether the kernel sends OPEN and OPENDIR. Both are round trips that only policies need: OPEN on engine fuse
 * alone, OPENDIR on both engines. An answer of ENOSYS to one of them ends its kind for good.
 */
enum policy_opens {
	POLICY_OPENS_AT_START, /* until the container's program starts without a policy */
	POLICY_OPENS_ALWAYS,
	POLICY_OPENS_NEVER, /* they end with the next one */
};

/* Whether there is anything to ask. */
static inline bool policy_on(const struct lamina_fs *fs)
{
	return atomic_load_explicit(&fs->policy.on, memory_order_relaxed) ||
	       atomic_load_explicit(&fs->policy.guard->audit.learning, memory_order_relaxed);
}

void policy_init(struct lamina_fs *fs, struct lamina_guard *guard);

/* The connection begins. */
void policy_agree(struct lamina_fs *fs);

/* What policies need and this mount has not, as a sentence; NULL: it has all. */
const char *policy_obstacle(struct lamina_fs *fs);

/*
 * Put @active, of which the reference is taken over, in force in the place of the set of number @set; NULL: none.
 * -EAGAIN: another set is in force by now, and stays; -EPERM: the mount's base is not part of @active.
 */
errint_t policy_replace(struct lamina_fs *fs, struct lamina_active *active, uint32_t set);

/* The policy in force with a reference, or NULL, and the number of the set. */
struct lamina_active *policy_get(struct lamina_fs *fs, uint32_t *ret_set);

/* Keep the kernel sending OPEN and OPENDIR. Returns false if it is too late for that. */
bool policy_keep_opens(struct lamina_fs *fs);

/*
 * Whether an OPEN or CREATE, or an OPENDIR, is to be answered. false: with ENOSYS, so that the kernel
 * sends no more of them.
 */
bool policy_answers_open(const struct wire_request *r);
bool policy_answers_opendir(const struct wire_request *r);

/* A program of the mount is run: without a policy by now, opens are not needed any more. */
void policy_program_starts(struct lamina_fs *fs);

/*
 * Ask for @accesses to the object @o. 0: all are allowed, or the caller is not bound; else the
 * refusal's errno. What is hidden is refused also without any access.
 */
errint_t policy_object(const struct wire_request *r, struct object *o, unsigned int accesses);

/* The same for what has, or is to have, the name @name in @parent. */
errint_t policy_name(const struct wire_request *r, struct object *parent, const char *name,
		     unsigned int accesses);

/*
 * Ask whether @o may get the name @name in @parent, or move there from the name @from_name of
 * @from_parent. The new name must not allow what the old one refuses: -EXDEV.
 */
errint_t policy_link(const struct wire_request *r, struct object *o, struct object *parent,
		     const char *name);
errint_t policy_move(const struct wire_request *r, struct object *o, struct object *from_parent,
		     const char *from_name, struct object *parent, const char *name);

/* The access that making, or removing, an object of @type is. */
unsigned int policy_make_bit(mode_t type);
unsigned int policy_remove_bit(mode_t type);

/* The accesses of an open with @flags, as a request has them. */
unsigned int policy_open_bits(unsigned int flags);

/* Whether some name of @node is hidden: then the kernel must not keep it. */
bool policy_hides(struct lamina_fs *fs, struct node *node);

/*
 * A listing of a directory for one caller. The kernel keeps one listing of a directory for all, filled by any
 * handle that was opened with FOPEN_CACHE_DIR.
 */
struct policy_listing {
	struct lamina_active *active; /* referenced; NULL: nothing can be hidden in it */
	unsigned int state;
	bool bound; /* the caller, if that matters */
	bool apart; /* bound and exempt processes must not share it: no handle may fill or read the kernel's */
	bool told; /* each listing is to be written down: the kernel's must not become complete */
};

void policy_listing_begin(const struct wire_request *r, struct object *dir,
			  struct policy_listing *ret);
void policy_listing_done(struct policy_listing *listing);

/* Whether the name @name is hidden. */
bool policy_listing_hides(const struct policy_listing *listing, const char *name);

/*
 * After a move, since a policy may have come while it went on: whether what lies at the new place now is
 * treated in another way than at the old one. Then sweep.h has to be called.
 */
bool policy_move_mattered(struct lamina_fs *fs, struct object *from_parent, const char *from_name,
			  struct object *parent, const char *name);

/* ---- for sweep.c; under `lock` ---- */

/* The path of @name in @parent, in @buffer; NULL: it is too long. */
const char *policy_path(struct lamina_fs *fs, struct node *parent, const char *name,
			char buffer[LAMINA_EVENT_PATH_MAX]);

/* The state of a name, and of a directory. */
unsigned int policy_state_of_alias(struct lamina_fs *fs, struct alias *alias);
unsigned int policy_state_of_dir(struct lamina_fs *fs, struct node *dir);

/* Something above names has moved: their states are to be found out again. */
void policy_forget_states(struct lamina_fs *fs);
