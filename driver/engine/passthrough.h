/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Open handles, where the kernel tells of them: the engine `passthrough` lends it files of the upper,
 * and reads, writes and mappings go there without the daemon.
 *
 * The kernel allows one backing file for an inode as long as one handle uses it. A handle that was
 * lent a lower file would therefore go on reading it after the file was copied up. So a lower file is
 * not lent: its handles are *cached*, served by the daemon through the kernel's page cache of the one
 * inode, which stays the same over the copy-up. Handles of both kinds cannot be open at a time; a file
 * is lent to the first handle that is opened while it lies in the upper and no other is open.
 */
#pragma once

#include "engine/object.h"

/*
 * Open @o for one more handle: lent, or cached. A handle that may write asks for an object in the
 * upper.
 */
errint_t passthrough_open(struct object *o, bool write, struct wire_open_out *ret);

/* A handle of exactly this node, opened with file handle number @fh, is closed. */
void passthrough_release(struct lamina_fs *fs, struct node *node, uint64_t fh);

/* No handle of @node is open any more, as the mount has ended. No other thread knows the node. */
void passthrough_end(struct lamina_fs *fs, struct node *node);

/*
 * Whether the kernel may not keep what it is told of the attributes of @node: a lent file changes
 * without its and our knowledge.
 */
bool passthrough_attr_volatile(struct lamina_fs *fs, struct node *node);
