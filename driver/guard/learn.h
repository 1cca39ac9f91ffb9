/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is used while a policy is learned, each thing the first time. It is told in the order in which
 * it came, in records that each begin with a letter; texts end with a NUL byte. The owner locks.
 *
 *   u BITS PATH      accesses to a path, as hexadecimal bits
 *   m FROM NUL TO    a file got another name, or a second one
 *   d FROM NUL TO    the same of a directory
 *   !                there was more than can be kept
 */
#pragma once

#include <stdint.h>

#include "base/map.h"
#include "base/text.h"

struct lamina_learn {
	bool on;
	bool waits; /* for the container's program to begin: until then nothing is noted */
	bool full;
	struct lamina_map known; /* records, but for bits */
	struct learned **list;	 /* the same, in the order in which they came */
	size_t n_list, list_room;
	struct learned_use {
		uint32_t number, bits; /* of the record, and what is new about it */
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

/* Note that what was @from is @to as well, or instead. Returns whether that was new. */
bool lamina_learn_note_move(struct lamina_learn *learn, const char *from, const char *to, bool dir);

/* Append use number @at to @text. Returns false if there were not so many. */
bool lamina_learn_next(const struct lamina_learn *learn, size_t at, struct lamina_text *text);
