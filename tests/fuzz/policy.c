// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * libFuzzer target: policies in JSON, through reader and compiler. What was compiled is a table that
 * the loader accepts, and that has a verdict about anything.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policy/compile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Paths that have something to do with the policy: its own patterns, taken as names. */
static void decide_all(const struct lamina_policy *policy, const struct lamina_compiled *compiled)
{
	for (size_t i = 0; i < policy->n_patterns; i++)
		for (unsigned int access = 0; access < LAMINA_POLICY_BITS; access++) {
			unsigned int verdict =
				lamina_compiled_decide(compiled, policy->patterns[i].text, access);

			if (lamina_verdict_action(verdict) < LAMINA_ACTION_ALLOW ||
			    lamina_verdict_rule(verdict) >= policy->n_rules)
				abort();
		}
}

static void compile(const struct lamina_policy *policy)
{
	struct lamina_compiled compiled, again;
	struct lamina_error error = {""};

	if (lamina_policy_compile(policy, &compiled, &error) < 0) {
		if (!error.text[0])
			abort();
		return;
	}
	if (lamina_policy_load(compiled.words, (size_t)compiled.n * 4, &again, &error) < 0)
		abort();
	decide_all(policy, &again);
	lamina_compiled_done(&compiled);
	lamina_compiled_done(&again);
}

/* A byte 0 ends one file and begins the next. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lamina_error error = {""};
	struct lamina_policy policy;
	errint_t err = 0;

	lamina_policy_init(&policy);
	while (size > 0 && err == 0) {
		const uint8_t *end = memchr(data, 0, size);
		size_t length = end ? (size_t)(end - data) : size;

		err = lamina_policy_read_text(&policy, "policy", (const char *)data, length,
					      &error);
		if (err < 0 && !error.text[0])
			abort();
		length += end ? 1 : 0;
		data += length;
		size -= length;
	}
	if (err == 0 && policy.n_files > 0)
		compile(&policy);
	lamina_policy_done(&policy);
	return 0;
}
