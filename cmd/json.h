/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Output for programs. */
#pragma once

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>

/* Print @object, which is taken over. Returns the exit status. */
static inline int json_print(struct json_object *object)
{
	int result = puts(json_object_to_json_string_ext(
		object, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE));

	json_object_put(object);
	return result < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* A string, or null. */
static inline void json_add_string(struct json_object *to, const char *name, const char *text)
{
	json_object_object_add(to, name, text ? json_object_new_string(text) : NULL);
}
