/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Looking up a name in a directory of the union.
 */
#pragma once

#include <sys/stat.h>

#include "union/dir.h"
#include "union/index.h"

struct lamina_entry {
	unsigned int layer;  /* that holds the object: its topmost, for a directory */
	struct statx st;     /* attributes there, with overrides applied and st_nlink corrected */
	uint64_t ino;	     /* the inode number to show */
	uint32_t protection; /* FS_*_FL flags that forbid changes; UINT32_MAX: see flags.h */

	struct lamina_stack *stack; /* a directory's layers; else NULL */

	/*
	 * Files with several names: what they have in common ("" otherwise). `indexed`: the object
	 * is the index's, because another of its names was copied up. `lower_nlink` names lie in a
	 * lower layer.
	 */
	char key[LAMINA_KEY_SIZE];
	bool indexed;
	unsigned int lower_nlink;

	/*
	 * Where a file's data are, if not with the attributes (overlayfs' metacopy); else NULL.
	 * `data_known`: that was looked at; else lamina_lookup_data() tells before data are used.
	 */
	char *data_path;
	unsigned int data_layer;
	bool data_known;
};

/*
 * Find @name in @dir, in its parts from @first on (0: all; a listing may know better). Fills @ret,
 * which lamina_entry_done() empties. -ENOENT: no layer shows it. Any other error of a layer is
 * passed on: a layer that cannot be read never looks like one where the name is missing.
 */
errint_t lamina_lookup(struct lamina_dir *dir, const char *name, unsigned int first,
		       struct lamina_entry *ret);

/*
 * Look at the regular file @name of @dir for where its data are: fills only @ret's data fields.
 * A lookup does that by itself only for files that have a size and not one block.
 */
errint_t lamina_lookup_data(struct lamina_dir *dir, const char *name, struct lamina_entry *ret);

/* Whether the file @fd, open for reading, has its data somewhere else. Returns 1, 0 or -errno. */
errint_t lamina_lookup_is_metacopy(int fd);

/* Whether any lower layer shows @name in @dir. Returns 1, 0 or -errno. */
errint_t lamina_lookup_lower_has(struct lamina_dir *dir, const char *name);

void lamina_entry_done(struct lamina_entry *entry);

#define _cleanup_entry_ _cleanup_(lamina_entry_done)
