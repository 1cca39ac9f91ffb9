/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Private clones of mounts: what the layers and the upper are worked in. Nothing that is mounted below
 * them later shows, their paths may go away, and flags of the mount are ours: layers are read-only, and
 * access times are kept as the options say, however the file system itself is mounted.
 *
 * Where a clone is not permitted (plain users; flags that a user namespace may not change) everything
 * works without it, by the mount that is there.
 */
#pragma once

#include "union/union.h"

/* Replace the fd of a lower layer. */
void lamina_clone_lower(struct lamina_layer *layer);

/*
 * Replace the fds of the upper, the work directory and the index. Renames and links between them are
 * possible on one mount alone: so they are found in one clone, of the directory that all lie in.
 */
void lamina_clone_upper(struct lamina_union *u);
