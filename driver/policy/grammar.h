/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Arrays and objects of JSON whose members are known beforehand: each value goes to a function of
 * who reads. What is not expected is an error with its place.
 */
#pragma once

#include "policy/json.h"

struct lamina_reader; /* whose functions these are */

/* Takes a value: a string is in the tokener, of an array or an object the bracket was read. */
typedef errint_t (*lamina_json_fn)(struct lamina_reader *reader,
				   const struct lamina_json_token *at);

/* A key of an object, what its value must be, and who reads it. */
struct lamina_json_key {
	const char *name;
	enum lamina_json_type type;
	lamina_json_fn read;
};

/* The next token, which must be of @type. */
errint_t lamina_json_next_of(struct lamina_json *json, enum lamina_json_type type,
			     struct lamina_json_token *ret);

/* The members of an array, whose '[' was read, each of @type by @read. */
errint_t lamina_json_array(struct lamina_json *json, enum lamina_json_type type,
			   lamina_json_fn read, struct lamina_reader *reader);

/* The members of an object, whose '{' was read. Each key may stand there once; 32 at most. */
errint_t lamina_json_object(struct lamina_json *json, const struct lamina_json_key *keys, size_t n,
			    struct lamina_reader *reader);
