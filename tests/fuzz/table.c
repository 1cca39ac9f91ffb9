// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * libFuzzer target: compiled policies of unknown origin. What the loader accepts never leads out of
 * itself: each step ends in a state, each state has a verdict.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policy/compile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void walk(const struct lamina_compiled *compiled, const char *name, unsigned int length)
{
	/* Exactly the table, so that a sanitizer sees what lies beyond. */
	const struct lamina_policy_table table = lamina_compiled_table(compiled);
	unsigned int n = compiled->words[LAMINA_POLICY_AT_N_STATES];
	unsigned int rules = compiled->words[LAMINA_POLICY_AT_N_RULES];

	for (unsigned int state = 0; state < n && state < 64; state++) {
		unsigned int next = lamina_policy_step(&table, state, name, length);

		if (next >= n)
			abort();
		for (unsigned int access = 0; access < LAMINA_POLICY_BITS; access++) {
			unsigned int verdict = lamina_policy_verdict(&table, next, access);

			if (lamina_verdict_action(verdict) < LAMINA_ACTION_ALLOW ||
			    lamina_verdict_action(verdict) > LAMINA_ACTION_HIDE ||
			    lamina_verdict_rule(verdict) >= rules)
				abort();
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = {
		"a", "etc", "shadow", ".env", "name.conf", "a-name-of-some-length", "\xff\xfe"};
	struct lamina_error error = {""};
	struct lamina_compiled compiled;
	uint32_t *words = malloc(size + 4);

	if (!words)
		return 0;
	size -= size % 4;
	memcpy(words, data, size);
	if (size > 4 * LAMINA_POLICY_AT_WORDS)
		words[LAMINA_POLICY_AT_WORDS] =
			(uint32_t)(size / 4); /* else few would get further */
	if (lamina_policy_load(words, size, &compiled, &error) == 0) {
		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
			walk(&compiled, names[i], (unsigned int)strlen(names[i]));
		for (unsigned int i = 0; i < compiled.words[LAMINA_POLICY_AT_N_RULES]; i++) {
			struct lamina_compiled_rule rule;

			lamina_compiled_rule(&compiled, i, &rule);
		}
		lamina_compiled_done(&compiled);
	}
	free(words);
	return 0;
}
