/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Output for people: a header line and aligned columns, with colour only on a terminal that may have it
 * (NO_COLOR). Columns are named as the fields of the JSON output.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct table {
	const char *const *columns; /* names, ends with NULL */
	char **cells;
	size_t n;
	bool broken; /* memory was lacking: table_end() says so */
};

/* The next cell, copied; what a terminal could take for a command is escaped. NULL or "": "-". */
void table_add(struct table *table, const char *text);
void table_add_number(struct table *table, unsigned long long number);

/* Print all, and end it. Returns the exit status. */
int table_end(struct table *table);

/* Whether standard output may have colours. */
bool table_has_colours(void);

/*
 * For lines that come one by one: the header, and a line, of columns at least as wide as @widths, the
 * last one of any width.
 */
void table_stream_header(const char *const *columns, const int *widths);
void table_stream_line(const char *const *cells, size_t n, const int *widths);
