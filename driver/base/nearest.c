// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/nearest.h"

#include <stdio.h>
#include <string.h>

/* Longer words are not options or commands. */
#define LONGEST 40

static unsigned int least(unsigned int a, unsigned int b, unsigned int c)
{
	unsigned int d = a < b ? a : b;

	return d < c ? d : c;
}

/* Three rows of the table of distances between all beginnings of @a and of @b are enough. */
static unsigned int distance(const char *a, const char *b)
{
	unsigned int rows[3][LONGEST + 1];
	unsigned int n = (unsigned int)strlen(b);

	for (unsigned int j = 0; j <= n; j++)
		rows[0][j] = j;
	for (unsigned int i = 1; a[i - 1]; i++) {
		unsigned int *row = rows[i % 3];
		const unsigned int *above = rows[(i + 2) % 3], *higher = rows[(i + 1) % 3];

		row[0] = i;
		for (unsigned int j = 1; j <= n; j++) {
			row[j] = least(above[j] + 1, row[j - 1] + 1,
				       above[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    higher[j - 2] + 1 < row[j])
				row[j] = higher[j - 2] + 1;
		}
	}
	return rows[strlen(a) % 3][n];
}

void lamina_nearest_begin(struct lamina_nearest *n, const char *word)
{
	*n = (struct lamina_nearest){.word = word};
}

void lamina_nearest_try(struct lamina_nearest *n, const char *known)
{
	size_t a = strlen(n->word), b = strlen(known);
	unsigned int d;

	if (a > LONGEST || b > LONGEST || a == 0)
		return;
	d = distance(n->word, known);
	/* A beginning is meant to be the whole. */
	if (a > 2 && a < b && !strncmp(n->word, known, a))
		d = 1;
	if (d > 1 + (a < b ? a : b) / 4 || d >= b || (n->best && d >= n->distance))
		return;
	n->best = known;
	n->distance = d;
}

const char *lamina_nearest_hint(const struct lamina_nearest *n, const char *prefix, char *ret,
				size_t size)
{
	if (n->best)
		snprintf(ret, size, "; did you mean '%s%s'?", prefix, n->best);
	else
		snprintf(ret, size, "%s", "");
	return ret;
}
