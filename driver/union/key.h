/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keys: by what a file with several names is found again, whichever of them is looked up. In the index
 * a key is the name of the file's copy, so it has to mean the same file at the next mount.
 *
 *   D-T-HANDLE  number of the file system in the union, type and bytes of the file handle
 *   lN-NUMBER   layer, counted from the lowest, and inode number: where there are no handles, or
 *               name_to_handle_at(2) is refused
 *
 * On FUSE a handle is the server's node id, which is another one after its restart. Where inode numbers
 * are node ids, too, files have no key: as with overlayfs, what is written by one of several names
 * becomes a file of its own.
 */
#pragma once

#include <sys/stat.h>

#include "union/union.h"

#define LAMINA_KEY_SIZE 224

/*
 * The key of the object @name in @dirfd (an empty name: of the fd itself), of layer @layer and with
 * attributes @st; "" if it has none.
 */
errint_t lamina_key_of(const struct lamina_union *u, unsigned int layer, int dirfd,
		       const char *name, const struct statx *st, char key[LAMINA_KEY_SIZE]);

/*
 * Choose the kind of keys for the open union @u: by numbers where handles are refused, and as long as
 * its index has such keys. What the index holds by handles cannot be found without them: -EPERM, and
 * @error says so.
 */
errint_t lamina_keys_choose(struct lamina_union *u, struct lamina_error *error);

/* Whether inode numbers are node ids on the FUSE file system of the directory @fd. */
bool lamina_key_numbers_made_up(int fd);
