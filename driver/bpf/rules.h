/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The list of paths of the filter hide, as the tree that the filter walks: each rule says what a
 * name means in a node.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"
#include "hide.h"

struct lamina_rule {
	struct hide_key key;
	struct hide_rule rule;
};

struct lamina_rules {
	struct lamina_rule *list;
	size_t n, room;
	uint32_t *slots; /* open addressing: index into list, plus one */
	size_t n_slots;
	uint64_t next_node;
};

/*
 * Read paths, one a line; @name is for errors. On success the caller frees with
 * lamina_rules_done().
 */
errint_t lamina_rules_read(struct lamina_rules *ret, FILE *file, const char *name,
			   struct lamina_error *error);
void lamina_rules_done(struct lamina_rules *rules);
