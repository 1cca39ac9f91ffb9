/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where an upper object came from, and the hard links of lower files.
 *
 * Origin: an object that was copied up keeps the inode number that it showed before. The number is
 * recorded in an attribute of the upper object ("lamina.origin"), which is believed only while the
 * object still is the inode that the record was written for: a copied tree is not taken in.
 *
 * Index: a lower file with several names must stay one inode when one of them is copied up. The
 * copy gets a second link in the index directory, named by the lower file's key; a lookup of any other
 * name of the lower file finds it there. How many of the lower's names no longer show the
 * lower file (removed, replaced, or linked up) is kept beside it, as the target of a symbolic link
 * KEY.n, which can be replaced in one step.
 *
 * The count is raised after a name has gone, and what is about to go is written down before: the
 * symbolic link KEY.p says which name, and which count follows. Who is killed in between leaves
 * that record, from which the next one to open the union, or to be asked for the same again, learns
 * whether the name has gone. A path too long for a symbolic link goes without: then the count may
 * stay too low, which shows one link too many but never loses a file.
 *
 * The caller serialises changes that concern one key (the engines by the node's lock).
 */
#pragma once

#include "union/attr.h"
#include "union/key.h"
#include "union/union.h"

struct lamina_origin {
	uint64_t ino;		   /* the inode number shown */
	unsigned int nlink;	   /* names of the lower file, if more than one; else 0 */
	char key[LAMINA_KEY_SIZE]; /* its key in the index; "" if it had one name */
};

/*
 * The origin recorded at the upper object @name of @dirfd, whose own attributes are @self.
 * Returns 1, or 0 if there is none that can be believed.
 */
errint_t lamina_origin_read_at(const struct lamina_union *u, int dirfd, const char *name,
			       const struct statx *self, struct lamina_origin *ret);

/* The same from the attribute's value, at an object with inode number @self. */
errint_t lamina_origin_parse(const char *value, uint64_t self, struct lamina_origin *ret);

/* Whether the upper directory @fd is marked as below. Returns 1, 0 or -errno. */
errint_t lamina_origin_parent_marked(const struct lamina_union *u, int fd);

/* Record @origin at the upper object @fd. An upper without attributes just does without. */
errint_t lamina_origin_write(const struct lamina_union *u, int fd,
			     const struct lamina_origin *origin);

/* Mark the upper directory @fd as one whose entries may have an origin. */
errint_t lamina_origin_mark_parent(const struct lamina_union *u, int fd);

/* The copied-up file of @key: an O_PATH fd, or -ENOENT. */
errint_t lamina_index_open(const struct lamina_union *u, const char *key);

/* Whether @key was copied up. Returns 1, 0 or -errno. */
errint_t lamina_index_has(const struct lamina_union *u, const char *key);

/*
 * Make the upper file @fd, which has no name, the one of @key; or the object @name of the work
 * directory, which goes from there. -EEXIST if there is one.
 */
errint_t lamina_index_add(struct lamina_union *u, const char *key, int fd);
errint_t lamina_index_take(struct lamina_union *u, const char *key, const char *name);

/* Undo that: no name was linked to it. */
void lamina_index_remove(const struct lamina_union *u, const char *key);

/* How many of the lower names of @key no longer show the lower file. Returns it or -errno. */
errint_t lamina_index_covered(const struct lamina_union *u, const char *key);

/* The name @name of the directory @dir (its path in the layers) is about to be covered. */
errint_t lamina_index_cover_begin(struct lamina_union *u, const char *key, const char *dir,
				  const char *name);

/* It was not, after all. What cannot be undone is, by the next mount. */
void lamina_index_cover_cancel(const struct lamina_union *u, const char *key);

/* It is now: count it. */
errint_t lamina_index_cover_end(struct lamina_union *u, const char *key);

/* It was found covered: count it if whoever did that was killed before he could. */
errint_t lamina_index_cover_resume(struct lamina_union *u, const char *key, const char *dir,
				   const char *name);

/*
 * Finish what a killed process left in the index: counts, and files that no name leads to any more.
 * Nobody else may use the index.
 */
errint_t lamina_index_recover(struct lamina_union *u);

/* Forget @key: neither name nor count is needed any more. */
void lamina_index_drop(const struct lamina_union *u, const char *key);

/*
 * How many names show the file of @key: @lower_nlink names lie in the layer, @upper_nlink links
 * in the upper (0 if it was not copied up; one of them is the index's). Never below 0.
 */
errint_t lamina_index_nlink(const struct lamina_union *u, const char *key, unsigned int lower_nlink,
			    unsigned int upper_nlink);
