/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Open handles, where the kernel tells of them: the engine `passthrough` lends it a file of the
 * layer or of the upper, and reads, writes and mappings go there without us.
 *
 * The kernel allows one backing file for an inode as long as one handle uses it, and never checks
 * whether a later open for writing may use that file. So a node whose handles were lent a lower
 * file keeps that file for good; when the file is copied up its names go to a new node
 * (node_replace()), and an open of the old one is answered with -ESTALE, upon which the VFS looks
 * the name up again and opens the new one. Old handles go on reading what they were opened on, as
 * on overlayfs. That lower layers are read-only mounts is the second lock on the same door.
 */
#pragma once

#include "engine/object.h"

/*
 * Open @o for one more handle, with a lent file where possible, else to be served by us. A handle
 * that may write asks for an object in the upper. -ESTALE: another node has its names now.
 */
errint_t passthrough_open(struct object *o, bool write, struct wire_open_out *ret);

/* A handle of exactly this node, opened with file handle number @fh, is closed. */
void passthrough_release(struct lamina_fs *fs, struct node *node, uint64_t fh);

/*
 * @node, which may be known to the kernel by names it has no more, was left for its successor: the
 * kernel forgets the attributes that it keeps of it. The names it keeps as well, until it asks again
 * or opens one: taking them back would wait for the lock of their directory, which may be held by
 * who waits for us.
 */
void passthrough_left(struct lamina_fs *fs, struct node *node);

/*
 * Whether the kernel may not keep what it is told of the attributes of @node: they change without
 * its and our knowledge, or it knows the object by two ids, the one of @node and that of a node that
 * was left for it, and what it changes by the one it goes on keeping of the other.
 */
bool passthrough_attr_volatile(struct lamina_fs *fs, struct node *node);
