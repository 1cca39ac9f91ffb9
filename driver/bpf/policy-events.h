/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading what the filter policy tells: of all views that have it. Any number of readers. */
#pragma once

#include "base/error.h"
#include "bpf/turns.h"
#include "../../bpf/policy-view.h"

struct lamina_policy_events {
	void *ring; /* mapped */
	struct lamina_turns turns;
};

/*
 * Begin with what comes, or with what is still there. -ENOENT: no such filter is loaded. On success
 * the caller ends it with lamina_policy_events_done().
 */
errint_t lamina_policy_events_init(struct lamina_policy_events *ret, bool from_oldest,
				   struct lamina_error *error);

/* The next event. Returns false if there is none now; nobody is woken by one, so look again. */
bool lamina_policy_events_next(struct lamina_policy_events *events, struct policy_event *ret);

/* Events that were overwritten before they were read, since this was asked last. */
uint64_t lamina_policy_events_lost(struct lamina_policy_events *events);

void lamina_policy_events_done(struct lamina_policy_events *events);
