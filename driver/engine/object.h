/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What all handlers do with nodes: find them, look at them, and get at their files.
 */
#pragma once

#include <stdatomic.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "engine/cache.h"
#include "engine/fs.h"
#include "engine/place.h"

/* A pinned node, put when its variable ends. */
struct object {
	struct lamina_fs *fs;
	struct node *node; /* NULL: none */
};

void object_done(struct object *o);

#define _cleanup_object_ _cleanup_(object_done)

/* A referenced file, put when its variable ends. */
struct held_file {
	struct lamina_fs *fs;
	struct file *file;
	unsigned int layer; /* where it lies */
};

void held_file_done(struct held_file *held);

#define _cleanup_held_ _cleanup_(held_file_done)

/* The object that has node id @id. -ESTALE: there is none. */
errint_t object_get(struct lamina_fs *fs, uint64_t id, struct object *ret);

/* As above, for an id that must be a directory's: else -ENOTDIR. */
errint_t object_get_dir(struct lamina_fs *fs, uint64_t id, struct object *ret);

/*
 * Look @name up in the directory @parent. @st is filled if it is not NULL. -ENOENT: there is no
 * such name.
 */
errint_t object_lookup(struct object *parent, const char *name, struct object *ret,
		       struct statx *st);

/*
 * As above, in @place, which is @parent's. @first: the part in which to begin, as a listing told;
 * else 0. Under `tree`.
 */
errint_t object_lookup_in(struct object *parent, struct place_dir *place, const char *name,
			  unsigned int first, struct object *ret, struct statx *st);

/* The attributes of @o, as they are to be shown but for ids. */
errint_t object_stat(struct object *o, struct statx *ret);

/* A file of @o for what concerns its attributes (often only O_PATH). */
errint_t object_hold(struct object *o, struct held_file *ret);

/*
 * Find out where the data of the regular file @o are, before they are first used: overlayfs may
 * have left a copy of its attributes alone.
 */
errint_t object_find_data(struct object *o);

/* The file to read the data of the regular file @o from; @write: and to write them to. For that
 * @o must lie in the upper (see object_copy_up()). */
errint_t object_data(struct object *o, bool write, struct held_file *ret);

/* A file of the regular upper file @o that writes at its end: all that an append-only one allows.
 * -EPERM: it is not in the upper. */
errint_t object_data_append(struct object *o, struct held_file *ret);
