/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the runtime tells a hook: the container's state as JSON, as the OCI runtime specification has
 * it, and beside it the container's configuration.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"

struct json_object;

struct hook_state {
	struct json_object *parsed; /* what the strings lie in */
	const char *id;
	const char *root;	   /* crun says it; else NULL */
	const char *bundle;	   /* or NULL */
	pid_t pid;		   /* 0: not said */
	bool stopped;		   /* the container has ended */
	const char *policy, *mode; /* annotations, or NULL */
	const char *unknown;	   /* an annotation that looks like ours and is none, or NULL */
};

/* Read it from @fd. To be ended with hook_state_done(). */
errint_t hook_state_read(int fd, struct hook_state *ret, struct lamina_error *error);
void hook_state_done(struct hook_state *state);

/*
 * The path of the container's root file system: what the state says, or the configuration in the
 * bundle, or the only mount of ours that the container's process sees. To be freed.
 */
errint_t hook_state_find_root(const struct hook_state *state, char **ret,
			      struct lamina_error *error);
