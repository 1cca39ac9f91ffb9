/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The paths of a policy: absolute, components separated by '/'. In a component, '*' is any bytes,
 * '?' one byte, [...] one byte of a set ([!...]: not of it), '\' takes the meaning from what follows.
 * A component '**' is any number of components: none or more between others, one or more at the
 * end. Nothing but '**' goes across a '/'; a leading dot is nothing special.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/errint.h"

enum lamina_glob_kind {
	LAMINA_GLOB_LITERAL,
	LAMINA_GLOB_ANY,  /* "*" */
	LAMINA_GLOB_DEEP, /* "**" */
	LAMINA_GLOB_PATTERN,
};

/* One component of a path, as it is written. */
struct lamina_glob_part {
	enum lamina_glob_kind kind;
	const char *text;
	size_t length;
};

/* One element of a component: any bytes, or one byte of a set. */
struct lamina_glob_atom {
	bool star;
	uint64_t set[4];
};

/* NULL, or what is wrong with @path: part of a sentence, for the one who wrote it. */
const char *lamina_glob_check(const char *path);

/* The next component of @at, which goes on behind it. False: there is none. */
bool lamina_glob_next(const char **at, struct lamina_glob_part *ret);

/* What the literal @part stands for: a name of at most @size - 1 bytes. -ENAMETOOLONG. */
errint_t lamina_glob_literal(const struct lamina_glob_part *part, char *ret, size_t size);

/*
 * The next element of a component that ends at @end; @at goes on behind it. Returns 1, 0 at the
 * end, -EINVAL with @problem set.
 */
errint_t lamina_glob_atom_next(const char **at, const char *end, struct lamina_glob_atom *ret,
			       const char **problem);

static inline bool lamina_glob_atom_has(const struct lamina_glob_atom *atom, unsigned int byte)
{
	return atom->set[byte / 64] >> byte % 64 & 1;
}
