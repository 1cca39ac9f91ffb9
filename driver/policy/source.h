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
	bool dry;    /* refuse nothing, whatever it says itself */
	bool base;   /* the mount was given it, and has it as long as it lasts */
	char *label; /* else the container that it was put in force for; "": not said */
	uint32_t
		rules_end; /* one more than the greatest number of its rules, once it was compiled */
};

struct lamina_sources {
	struct lamina_source *list;
	size_t n;
};

void lamina_sources_done(struct lamina_sources *sources);

/* Add a copy of @size bytes as a file called @name, of no label. */
errint_t lamina_sources_add(struct lamina_sources *sources, const char *name, const char *text,
			    size_t size, bool dry, struct lamina_error *error);

/* Read one file more; "-" is standard input. */
errint_t lamina_sources_read(struct lamina_sources *sources, const char *path, bool dry,
			     struct lamina_error *error);

/* Add a copy of @source, with all that is said of it. */
errint_t lamina_sources_add_copy(struct lamina_sources *sources, const struct lamina_source *source,
				 struct lamina_error *error);

/* Say for which container the source @i is. @label is at most LAMINA_LABEL_MAX bytes long, or -EINVAL. */
errint_t lamina_sources_set_label(struct lamina_sources *sources, size_t i, const char *label,
				  struct lamina_error *error);

/*
 * Compile what the sources say together: files in JSON, or a single compiled one, which is loaded.
 * @policy becomes what was read of the former; both results are the caller's to end.
 */
errint_t lamina_sources_compile(struct lamina_sources *sources, struct lamina_policy *policy,
				struct lamina_compiled *compiled, struct lamina_error *error);

/* The source that rule @rule of what they were compiled to is from; NULL: there are none. */
const struct lamina_source *lamina_sources_of_rule(const struct lamina_sources *sources,
						   unsigned int rule);
