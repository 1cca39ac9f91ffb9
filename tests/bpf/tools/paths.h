/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Paths that are collected, and written to a file in a random order, each once. One in which there is
 * an end of line is left out.
 */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char **paths;
static size_t n_paths;

static inline void paths_add(const char *path)
{
	if (strchr(path, '\n'))
		return;
	paths = realloc(paths, (n_paths + 1) * sizeof(*paths));
	if (!paths || !(paths[n_paths++] = strdup(path)))
		abort();
}

static inline int paths_compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static inline void paths_sort_out(void)
{
	size_t n = 0;

	qsort(paths, n_paths, sizeof(*paths), paths_compare);
	for (size_t i = 0; i < n_paths; i++) {
		if (n && !strcmp(paths[n - 1], paths[i]))
			free(paths[i]);
		else
			paths[n++] = paths[i];
	}
	n_paths = n;
}

/* @any gives a number below its argument. For each path, one that isn't there is written, too. */
static inline void paths_write(const char *file, unsigned int (*any)(unsigned int))
{
	FILE *to = fopen(file, "w");

	if (!to) {
		perror(file);
		exit(1);
	}
	for (size_t i = 0, n = n_paths; i < n; i++) {
		char *none;

		if (asprintf(&none, "%s/none", paths[i]) < 0)
			abort();
		paths_add(none);
		free(none);
	}
	paths_add("none");
	paths_sort_out();
	for (size_t left = n_paths; left; left--) {
		size_t i = any((unsigned int)left);

		fprintf(to, "%s\n", paths[i]);
		free(paths[i]);
		paths[i] = paths[left - 1];
	}
	free(paths);
	if (fclose(to)) {
		perror(file);
		exit(1);
	}
}
