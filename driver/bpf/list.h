/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is mounted: views, from the kernel's control file system, and the mounts of the other
 * engines, from the mount table.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

struct lamina_list_item {
	char *key;   /* a word: "layer", "filter", "lookups" */
	char *value; /* the rest of the line */
};

struct lamina_list_mount {
	char *target; /* as mounted last; NULL where this namespace doesn't have it */
	char *source;
	const char *engine;
	char *why;			/* why it is not engine bpf, if that was thought of */
	pid_t server, keeper;		/* 0: none, or not known */
	unsigned int minor;		/* of its device number */
	struct lamina_list_item *items; /* what a view says of itself, in its order */
	size_t n_items;
};

struct lamina_list {
	struct lamina_list_mount *mounts;
	size_t n;
};

errint_t lamina_list_read(struct lamina_list *ret, struct lamina_error *error);
void lamina_list_done(struct lamina_list *list);

/* The value of a key that is there once, or NULL. */
const char *lamina_list_value(const struct lamina_list_mount *mount, const char *key);
