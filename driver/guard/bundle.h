/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A policy on its way from who puts it in force to who enforces it, and back to be shown: the compiled
 * table, the sources that it was made of, and whom it is for. Who enforces it compiles nothing; the
 * table is checked as one from a stranger.
 */
#pragma once

#include "policy/source.h"

struct lamina_bundle {
	char *label; /* the container, or "" */
	struct lamina_sources sources;
	struct lamina_compiled compiled;
};

void lamina_bundle_done(struct lamina_bundle *bundle);

/* Make one of the files @files, for the container @label ("": not said). */
errint_t lamina_bundle_read(struct lamina_bundle *ret, const char *label, char **files, size_t n,
			    bool dry, struct lamina_error *error);

/* The same for sources, which it takes over, also with an error. */
errint_t lamina_bundle_make(struct lamina_bundle *ret, const char *label,
			    struct lamina_sources *sources, struct lamina_error *error);

/* Write it to @fd as bytes; the rest is all of it but the table. */
errint_t lamina_bundle_write(const struct lamina_bundle *bundle, int fd);
errint_t lamina_bundle_write_rest(const struct lamina_bundle *bundle, int fd);

/* Read one from @size bytes of somebody. -EINVAL with @error set: they are none. */
errint_t lamina_bundle_parse(const void *bytes, size_t size, struct lamina_bundle *ret,
			     struct lamina_error *error);

/* The same from the rest and @table_size bytes of a table. */
errint_t lamina_bundle_parse_rest(const void *bytes, size_t size, const void *table,
				  size_t table_size, struct lamina_bundle *ret,
				  struct lamina_error *error);

/* The same from @fd, of which at most LAMINA_BUNDLE_MAX bytes are taken. */
errint_t lamina_bundle_receive(int fd, struct lamina_bundle *ret, struct lamina_error *error);
