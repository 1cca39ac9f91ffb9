/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A policy in force: what came in a bundle, and what is asked of its table so often that it is found
 * out once. It never changes; who decides with it while it may be replaced holds a reference.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>

#include "guard/bundle.h"

struct lamina_active {
	atomic_uint refs;
	struct lamina_bundle bundle;
	struct lamina_policy_table table;
	bool refuses;	 /* some verdict is a refusal */
	bool hides;	 /* some object can be hidden */
	bool lists;	 /* some directory can be refused to be listed, or has hidden names */
	uint8_t *hiding; /* a bit a group: some name leads from it to a hidden state */
};

/* One with a reference for the caller; @bundle is taken over, also with an error. NULL without
 * memory. */
struct lamina_active *lamina_active_new(struct lamina_bundle *bundle);
struct lamina_active *lamina_active_ref(struct lamina_active *active);
void lamina_active_unref(struct lamina_active *active); /* takes NULL */

/* Whether something in a directory of state @state can be hidden. */
bool lamina_active_hides_in(const struct lamina_active *active, unsigned int state);

/* Whether what has state @state is hidden. */
static inline bool lamina_active_hidden(const struct lamina_active *active, unsigned int state)
{
	return lamina_verdict_refuses(
		lamina_policy_verdict(&active->table, state, LAMINA_ACCESS_SEE));
}
