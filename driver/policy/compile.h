/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From a policy to the table of policy/step.h, and back from bytes of somebody to a table that can
 * be trusted not to lead out of itself.
 */
#pragma once

#include <stdint.h>

#include "policy/policy.h"

struct lamina_compiled {
	uint32_t *words;
	uint32_t n;
	/* How it came about; of a table that was loaded: 0. */
	uint32_t states_before, name_states_before;
};

/* Compile what @policy, of one file at least, says. To be ended by lamina_compiled_done(). */
errint_t lamina_policy_compile(const struct lamina_policy *policy, struct lamina_compiled *ret,
			       struct lamina_error *error);

/*
 * Take over a copy of @size bytes if they are a compiled policy: every index in it leads to what
 * it should. -EINVAL, with @error saying what is wrong; it is not said what the policy decides.
 */
errint_t lamina_policy_load(const void *bytes, size_t size, struct lamina_compiled *ret,
			    struct lamina_error *error);

void lamina_compiled_done(struct lamina_compiled *compiled);

/* Whether bytes claim to be a compiled policy. */
bool lamina_policy_is_compiled(const void *bytes, size_t size);

static inline struct lamina_policy_table lamina_compiled_table(const struct lamina_compiled *c)
{
	return (struct lamina_policy_table){c->words, c->n};
}

/* A rule of a compiled policy. */
struct lamina_compiled_rule {
	char file[LAMINA_POLICY_NAME_MAX + 1]; /* the end of its name */
	unsigned int line, column;
	unsigned int verdict;
	enum lamina_rule_kind kind;
};

void lamina_compiled_rule(const struct lamina_compiled *compiled, unsigned int number,
			  struct lamina_compiled_rule *ret);

/* The verdict about an absolute path, which is walked component by component. */
unsigned int lamina_compiled_decide(const struct lamina_compiled *compiled, const char *path,
				    unsigned int access);
