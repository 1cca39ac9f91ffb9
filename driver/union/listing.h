/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The merged listing of a directory: every visible name once, from the topmost layer that has it.
 *
 * A name's cookie is made of the name alone, and the listing is ordered by cookie. So a reader can
 * go on from any cookie after names have come and gone, or after the listing was dropped and read
 * again: names that stayed are returned exactly once, and nobody has to remember anything.
 */
#pragma once

#include <stdint.h>

#include "union/dir.h"

/* Cookies below this one belong to "." and "..". */
#define LAMINA_COOKIE_FIRST 3

struct lamina_name {
	uint64_t cookie;
	uint64_t ino;  /* to show; 0: only a lookup can tell */
	uint32_t at;   /* in the pool */
	uint16_t part; /* of the dir, where a lookup may start */
	uint8_t type;  /* DT_*, never DT_UNKNOWN */
};

struct lamina_listing {
	unsigned int n;
	struct lamina_name *names; /* by cookie */
	char *pool;
};

/* Read all of @dir. On success the caller owns *@ret, for lamina_listing_free(). */
errint_t lamina_listing_read(struct lamina_dir *dir, struct lamina_listing **ret);

void lamina_listing_free(struct lamina_listing *listing);

static inline void lamina_cleanup_listing(struct lamina_listing **listing)
{
	lamina_listing_free(*listing);
}

#define _cleanup_listing_ _cleanup_(lamina_cleanup_listing)

/* Index of the first name whose cookie is greater than @cookie. */
unsigned int lamina_listing_after(const struct lamina_listing *listing, uint64_t cookie);

static inline const char *lamina_listing_name(const struct lamina_listing *listing, unsigned int i)
{
	return listing->pool + listing->names[i].at;
}

/* Whether @dir shows no name at all. Returns 1, 0 or -errno. */
errint_t lamina_listing_is_empty(struct lamina_dir *dir);
