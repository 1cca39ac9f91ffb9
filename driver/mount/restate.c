// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Writing options. No state.
 */
#include "mount/restate.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

/* What has a meaning in an option list, or in a list of directories. */
static void put_escaped(FILE *file, const char *text)
{
	for (; *text; text++) {
		if (strchr(",:\\\"", *text))
			putc('\\', file);
		putc(*text, file);
	}
}

static void put_path(FILE *file, const char *path)
{
	_cleanup_free_ char *whole = realpath(path, NULL);

	put_escaped(file, whole ? whole : path);
}

static void put_map(FILE *file, const char *name, const struct lamina_idmap *map)
{
	for (size_t i = 0; i < map->n; i++)
		fprintf(file, "%s%s%u:%u:%u", i ? "" : name, i ? ":" : "=", map->ranges[i].disk,
			map->ranges[i].shown, map->ranges[i].count);
}

static void put_options(FILE *file, const struct lamina_mount_options *o)
{
	for (size_t i = 0; i < o->n_lowers; i++) {
		fputs(i ? ":" : "lowerdir=", file);
		put_path(file, o->lowers[i]);
	}
	if (o->upper) {
		fputs(",upperdir=", file);
		put_path(file, o->upper);
	}
	if (o->work) {
		fputs(",workdir=", file);
		put_path(file, o->work);
	}
	put_map(file, ",uidmapping", &o->fs.uids);
	put_map(file, ",gidmapping", &o->fs.gids);
	if (o->volatile_)
		fputs(",volatile", file);
}

char *lamina_mount_options_restate(const struct lamina_mount_options *o)
{
	char *text = NULL;
	size_t size;
	FILE *file = open_memstream(&text, &size);

	if (!file)
		return NULL;
	put_options(file, o);
	if (fclose(file) != 0) {
		free(text);
		return NULL;
	}
	return text;
}
