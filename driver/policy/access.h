/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The words of a policy and what they stand for: kinds of access, actions, error numbers.
 */
#pragma once

#include <stddef.h>

#include "policy/step.h"

/* All that `access` can name; a rule without it is about these and about being seen. */
#define LAMINA_ACCESS_ALL  (((1u << LAMINA_POLICY_BITS) - 1) & ~(1u << LAMINA_ACCESS_SEE))
#define LAMINA_ACCESS_SEEN (1u << LAMINA_ACCESS_SEE)

/* What changes something: refused below `readonlyPaths`. */
#define LAMINA_ACCESS_WRITING                                                                \
	(LAMINA_ACCESS_ALL & ~(1u << LAMINA_ACCESS_READ_FILE | 1u << LAMINA_ACCESS_EXECUTE | \
			       1u << LAMINA_ACCESS_READ_DIR))

/* What can be done to an object, whatever names it has: a new name must not make it possible. */
#define LAMINA_ACCESS_TO_OBJECT                                                                   \
	(1u << LAMINA_ACCESS_READ_FILE | 1u << LAMINA_ACCESS_WRITE_FILE |                         \
	 1u << LAMINA_ACCESS_EXECUTE | 1u << LAMINA_ACCESS_TRUNCATE | 1u << LAMINA_ACCESS_CHMOD | \
	 1u << LAMINA_ACCESS_CHOWN | 1u << LAMINA_ACCESS_XATTR)

/* The word for an access, "see" for the one that has none in a policy. */
const char *lamina_access_name(unsigned int access);

/* The access of @word; LAMINA_POLICY_BITS: there is none. */
unsigned int lamina_access_find(const char *word);

/* The word for an action of a verdict. */
const char *lamina_action_name(unsigned int action);

/* The errno that a rule may give: its number by name, or 0; its name by number, or NULL. */
unsigned int lamina_policy_errno_find(const char *name);
const char *lamina_policy_errno_name(unsigned int number);
