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

enum hook_answer { HOOK_UNKNOWN, HOOK_NO, HOOK_YES };

struct hook_state {
	struct json_object *parsed; /* what the strings lie in */
	const char *id;
	const char *root;	   /* crun says it; else NULL */
	const char *bundle;	   /* or NULL */
	pid_t pid;		   /* 0: not said */
	bool stopped;		   /* the container has ended */
	const char *policy, *mode; /* annotations, or NULL */
	const char *unknown;	   /* an annotation that looks like ours and is none, or NULL */
	const char *odd; /* one of ours that is no text, or what is no list of them, or NULL */

	/* Of the configuration in the bundle, if there is one. */
	char *config_root;		  /* the root file system, or NULL */
	enum hook_answer mount_namespace; /* whether the container is to have one of its own */
};

/* Read it from @fd, and the configuration in the bundle. To be ended with hook_state_done(). */
errint_t hook_state_read(int fd, struct hook_state *ret, struct lamina_error *error);

/* The two from their texts, of @size bytes. */
errint_t hook_state_parse(const char *text, size_t size, struct hook_state *ret,
			  struct lamina_error *error);
errint_t hook_state_parse_config(struct hook_state *state, const char *text, size_t size);

void hook_state_done(struct hook_state *state);

/*
 * The path of the container's root file system: what the state says, or the configuration in the
 * bundle, or the only mount of ours that the container's process sees. To be freed.
 */
errint_t hook_state_find_root(const struct hook_state *state, char **ret,
			      struct lamina_error *error);
