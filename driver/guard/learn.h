/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is used while a policy is learned: each path, and for each kind of access the first time. It is
 * told in the order in which it came, as "BITS PATH" and a NUL byte, bits of accesses in hexadecimal;
 * "!" alone says that there was more than can be kept. The owner locks.
 */
#pragma once

#include <stdint.h>

#include "base/map.h"
#include "base/text.h"

struct lamina_learn {
	bool on;
	bool waits; /* for the container's program to begin: until then nothing is noted */
	bool full;
	struct lamina_map paths;
	struct learned **list; /* in the order in which they came */
	size_t n_list, list_room;
	struct learned_use {
		uint32_t path, bits;
	} *uses;
	size_t n, room;
	size_t bytes;
	uint64_t key[2];
};

/* Begin anew. @waits: with the first program that is run. */
errint_t lamina_learn_start(struct lamina_learn *learn, bool waits);
void lamina_learn_stop(struct lamina_learn *learn);

/* Note that the accesses @bits were made to @path. Returns whether that was new. */
bool lamina_learn_note(struct lamina_learn *learn, const char *path, unsigned int bits);

/* Append use number @at to @text. Returns false if there were not so many. */
bool lamina_learn_next(const struct lamina_learn *learn, size_t at, struct lamina_text *text);
