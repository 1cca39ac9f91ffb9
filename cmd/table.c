// SPDX-License-Identifier: GPL-2.0-or-later
#include "table.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"

bool table_has_colours(void)
{
	const char *no = getenv("NO_COLOR"), *terminal = getenv("TERM");

	return isatty(STDOUT_FILENO) && !(no && *no) && terminal && strcmp(terminal, "dumb") != 0;
}

/* How wide it is on a terminal: bytes that go on in a character are no column. */
static int width_of(const char *text)
{
	int width = 0;

	for (; *text; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

static void print_cell(const char *text, int width, bool last)
{
	fputs(text, stdout);
	if (!last)
		printf("%*s", (width > width_of(text) ? width - width_of(text) : 0) + 2, "");
}

/* A name in capitals. */
static void print_name(const char *name, int width, bool last)
{
	char capitals[32];
	size_t i;

	for (i = 0; name[i] && i + 1 < sizeof(capitals); i++)
		capitals[i] = (char)toupper((unsigned char)name[i]);
	capitals[i] = '\0';
	print_cell(capitals, width, last);
}

void table_stream_header(const char *const *columns, const int *widths)
{
	bool colours = table_has_colours();

	if (colours)
		fputs("\033[1m", stdout);
	for (size_t i = 0; columns[i]; i++)
		print_name(columns[i], widths[i], !columns[i + 1]);
	puts(colours ? "\033[0m" : "");
}

/* A copy in which nothing is a command for a terminal; "-" for nothing. */
static char *escaped(const char *text)
{
	size_t size = text ? 4 * strlen(text) + 2 : 2;
	char *copy = malloc(size);

	if (copy)
		lamina_text_escape(copy, size, text && *text ? text : "-");
	return copy;
}

static void print_line(char *const *cells, size_t n, const int *widths)
{
	for (size_t i = 0; i < n; i++)
		print_cell(cells[i], widths[i], i + 1 == n);
	putchar('\n');
}

void table_stream_line(const char *const *cells, size_t n, const int *widths)
{
	for (size_t i = 0; i < n; i++) {
		_cleanup_free_ char *copy = escaped(cells[i]);

		print_cell(copy ? copy : "?", widths[i], i + 1 == n);
	}
	putchar('\n');
}

void table_add(struct table *table, const char *text)
{
	char **cells = reallocarray(table->cells, table->n + 1, sizeof(*cells));
	char *copy = escaped(text);

	if (cells)
		table->cells = cells;
	if (!cells || !copy) {
		table->broken = true;
		free(copy);
		return;
	}
	cells[table->n++] = copy;
}

void table_add_number(struct table *table, unsigned long long number)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", number);
	table_add(table, text);
}

static size_t count_columns(const struct table *table)
{
	size_t n = 0;

	while (table->columns[n])
		n++;
	return n;
}

static void print(const struct table *table, int *widths, size_t columns)
{
	for (size_t i = 0; i < columns; i++)
		widths[i] = width_of(table->columns[i]);
	for (size_t i = 0; i < table->n; i++)
		if (width_of(table->cells[i]) > widths[i % columns])
			widths[i % columns] = width_of(table->cells[i]);
	table_stream_header(table->columns, widths);
	for (size_t i = 0; i + columns <= table->n; i += columns)
		print_line(&table->cells[i], columns, widths);
}

int table_end(struct table *table)
{
	size_t columns = count_columns(table);
	_cleanup_free_ int *widths = calloc(columns, sizeof(*widths));

	if (widths && !table->broken)
		print(table, widths, columns);
	else
		fprintf(stderr, "lamina: not enough memory to print this\n");
	for (size_t i = 0; i < table->n; i++)
		free(table->cells[i]);
	free(table->cells);
	return widths && !table->broken ? EXIT_SUCCESS : EXIT_FAILURE;
}
