/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bringing objects into the upper: copy-up as the engines need it, with nodes that others use at
 * the same time.
 */
#pragma once

#include "engine/object.h"

/* All of a file's data. */
#define RAISE_WHOLE INT64_MAX

/*
 * Bring @o, and the directories above it, into the upper; at most @size bytes of a file are kept.
 * -EROFS: there is no upper.
 */
errint_t raise_object(struct object *o, int64_t size, const atomic_bool *cancel);

/* As above, and also its name @name in @parent: another name may be what is in the upper so far. */
errint_t raise_name(struct object *parent, const char *name, struct object *o,
		    const atomic_bool *cancel);

/*
 * Bring all that the directory @o shows into the upper, and cut it off from the layers below: it
 * is opaque then, and so is every directory in it. What is seen does not change at any moment.
 */
errint_t raise_tree(struct object *o, const atomic_bool *cancel);
