/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Putting policies in force in a mount, and taking them away, whatever engine carries it. All functions take an fd of the
 * mount's root directory, open for reading, and return after @ms milliseconds at the latest: what a container
 * can hold up goes on in a process of its own then. -ETIME: the mount has not answered, and nothing is known of the
 * policy; -ETIMEDOUT: the policy is in force, but for what processes had looked at before.
 */
#pragma once

#include "guard/bundle.h"

/*
 * Put the sources @part in force as the part of the policy for the container @label ("": not said), instead of the one
 * that has the same label. The mount's base and the parts of other containers stay. On success it holds for every
 * lookup and open that begins from then on.
 */
errint_t lamina_change_apply(int root, const char *label, const struct lamina_sources *part,
			     unsigned int ms, struct lamina_error *error);

/* Take the part of the container @label away, or, with NULL, those of all containers. The base stays. */
errint_t lamina_change_remove(int root, const char *label, unsigned int ms,
			      struct lamina_error *error);
