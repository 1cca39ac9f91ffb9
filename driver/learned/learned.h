/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From what was used to the policy that allows it: an allow-list with the names that were used, in
 * which names that will be others next time become patterns, and folders of which much was used in the
 * same way stand for all that is in them. What is written allows, as the compiler has it, each thing
 * that was noted.
 */
#pragma once

#include "base/text.h"
#include "policy/policy.h"

/* Names of a folder that are used in the same way, from which on all of it is taken. */
#define LAMINA_LEARNED_MANY 8

/* The same for folders in a folder, all of which is taken. */
#define LAMINA_LEARNED_MANY_DIRS 4

struct lamina_learned {
	struct learned_path {
		char *path;
		unsigned int bits;
		bool moved; /* it got another name */
	} *paths;
	size_t n_paths, paths_room;
	struct learned_move {
		char *from, *to;
		bool dir;
	} *moves;
	size_t n_moves, moves_room;
	bool incomplete; /* there was more than could be noted */
};

void lamina_learned_init(struct lamina_learned *learned);
void lamina_learned_done(struct lamina_learned *learned);

/*
 * Take the records, as guard/learn.h has them, that are whole in @size bytes. Returns how many bytes
 * they are, or -EPROTO, -ENOMEM.
 */
errint_t lamina_learned_take(struct lamina_learned *learned, const char *bytes, size_t size);

/*
 * Append the policy to @ret. @comment says where it comes from. Directories that no such policy lets
 * move are named on @ret_warnings, a sentence a line.
 */
errint_t lamina_learned_write(struct lamina_learned *learned, const char *comment,
			      struct lamina_text *ret, struct lamina_text *ret_warnings,
			      struct lamina_error *error);
