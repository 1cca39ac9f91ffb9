// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Random policies and random paths: the compiled policy says what the plain matcher says, to the
 * rule's number. A failure prints the policy and its seed.
 *
 *   policy-random [--count POLICIES] [--seed FIRST]
 */
#include <errno.h>
#include <stdlib.h>

#include "policy/compile.h"
#include "random-policy.h"
#include "reference.h"
#include "tap.h"

#define PATHS 40 /* of each policy */

static void make_path(char *path, size_t size)
{
	static const char *const names[] = {
		"a",  "b",    "ab",  "ba", "a", "b", "aab", "bab",	"c",
		"zz", ".env", "x.c", "*",  "]", "-", "]x",  "\xc3\xa9",
	};
	unsigned int n = random_below(6);
	size_t used = 0;

	snprintf(path, size, "/");
	while (n-- > 0)
		used += (size_t)snprintf(path + used, size - used, "/%s", PICK(names));
}

struct totals {
	unsigned int policies, too_large, verdicts, refused, hidden;
};

/* Whether compiler and matcher agree on one path. */
static bool agree(const struct lamina_policy *policy, const struct lamina_compiled *compiled,
		  const char *path, struct totals *totals)
{
	for (unsigned int access = 0; access < LAMINA_POLICY_BITS; access++) {
		unsigned int expected = reference_decide(policy, path, access);
		unsigned int actual = lamina_compiled_decide(compiled, path, access);

		totals->verdicts++;
		totals->refused += (expected & 0xf) >= LAMINA_ACTION_ERRNO;
		totals->hidden += (expected & 0xf) == LAMINA_ACTION_HIDE;
		if (expected == actual)
			continue;
		printf("# %s of %s: expected %s %u by rule %u, got %s %u by rule %u\n",
		       lamina_access_name(access), path, lamina_action_name(expected & 0xf),
		       expected >> 4 & 0xfff, expected >> 16, lamina_action_name(actual & 0xf),
		       actual >> 4 & 0xfff, actual >> 16);
		return false;
	}
	return true;
}

static bool try_paths(const struct lamina_policy *policy, const struct lamina_compiled *compiled,
		      struct totals *totals)
{
	char path[256];

	for (unsigned int i = 0; i < PATHS; i++) {
		make_path(path, sizeof(path));
		if (!agree(policy, compiled, path, totals))
			return false;
	}
	return true;
}

/* Compile @policy and load the result again, as a mount does. */
static errint_t compile(const struct lamina_policy *policy, struct lamina_compiled *ret,
			struct lamina_error *error)
{
	struct lamina_compiled made;
	errint_t err = lamina_policy_compile(policy, &made, error);

	if (err < 0)
		return err;
	err = lamina_policy_load(made.words, (size_t)made.n * 4, ret, error);
	lamina_compiled_done(&made);
	return err == -E2BIG ? -EIO : err;
}

static bool try_policy(const struct lamina_policy *policy, struct totals *totals)
{
	struct lamina_error error = {""};
	struct lamina_compiled compiled;
	errint_t err = compile(policy, &compiled, &error);
	bool good;

	if (err < 0) {
		printf("# %s\n", error.text);
		totals->too_large += err == -E2BIG;
		return err == -E2BIG;
	}
	good = try_paths(policy, &compiled, totals);
	lamina_compiled_done(&compiled);
	return good;
}

static bool try_seed(uint64_t seed, struct totals *totals)
{
	static struct text files[3];
	struct lamina_error error = {""};
	struct lamina_policy policy;
	unsigned int n;
	bool good = true;

	random_seed(seed);
	n = 1 + random_below(3);
	lamina_policy_init(&policy);
	for (unsigned int i = 0; good && i < n; i++) {
		char name[16];

		snprintf(name, sizeof(name), "file-%u", i);
		make_file(&files[i]);
		good = lamina_policy_read_text(&policy, name, files[i].bytes, files[i].n, &error) ==
		       0;
	}
	if (!good)
		printf("# %s\n", error.text);
	good = good && try_policy(&policy, totals);
	totals->policies++;
	if (!good)
		printf("# seed %llu\n", (unsigned long long)seed);
	for (unsigned int i = 0; !good && i < n; i++)
		printf("# file-%u:\n%s", i, files[i].bytes);
	lamina_policy_done(&policy);
	return good;
}

int main(int argc, char **argv)
{
	unsigned long count = 1000, seed = 1, failures = 0;
	struct totals totals = {0};

	for (int i = 1; i + 1 < argc; i += 2) {
		if (!strcmp(argv[i], "--count"))
			count = strtoul(argv[i + 1], NULL, 10);
		else if (!strcmp(argv[i], "--seed"))
			seed = strtoul(argv[i + 1], NULL, 10);
	}
	for (unsigned long i = 0; i < count && failures == 0; i++)
		failures += !try_seed(seed + i, &totals);
	printf("# seeds from %lu: %u policies, %u too large, %u verdicts: %u refuse, of these %u "
	       "hide\n",
	       seed, totals.policies, totals.too_large, totals.verdicts, totals.refused,
	       totals.hidden);
	ok(failures == 0, "compiled policies decide as the plain matcher does");
	ok(totals.too_large * 50 <= totals.policies, "nearly all of them can be compiled");
	ok(count < 100 || (totals.refused > totals.verdicts / 20 && totals.hidden > 0),
	   "the policies refuse and hide");
	return tap_done();
}
