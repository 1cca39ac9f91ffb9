// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The compiler from end to end, and what is read from its result.
 */
#include "policy/compile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "policy/automaton.h"
#include "policy/emit.h"

static errint_t finish(struct lamina_automaton *a, struct lamina_compiled *ret,
		       struct lamina_error *error)
{
	struct lamina_compiled compiled = {
		.states_before = a->n_states,
		.name_states_before = a->n_name_states,
	};
	errint_t err = lamina_automaton_minimise(a);

	if (err == 0)
		err = lamina_automaton_emit(a, &compiled.words, &compiled.n);
	if (err == -EFBIG)
		return lamina_error_say(error, -E2BIG,
					"the policy makes a table of more than %u bytes",
					LAMINA_POLICY_MAX_WORDS * 4);
	if (err < 0)
		return lamina_error_set(error, err, "cannot compile the policy");
	*ret = compiled;
	return 0;
}

errint_t lamina_policy_compile(const struct lamina_policy *policy, struct lamina_compiled *ret,
			       struct lamina_error *error)
{
	struct lamina_automaton a;
	errint_t err;

	if (policy->n_files == 0)
		return lamina_error_set(error, -EINVAL, "there is no policy to compile");
	err = lamina_automaton_build(&a, policy, error);
	if (err < 0)
		return err;
	err = finish(&a, ret, error);
	lamina_automaton_done(&a);
	return err;
}

void lamina_compiled_done(struct lamina_compiled *compiled)
{
	free(compiled->words);
	*compiled = (struct lamina_compiled){0};
}

bool lamina_policy_is_compiled(const void *bytes, size_t size)
{
	uint32_t magic;

	if (size < sizeof(magic))
		return false;
	memcpy(&magic, bytes, sizeof(magic));
	return magic == LAMINA_POLICY_MAGIC;
}

void lamina_compiled_rule(const struct lamina_compiled *compiled, unsigned int number,
			  struct lamina_compiled_rule *ret)
{
	const uint32_t *rule = compiled->words + compiled->words[LAMINA_POLICY_AT_RULES] +
			       (size_t)number * LAMINA_POLICY_RULE_WORDS;
	uint32_t length = rule[0] & 0xff;

	*ret = (struct lamina_compiled_rule){
		.line = rule[1],
		.column = rule[2],
		.verdict = rule[3] & 0xffff,
		.kind = (enum lamina_rule_kind)(rule[3] >> 16),
	};
	for (uint32_t i = 0; i < length; i++)
		ret->file[i] = (char)(compiled->words[(rule[0] >> 8) + i / 4] >> i % 4 * 8);
}

unsigned int lamina_compiled_decide(const struct lamina_compiled *compiled, const char *path,
				    unsigned int access)
{
	const struct lamina_policy_table table = lamina_compiled_table(compiled);
	unsigned int state = lamina_policy_root(&table);

	for (;;) {
		size_t length;

		path += strspn(path, "/");
		length = strcspn(path, "/");
		if (length == 0)
			return lamina_policy_verdict(&table, state, access);
		state = lamina_policy_step(&table, state, path, (unsigned int)length);
		path += length;
	}
}
