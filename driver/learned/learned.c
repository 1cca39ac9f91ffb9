// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Taking in what was noted.
 */
#include "learned/learned.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"

void lamina_learned_init(struct lamina_learned *learned)
{
	*learned = (struct lamina_learned){0};
}

void lamina_learned_done(struct lamina_learned *learned)
{
	for (size_t i = 0; i < learned->n_paths; i++)
		free(learned->paths[i].path);
	for (size_t i = 0; i < learned->n_moves; i++) {
		free(learned->moves[i].from);
		free(learned->moves[i].to);
	}
	free(learned->paths);
	free(learned->moves);
	*learned = (struct lamina_learned){0};
}

static errint_t take_use(struct lamina_learned *learned, const char *record)
{
	char *end, *path;
	unsigned long bits = strtoul(record, &end, 16);

	if (end == record || *end != ' ' || end[1] != '/')
		return -EPROTO;
	path = strdup(end + 1);
	if (!path || !lamina_grow(&learned->paths, learned->n_paths, &learned->paths_room,
				  sizeof(*learned->paths))) {
		free(path);
		return -ENOMEM;
	}
	learned->paths[learned->n_paths++] =
		(struct learned_path){.path = path, .bits = (unsigned int)bits & LAMINA_ACCESS_ALL};
	return 0;
}

static errint_t take_move(struct lamina_learned *learned, const char *from, const char *to,
			  bool dir)
{
	struct learned_move move = {strdup(from), strdup(to), dir};

	if (!move.from || !move.to ||
	    !lamina_grow(&learned->moves, learned->n_moves, &learned->moves_room,
			 sizeof(*learned->moves))) {
		free(move.from);
		free(move.to);
		return -ENOMEM;
	}
	learned->moves[learned->n_moves++] = move;
	return 0;
}

/* One record of the texts @first and, of a move, @second. */
static errint_t take(struct lamina_learned *learned, const char *first, const char *second)
{
	if (!strcmp(first, "!")) {
		learned->incomplete = true;
		return 0;
	}
	if (first[0] == '!' || first[1] != ' ')
		return -EPROTO;
	if (first[0] == 'u')
		return take_use(learned, first + 2);
	return take_move(learned, first + 2, second, first[0] == 'd');
}

errint_t lamina_learned_take(struct lamina_learned *learned, const char *bytes, size_t size)
{
	size_t done = 0;

	while (done < size) {
		const char *first = bytes + done, *second = NULL;
		const char *end = memchr(first, '\0', size - done);
		errint_t err;

		if (end && (*first == 'm' || *first == 'd')) {
			second = end + 1;
			end = memchr(second, '\0', size - (size_t)(second - bytes));
		}
		if (!end)
			break;
		if (!strchr("umd!", *first) || !*first)
			return -EPROTO;
		err = take(learned, first, second);
		if (err < 0)
			return err;
		done = (size_t)(end + 1 - bytes);
	}
	return (errint_t)done;
}
