/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * JSON as a sequence of tokens, each with its line and column.
 *
 * json-c, which this project uses elsewhere, keeps neither: its objects do not know where they
 * stood, of two equal keys only the last one is left, and an error has no more than an offset. A
 * policy decides about access, so its errors have to be found and its keys have to be unique; both
 * need the tokens. A tokener has no nesting to bound either: its caller's grammar does that.
 *
 * Lines and columns count from 1; a column is a character, also a tab. Accepted is RFC 8259 and
 * nothing else; a string is valid UTF-8 without NUL.
 */
#pragma once

#include <stddef.h>

#include "base/error.h"
#include "base/limits.h"

enum lamina_json_type {
	LAMINA_JSON_OBJECT,
	LAMINA_JSON_OBJECT_END,
	LAMINA_JSON_ARRAY,
	LAMINA_JSON_ARRAY_END,
	LAMINA_JSON_COLON,
	LAMINA_JSON_COMMA,
	LAMINA_JSON_STRING,
	LAMINA_JSON_NUMBER,
	LAMINA_JSON_TRUE,
	LAMINA_JSON_FALSE,
	LAMINA_JSON_NULL,
	LAMINA_JSON_END,
};

struct lamina_json_token {
	enum lamina_json_type type;
	unsigned int line, column;
};

struct lamina_json {
	const char *file; /* for errors */
	const char *text;
	size_t size;
	struct lamina_error *error;
	size_t at;
	unsigned int line, column;
	char string[LAMINA_POLICY_MAX_STRING + 1]; /* of the last STRING, decoded */
	size_t length;
};

void lamina_json_init(struct lamina_json *json, const char *file, const char *text, size_t size,
		      struct lamina_error *error);

/* The next token. -EINVAL, with the error set, if there is none. */
errint_t lamina_json_next(struct lamina_json *json, struct lamina_json_token *ret);

/* Set the error to "FILE:LINE:COLUMN: text" for @token. Returns -EINVAL. */
errint_t lamina_json_error(const struct lamina_json *json, const struct lamina_json_token *token,
			   const char *format, ...) __attribute__((__format__(__printf__, 3, 4)));

/* What a token is, for people: "a string". */
const char *lamina_json_type_name(enum lamina_json_type type);
