// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * How long a policy takes to compile, and how many decisions a second it gives: about the paths that
 * are written in it, each '*' made a name, and about as many that are not.
 *
 *   policyrate FILE...     each file is a policy by itself
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/limits.h"
#include "policy/compile.h"
#include "policy/file.h"

#define PATHS	4096
#define SECONDS 0.5

struct paths {
	char *text[PATHS];
	size_t n, components;
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void add_path(struct paths *paths, const char *pattern, const char *end)
{
	char *text = malloc(2 * strlen(pattern) + strlen(end) + 1), *at = text;

	if (!text)
		return;
	for (; *pattern; pattern++) {
		*at++ = *pattern == '*' ? 'x' : *pattern;
		paths->components += *pattern == '/';
	}
	strcpy(at, end);
	paths->text[paths->n++] = text;
}

static void make_paths(const struct lamina_policy *policy, struct paths *paths)
{
	size_t step = 1 + policy->n_patterns * 2 / PATHS;

	for (size_t i = 0; i < policy->n_patterns && paths->n + 2 <= PATHS; i += step) {
		add_path(paths, policy->patterns[i].text, "");
		add_path(paths, policy->patterns[i].text, "-not");
	}
}

/* Walk all paths until the time is over; print what one step takes. */
static void measure(const struct lamina_compiled *compiled, const struct paths *paths)
{
	double start = now(), seconds;
	size_t rounds = 0, refused = 0;

	do {
		for (size_t i = 0; i < paths->n; i++)
			refused += lamina_verdict_refuses(lamina_compiled_decide(
					   compiled, paths->text[i], LAMINA_ACCESS_READ_FILE)) != 0;
		rounds++;
		seconds = now() - start;
	} while (seconds < SECONDS);
	printf("%.1f million paths/s, %.0f ns a step (%zu paths, %zu %% refused)\n",
	       (double)(rounds * paths->n) / seconds / 1e6,
	       seconds * 1e9 / (double)(rounds * paths->components), paths->n,
	       refused * 100 / (rounds * paths->n));
}

static int try_file(const char *name)
{
	struct lamina_error error = {""};
	struct lamina_policy policy;
	struct lamina_compiled compiled = {0};
	struct paths paths = {.n = 0};
	_cleanup_free_ char *text = NULL;
	double start = now(), read;
	size_t size;
	errint_t err;

	lamina_policy_init(&policy);
	err = lamina_policy_read_bytes(name, LAMINA_POLICY_MAX_FILE, &text, &size);
	if (err < 0)
		lamina_error_set(&error, err, "cannot read '%s'", name);
	else
		err = lamina_policy_read_text(&policy, name, text, size, &error);
	read = now();
	if (err == 0)
		err = lamina_policy_compile(&policy, &compiled, &error);
	if (err < 0) {
		printf("%s\n", error.text);
	} else {
		printf("%s: %zu rules: read %.1f ms, compiled %.1f ms, %u states, %u bytes; ", name,
		       policy.n_rules, (read - start) * 1e3, (now() - read) * 1e3,
		       compiled.words[LAMINA_POLICY_AT_N_STATES], compiled.n * 4);
		make_paths(&policy, &paths);
		if (paths.n > 0)
			measure(&compiled, &paths);
		lamina_compiled_done(&compiled);
	}
	for (size_t i = 0; i < paths.n; i++)
		free(paths.text[i]);
	lamina_policy_done(&policy);
	return err < 0;
}

int main(int argc, char **argv)
{
	int failed = 0;

	for (int i = 1; i < argc; i++)
		failed |= try_file(argv[i]);
	return failed;
}
