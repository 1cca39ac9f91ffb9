/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The other end of guard/control.h: a program tells a mount what to do. All functions take an fd of the
 * mount's root directory, open for reading, and set @error.
 */
#pragma once

#include "guard/bundle.h"

/* The root directory of the mount at @path. Returns an fd or -errno. */
errint_t lamina_client_open(const char *path, struct lamina_error *error);

/* The policy in force, with all its parts. Returns 1, or 0 if there is none. */
errint_t lamina_client_show(int root, struct lamina_bundle *ret, struct lamina_error *error);

/* The same of a daemon's mount, and the number of the set. */
errint_t lamina_client_show_set(int root, struct lamina_bundle *ret, uint32_t *ret_set,
				struct lamina_error *error);

/*
 * Listen to the audit of a mount's daemon, from what is still there on; without @follow, the reading
 * ends with that. Returns an fd to read lines from. What happens in views is told elsewhere: see bpf/policy-events.h.
 */
errint_t lamina_client_trace(int root, bool follow, struct lamina_error *error);

/* Learn what is used, see guard/learn.h; @at_exec: from the first program on that is run. Returns an fd
 * to read it from; closing it ends the learning. Of a view bpf/policy-uses.h learns. */
errint_t lamina_client_learn(int root, bool at_exec, struct lamina_error *error);

/* Who learns is to get the rest, and then the end of what is read. */
errint_t lamina_client_end_learning(int root, struct lamina_error *error);

/* ---- for guard/change.c ---- */

struct lamina_control;

/* Send @request, of which the version is filled in. */
errint_t lamina_client_control(int root, struct lamina_control *request,
			       struct lamina_error *error);

/* A new memfd. */
errint_t lamina_client_memfd(struct lamina_error *error);
