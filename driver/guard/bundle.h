/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A policy on its way from the program that puts it in force to the one that enforces it, and back to be shown:
 * the compiled table and the sources that it was made of. The receiver compiles nothing; the table is checked as
 * one from a stranger.
 *
 * A mount has a set of policies, all in force together: its base, which it was given when it was made, and a part
 * for each container. A bundle is the whole set. The base stays as it is; a part is put in the place of the one
 * with the same label, and taken away, without the others.
 */
#pragma once

#include "policy/source.h"

struct lamina_bundle {
	struct lamina_sources sources;
	struct lamina_compiled compiled;
};

void lamina_bundle_done(struct lamina_bundle *bundle);

/* Compile @sources, which it takes over, also with an error. */
errint_t lamina_bundle_make(struct lamina_bundle *ret, struct lamina_sources *sources,
			    struct lamina_error *error);

/* ---- parts ---- */

/* The base of a mount, of the @n files @files. */
errint_t lamina_bundle_read_base(struct lamina_bundle *ret, char **files, size_t n,
				 struct lamina_error *error);

/*
 * What is to be in force after the part of the container @label became @part (no sources: it goes), and before was
 * @now (NULL: nothing). @label NULL: the parts of all containers. Returns 1, or 0: nothing is to be in force.
 */
errint_t lamina_bundle_change(struct lamina_bundle *ret, const struct lamina_bundle *now,
			      const char *label, const struct lamina_sources *part,
			      struct lamina_error *error);

/* Whether the base of @bundle is @base (NULL: none). */
bool lamina_bundle_has_base(const struct lamina_bundle *bundle, const struct lamina_bundle *base);

/* The container that rule @rule is for; "" if that was not said, and for those of the base. */
const char *lamina_bundle_label(const struct lamina_bundle *bundle, unsigned int rule);

/* ---- as bytes ---- */

/* Write it to @fd; the rest is all of it but the table. */
errint_t lamina_bundle_write(const struct lamina_bundle *bundle, int fd);
errint_t lamina_bundle_write_rest(const struct lamina_bundle *bundle, int fd);

/* Read one from @size bytes that anyone may have written. -EINVAL with @error set: they are none. */
errint_t lamina_bundle_parse(const void *bytes, size_t size, struct lamina_bundle *ret,
			     struct lamina_error *error);

/* The same from the rest and @table_size bytes of a table. */
errint_t lamina_bundle_parse_rest(const void *bytes, size_t size, const void *table,
				  size_t table_size, struct lamina_bundle *ret,
				  struct lamina_error *error);

/* The same from @fd, of which at most LAMINA_BUNDLE_MAX bytes are taken. */
errint_t lamina_bundle_receive(int fd, struct lamina_bundle *ret, struct lamina_error *error);
