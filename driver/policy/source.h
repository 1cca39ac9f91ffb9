/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a policy was made of: the texts of its files, kept together so that they can be compiled here
 * and shown elsewhere.
 */
#pragma once

#include "policy/compile.h"

struct lamina_source {
	char *name; /* of the file, for errors and for people */
	char *text;
	size_t size;
	bool dry; /* refuse nothing, whatever it says itself */
};

struct lamina_sources {
	struct lamina_source *list;
	size_t n;
};

void lamina_sources_done(struct lamina_sources *sources);

/* Add a copy of @size bytes as a file called @name. */
errint_t lamina_sources_add(struct lamina_sources *sources, const char *name, const char *text,
			    size_t size, bool dry, struct lamina_error *error);

/* Read one file more; "-" is standard input. */
errint_t lamina_sources_read(struct lamina_sources *sources, const char *path, bool dry,
			     struct lamina_error *error);

/*
 * Compile what the sources say together: files in JSON, or a single compiled one, which is loaded.
 * @policy becomes what was read of the former; both results are the caller's to end.
 */
errint_t lamina_sources_compile(const struct lamina_sources *sources, struct lamina_policy *policy,
				struct lamina_compiled *compiled, struct lamina_error *error);
