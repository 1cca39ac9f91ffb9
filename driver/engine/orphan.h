/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Orphans: objects that have lost their last name, or never had one, while the kernel still uses them.
 * A descriptor leads to an orphan. A container can make as many as it likes, so that only a share of
 * the daemon's descriptors is for them; beyond that
 *
 *   a lower object is found at its place in the layer, which does not change,
 *   an upper file has a link in the work directory, which is removed when the kernel forgets it,
 *   a directory, which is empty for good, is remembered by its attributes alone.
 */
#pragma once

#include "engine/object.h"

/*
 * The object @o, which is marked as changing, is about to lose a name: see to it that it is found
 * afterwards. orphan_settle() has to follow. -ENFILE: there is no link and no descriptor left for it.
 */
errint_t orphan_prepare(struct object *o);

/* The name was removed, or not: give back what is not needed as another name leads to @o. */
void orphan_settle(struct object *o);

/*
 * The upper file @fd is @o, or is going to be, and has no name: its file is going to be kept. -ENFILE as
 * orphan_prepare().
 */
errint_t orphan_adopt(struct object *o, int fd);

/* Take what leads to @node without a name away from it. Under `tree` for writing, or for a node that no
 * thread knows. */
void orphan_release(struct node_table *t, struct node *node);
