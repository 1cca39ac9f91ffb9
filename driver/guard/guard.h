/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What guards a mount, whatever engine carries it: who is bound, the policy in force, and the audit.
 * It is made before the mount, in the namespaces of who mounts, and outlives it.
 */
#pragma once

#include "guard/audit.h"

struct lamina_guard {
	struct lamina_callers callers;
	errint_t callers_err; /* why nobody can be told apart, or 0 */
	struct lamina_audit audit;
	bool always; /* a policy may come at any time: never let go of what it needs */
	/*
	 * The policy in force, or NULL, and the number of this set of policies; a change makes it another one. Both
	 * under the engine's lock for what it decides with them.
	 */
	struct lamina_active *active;
	uint32_t set;
	struct lamina_active *base; /* what the mount was given, or NULL; part of each set */
};

void lamina_guard_init(struct lamina_guard *guard);

/* Begin to tell callers apart: in the namespaces in which the mount is made, with /proc held. */
void lamina_guard_begin(struct lamina_guard *guard);

void lamina_guard_done(struct lamina_guard *guard);
