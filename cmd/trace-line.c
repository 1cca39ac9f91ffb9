// SPDX-License-Identifier: GPL-2.0-or-later
#include "trace-line.h"

#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "table.h"

/* Fields of the line; the widths are of what is in most of them. */
static const char *const columns[] = {"time",	 "container", "pid",  "comm", "access",
				      "verdict", "errno",     "rule", "path", NULL};
static const int widths[] = {27, 12, 7, 15, 11, 16, 6, 20, 0};

#define N_COLUMNS (sizeof(columns) / sizeof(columns[0]) - 1)

void trace_line_begin(bool json)
{
	if (!json)
		table_stream_header(columns, widths);
	fflush(stdout);
}

static void print_columns(struct json_object *line)
{
	const char *cells[N_COLUMNS];
	struct json_object *field;

	/* Lines may have been left out before this one, or this one only says so. */
	if (json_object_object_get_ex(line, "dropped", &field))
		printf("(%s lines were left out)\n", json_object_get_string(field));
	if (!json_object_object_get_ex(line, "time", &field))
		return;
	for (size_t i = 0; i < N_COLUMNS; i++) {
		cells[i] = NULL;
		if (json_object_object_get_ex(line, columns[i], &field) && field)
			cells[i] = json_object_get_string(field);
	}
	table_stream_line(cells, N_COLUMNS, widths);
}

static void print_line(const char *text, size_t size)
{
	struct json_tokener *tokener = json_tokener_new();
	struct json_object *line = tokener ? json_tokener_parse_ex(tokener, text, (int)size) : NULL;

	if (line)
		print_columns(line);
	else
		fwrite(text, 1, size, stdout);
	json_object_put(line);
	if (tokener)
		json_tokener_free(tokener);
}

void trace_line_print(bool json, const char *lines, size_t size)
{
	const char *end;

	if (json) {
		fwrite(lines, 1, size, stdout);
		return;
	}
	for (; size > 0 && (end = memchr(lines, '\n', size)); lines = end + 1) {
		size_t length = (size_t)(end + 1 - lines);

		print_line(lines, length);
		size -= length;
	}
}
