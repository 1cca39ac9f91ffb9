/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A directory of the union: the ordered stack of the layers' directories that are merged into it.
 *
 * `lamina_stack` is what is remembered of a directory (by a node, or by a lookup's result);
 * `lamina_dir` is the same with paths, ready to be worked in: it lives on a function's stack, opens
 * a layer's directory when it is first needed and closes all of them in lamina_dir_done().
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "union/union.h"

/* Properties of one layer's part of a directory. */
#define LAMINA_PART_XWHITEOUTS 0x1 /* marked: empty files may be whiteouts here */
#define LAMINA_PART_IMPURE     0x2 /* upper: some entries were copied up and say from where */

struct lamina_stack_part {
	uint16_t layer;
	uint8_t flags;
	char *path; /* where in the layer, if not at the parent's path plus the name; else NULL */
};

struct lamina_stack {
	unsigned int n;
	struct lamina_stack_part parts[];
};

struct lamina_stack *lamina_stack_new(unsigned int capacity);
void lamina_stack_free(struct lamina_stack *stack);

/*
 * The stack @lower with an upper part in front. The paths of its parts are lent, not copied: either
 * @lower itself is freed with free(), or they are NULL. Returns NULL without memory.
 */
struct lamina_stack *lamina_stack_with_upper(const struct lamina_stack *lower);

static inline void lamina_cleanup_stack(struct lamina_stack **stack)
{
	lamina_stack_free(*stack);
}

#define _cleanup_stack_ _cleanup_(lamina_cleanup_stack)

struct lamina_part {
	uint16_t layer;
	uint8_t flags;
	bool lent;	  /* the fd is somebody else's, who keeps it open for as long as needed */
	int fd;		  /* often O_PATH; -1 as long as nobody asked */
	const char *path; /* below the layer's root, "" for the root itself */
};

struct lamina_dir {
	const struct lamina_union *u;
	unsigned int n;
	struct lamina_part *parts; /* top first; the array and the paths belong to the caller */
};

/* The fd of part @i: the dir's own, valid until lamina_dir_done(). Returns it or -errno. */
errint_t lamina_dir_fd(struct lamina_dir *dir, unsigned int i);

/* Close the fd of part @i for now. */
void lamina_dir_close(struct lamina_dir *dir, unsigned int i);

void lamina_dir_done(struct lamina_dir *dir);

#define _cleanup_union_dir_ _cleanup_(lamina_dir_done)

static inline bool lamina_dir_has_upper(const struct lamina_dir *dir)
{
	return dir->u->writable && dir->n > 0 && dir->parts[0].layer == 0;
}

/*
 * Whether empty files of part @i may be whiteouts. In an upper that gets them, everywhere: a directory
 * that becomes opaque loses its mark before it loses them.
 */
static inline bool lamina_dir_xwhiteouts(const struct lamina_dir *dir, unsigned int i)
{
	return (dir->parts[i].flags & LAMINA_PART_XWHITEOUTS) ||
	       (dir->u->whiteout_form == LAMINA_WHITEOUT_MARKED && dir->u->writable &&
		dir->parts[i].layer == 0);
}

/* The first part that belongs to a lower layer; dir->n if there is none. */
static inline unsigned int lamina_dir_first_lower(const struct lamina_dir *dir)
{
	return lamina_dir_has_upper(dir) ? 1 : 0;
}
