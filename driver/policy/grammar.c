// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Arrays and objects of JSON whose members are known beforehand.
 */
#include "policy/grammar.h"

#include <stdio.h>
#include <string.h>

static errint_t expect(const struct lamina_json *json, enum lamina_json_type type,
		       const struct lamina_json_token *token)
{
	if (token->type == type)
		return 0;
	return lamina_json_error(json, token, "expected %s, not %s", lamina_json_type_name(type),
				 lamina_json_type_name(token->type));
}

errint_t lamina_json_next_of(struct lamina_json *json, enum lamina_json_type type,
			     struct lamina_json_token *ret)
{
	errint_t err = lamina_json_next(json, ret);

	return err < 0 ? err : expect(json, type, ret);
}

/* The ',' or @end behind a member. Returns 1 if there are more members, 0 at the end. */
static errint_t next_member(struct lamina_json *json, enum lamina_json_type end,
			    struct lamina_json_token *ret)
{
	errint_t err = lamina_json_next(json, ret);

	if (err < 0 || ret->type == end)
		return err;
	if (ret->type == LAMINA_JSON_COMMA)
		return 1;
	return lamina_json_error(json, ret, "expected ',' or %s, not %s",
				 lamina_json_type_name(end), lamina_json_type_name(ret->type));
}

errint_t lamina_json_array(struct lamina_json *json, enum lamina_json_type type,
			   lamina_json_fn read, struct lamina_reader *reader)
{
	struct lamina_json_token token;
	errint_t more = lamina_json_next(json, &token);

	if (more < 0 || token.type == LAMINA_JSON_ARRAY_END)
		return more;
	for (;;) {
		more = expect(json, type, &token);
		if (more == 0)
			more = read(reader, &token);
		if (more == 0)
			more = next_member(json, LAMINA_JSON_ARRAY_END, &token);
		if (more <= 0)
			return more;
		more = lamina_json_next(json, &token);
		if (more < 0)
			return more;
	}
}

static errint_t unknown_key(struct lamina_json *json, const struct lamina_json_token *at,
			    const struct lamina_json_key *keys, size_t n)
{
	char known[256] = "";

	for (size_t i = 0; i < n; i++) {
		size_t used = strlen(known);

		snprintf(known + used, sizeof(known) - used, "%s%s", i ? ", " : "", keys[i].name);
	}
	return lamina_json_error(json, at, "unknown key '%.64s'; here can stand: %s", json->string,
				 known);
}

/* One "key": value, of which the key was read; *@seen are the keys that this object has had. */
static errint_t read_member(struct lamina_json *json, const struct lamina_json_token *at,
			    const struct lamina_json_key *keys, size_t n,
			    struct lamina_reader *reader, unsigned int *seen)
{
	struct lamina_json_token token;
	errint_t err;
	size_t i;

	for (i = 0; i < n; i++)
		if (!strcmp(keys[i].name, json->string))
			break;
	if (i == n)
		return unknown_key(json, at, keys, n);
	if (*seen & 1u << i)
		return lamina_json_error(json, at, "key '%s' stands here a second time",
					 keys[i].name);
	*seen |= 1u << i;
	err = lamina_json_next_of(json, LAMINA_JSON_COLON, &token);
	if (err == 0)
		err = lamina_json_next(json, &token);
	if (err == 0 && token.type != keys[i].type)
		return lamina_json_error(json, &token, "'%s' must be %s, not %s", keys[i].name,
					 lamina_json_type_name(keys[i].type),
					 lamina_json_type_name(token.type));
	return err < 0 ? err : keys[i].read(reader, &token);
}

errint_t lamina_json_object(struct lamina_json *json, const struct lamina_json_key *keys, size_t n,
			    struct lamina_reader *reader)
{
	struct lamina_json_token token;
	unsigned int seen = 0;
	errint_t more = lamina_json_next(json, &token);

	if (more < 0 || token.type == LAMINA_JSON_OBJECT_END)
		return more;
	for (;;) {
		if (token.type != LAMINA_JSON_STRING)
			return lamina_json_error(json, &token, "expected a key, not %s",
						 lamina_json_type_name(token.type));
		more = read_member(json, &token, keys, n, reader, &seen);
		if (more == 0)
			more = next_member(json, LAMINA_JSON_OBJECT_END, &token);
		if (more <= 0)
			return more;
		more = lamina_json_next(json, &token);
		if (more < 0)
			return more;
	}
}
