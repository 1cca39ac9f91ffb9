/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where the object of an upcall lies in the layers. Paths are the same in the view, in the upper and
 * in every layer, so nothing has to be looked up: a path is opened.
 */
#pragma once

#include "union/copyup.h"

/* A directory of the upper. */
struct upper_dir {
	struct lamina_dir dir; /* of one part, whose fd is open */
	struct lamina_part part;
};

/* Open the directory @path of the upper, which must outlive @ret. -ENOENT, -ENOTDIR: there is none. */
errint_t upper_dir_open(const struct lamina_union *u, const char *path, struct upper_dir *ret);

static inline void upper_dir_done(struct upper_dir *dir)
{
	lamina_dir_done(&dir->dir);
}

#define _cleanup_upper_dir_ _cleanup_(upper_dir_done)

static inline int upper_dir_fd(const struct upper_dir *dir)
{
	return dir->part.fd;
}

/* Whether what @st tells of the upper is a whiteout, as views have them. */
static inline bool upper_is_whiteout(const struct statx *st)
{
	return lamina_statx_is_chr_0_0(st);
}

/* An object of a lower layer, with what a copy-up needs. */
struct lower_object {
	struct lamina_source source; /* its fd and its key belong to this */
	char key[LAMINA_KEY_SIZE];
};

/*
 * Find @path in the topmost layer that has it, from layer @first on. The view shows what is at
 * @path: then no layer above hides it, and the topmost one that has it is the one that shows.
 * -ENOENT: no layer has it.
 */
errint_t lower_object_find(const struct lamina_union *u, const char *path, unsigned int first,
			   struct lower_object *ret);

static inline void lower_object_done(struct lower_object *object)
{
	lamina_cleanup_fd(&object->source.fd);
}

#define _cleanup_lower_ _cleanup_(lower_object_done)

/* What the names of a lower file have in common; none of an object with one name. */
static inline bool lower_object_linked(const struct lower_object *object)
{
	return object->key[0];
}
