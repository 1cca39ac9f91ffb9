/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Objects as the kernel is told of them: attributes with mapped ids, entries, time to live.
 */
#pragma once

#include "engine/object.h"

/* Fill the kernel's attributes of @o from @st. */
void show_attr(struct object *o, const struct statx *st, struct fuse_attr *ret);

/* Whether the kernel may keep what it is told of the attributes of @o, and how long then. */
bool show_may_keep(struct object *o);
void show_timeout(const struct lamina_fs *fs, uint64_t *ret_seconds, uint32_t *ret_nanoseconds);

/* Tell of @o as the result of a lookup, which counts as one: @r forgets it if that gets lost. */
void show_entry(struct wire_request *r, struct object *o, const struct statx *st,
		struct fuse_entry_out *ret);

/* Stat @o and reply with its attributes. */
errint_t show_reply_attr(struct wire_request *r, struct object *o);
