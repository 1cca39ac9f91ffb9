/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Within the policies of the engine: questions and who is told of the answers. See policy.h for the
 * lock.
 */
#pragma once

#include "engine/policy.h"

/* What is asked about: an object, or a name in a directory. */
struct policy_subject {
	struct node *node; /* or NULL */
	struct node *parent;
	const char *name;
};

/* Whether @access is one of @accesses. */
static inline bool policy_asks(unsigned int accesses, unsigned int access)
{
	return accesses >> access & 1;
}

/* Whether what is used is noted. */
bool policy_is_learning(const struct lamina_fs *fs);

/* Whether who waits for the answer is bound. Looks at /proc, without the lock. */
bool policy_is_bound(const struct wire_request *r);

/* Ask for @accesses, as policy_object() and policy_name(). Without the lock. */
errint_t policy_ask(const struct wire_request *r, const struct policy_subject *s,
		    unsigned int accesses);

/* Write down that @verdict, of @active, was given about @access to @path. Without the lock. */
void policy_tell(const struct wire_request *r, const struct lamina_active *active, const char *path,
		 unsigned int access, unsigned int verdict);

/* ---- under the lock ---- */

/* The state of a name, and what the policy in force, which there is, says about a subject. */
unsigned int policy_state_of_name(struct lamina_fs *fs, struct node *parent, const char *name);
unsigned int policy_verdict(struct lamina_fs *fs, const struct policy_subject *s,
			    unsigned int access);

/*
 * The path of a name of @s, in @buffer; of one that is too long the end, which begins in another
 * directory than the root then: *@ret_whole is false.
 */
const char *policy_path_of(struct lamina_fs *fs, const struct policy_subject *s,
			   char buffer[LAMINA_EVENT_PATH_MAX], bool *ret_whole);
