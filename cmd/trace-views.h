/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What policies refuse in views: there, nobody but the filter knows, and it tells of all views in one
 * ring. What it tells in numbers is put in words by the policy of the view, which is read from there.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "bpf/policy-events.h"
#include "guard/caller.h"

struct traced_view;

struct traced_views {
	struct lamina_policy_events events;
	struct lamina_callers callers;
	struct traced_view *list;
	size_t n;
	bool json; /* lines as they are */
};

/*
 * One more view, @root being an fd of its root directory, which is not kept. With the first, reading
 * begins with what is still there.
 */
errint_t traced_views_add(struct traced_views *views, int root, dev_t dev, const char *path,
			  struct lamina_error *error);

bool traced_views_has(const struct traced_views *views, dev_t dev);

/* Print the lines about what happened since the last time. */
void traced_views_print(struct traced_views *views);

/* Forget those that are not mounted any more. */
void traced_views_drop_gone(struct traced_views *views);

void traced_views_done(struct traced_views *views);
