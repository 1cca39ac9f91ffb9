// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Compiled policies that are not what they should be: each word of one is changed, in turn, to what
 * could do harm. What is still accepted has to be safe to walk.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/limits.h"
#include "policy/compile.h"
#include "tap.h"

static const char text[] =
	"{\"maskedPaths\": [\"/etc/shadow\"], \"readonlyPaths\": [\"/usr\"], \"rules\": ["
	"{\"paths\": [\"/app/**/.env\", \"/app/*.c\"], \"action\": \"ERRNO\", \"errno\": "
	"\"EIO\"}]}";

static bool make(struct lamina_compiled *ret)
{
	struct lamina_error error = {""};
	struct lamina_policy policy;
	errint_t err;

	lamina_policy_init(&policy);
	err = lamina_policy_read_text(&policy, "a policy", text, sizeof(text) - 1, &error);
	if (err == 0)
		err = lamina_policy_compile(&policy, ret, &error);
	lamina_policy_done(&policy);
	return err == 0;
}

/* Whether every state leads to states, by names of all kinds, and has verdicts. */
static bool is_safe(const struct lamina_compiled *c)
{
	static const char *const names[] = {"app", "etc", "shadow", "x.c", ".env", "else"};
	const struct lamina_policy_table table = lamina_compiled_table(c);
	unsigned int n = c->words[LAMINA_POLICY_AT_N_STATES];

	for (unsigned int state = 0; state < n; state++)
		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
			unsigned int next = lamina_policy_step(&table, state, names[i],
							       (unsigned int)strlen(names[i]));
			unsigned int verdict = lamina_policy_verdict(&table, next, 0);

			if (next >= n || lamina_verdict_action(verdict) < LAMINA_ACTION_ALLOW)
				return false;
		}
	for (unsigned int i = 0; i < c->words[LAMINA_POLICY_AT_N_RULES]; i++) {
		struct lamina_compiled_rule rule;

		lamina_compiled_rule(c, i, &rule);
		if (!lamina_policy_errno_name(lamina_verdict_errno(rule.verdict)) &&
		    lamina_verdict_errno(rule.verdict))
			return false;
	}
	return true;
}

static void test_changed(const struct lamina_compiled *good)
{
	uint32_t *words = malloc((size_t)good->n * 4);
	unsigned int refused = 0, unsafe = 0;

	memcpy(words, good->words, (size_t)good->n * 4);
	for (uint32_t i = 0; i < good->n; i++) {
		const uint32_t values[] = {
			0,	    1,	     words[i] + 1, words[i] - 1, words[i] ^ 0x80000000,
			UINT32_MAX, good->n, good->n - 1,  0x7fffffff};
		uint32_t kept = words[i];

		for (size_t k = 0; k < sizeof(values) / sizeof(values[0]); k++) {
			struct lamina_compiled loaded;
			struct lamina_error error = {""};

			words[i] = values[k];
			if (lamina_policy_load(words, (size_t)good->n * 4, &loaded, &error) < 0) {
				refused++;
				continue;
			}
			unsafe += !is_safe(&loaded);
			lamina_compiled_done(&loaded);
		}
		words[i] = kept;
	}
	same_number(unsafe, 0, "each word changed: nothing unsafe is accepted");
	ok(refused > good->n, "and much is refused (%u)", refused);
	free(words);
}

static void test_sizes(const struct lamina_compiled *good)
{
	struct lamina_compiled loaded;
	struct lamina_error error = {""};
	unsigned int accepted = 0;

	for (size_t size = 0; size < (size_t)good->n * 4; size++)
		accepted += lamina_policy_load(good->words, size, &loaded, &error) == 0;
	same_number(accepted, 0, "nothing shorter is accepted");
	ok(lamina_policy_load(good->words, (size_t)LAMINA_POLICY_MAX_WORDS * 4 + 4, &loaded,
			      &error) == -EINVAL,
	   "nor anything larger than 16 MiB");
	ok(lamina_policy_is_compiled(good->words, 4) && !lamina_policy_is_compiled(text, 100),
	   "a compiled policy is known by its beginning");
}

/* A table that was never checked: still no access beyond it, and nothing is allowed. */
static void test_nothing(void)
{
	const struct lamina_policy_table none = {NULL, 0};
	unsigned int state = lamina_policy_step(&none, lamina_policy_root(&none), "name", 4);

	ok(lamina_verdict_refuses(lamina_policy_verdict(&none, state, LAMINA_ACCESS_SEE)),
	   "no table at all refuses");
}

int main(void)
{
	struct lamina_compiled good, loaded;
	struct lamina_compiled_rule rule;
	struct lamina_error error = {""};

	ok(make(&good), "a policy");
	ok(lamina_policy_load(good.words, (size_t)good.n * 4, &loaded, &error) == 0, "is loaded");
	ok(is_safe(&loaded), "and walked");
	lamina_compiled_rule(&loaded, 2, &rule);
	ok(!strcmp(rule.file, "a policy") && rule.line == 1 && rule.column > 1 &&
		   rule.kind == LAMINA_RULE_RULE,
	   "its rules tell where they stood");
	lamina_compiled_done(&loaded);
	test_changed(&good);
	test_sizes(&good);
	test_nothing();
	lamina_compiled_done(&good);
	return tap_done();
}
