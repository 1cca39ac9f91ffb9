// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * lamina policy explain: the verdicts about one path, and the rules that gave them.
 */
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "policy.h"

/* Of which file and line a verdict is, and what stands there. */
static void print_rule(const struct policy_input *input, unsigned int verdict)
{
	struct lamina_compiled_rule rule;

	lamina_compiled_rule(&input->compiled, lamina_verdict_rule(verdict), &rule);
	policy_print(rule.file);
	if (rule.line)
		printf(":%u: %s", rule.line, policy_kind_name(rule.kind));
	else
		printf(": no rule");
	if (lamina_verdict_rule(verdict) < input->policy.n_rules) {
		const struct lamina_policy_rule *source =
			&input->policy.rules[lamina_verdict_rule(verdict)];

		for (size_t i = source->first; i < source->first + source->n; i++) {
			printf(i == source->first ? " " : ", ");
			policy_print(input->policy.patterns[i].text);
		}
		if (source->comment) {
			printf(" (");
			policy_print(source->comment);
			putchar(')');
		}
	}
	putchar('\n');
}

static void print_verdict(const struct policy_input *input, const char *path, unsigned int access)
{
	unsigned int verdict = lamina_compiled_decide(&input->compiled, path, access);
	char text[64];

	policy_verdict_text(verdict, text, sizeof(text));
	printf("%-12s %-16s ", lamina_access_name(access), text);
	print_rule(input, verdict);
}

/* An absolute path without "." and "..", which only a walk could follow. */
static bool path_is_plain(const char *path)
{
	if (*path != '/' || strlen(path) >= PATH_MAX)
		return false;
	for (const char *at = path; *at;) {
		size_t length;

		at += strspn(at, "/");
		length = strcspn(at, "/");
		if ((length == 1 && at[0] == '.') ||
		    (length == 2 && at[0] == '.' && at[1] == '.') ||
		    length > LAMINA_POLICY_NAME_MAX)
			return false;
		at += length;
	}
	return true;
}

/* Print what was asked for; whether it is refused. */
static bool explain(const struct policy_input *input, const char *path, unsigned int access)
{
	unsigned int seen = lamina_compiled_decide(&input->compiled, path, LAMINA_ACCESS_SEE);
	bool refused = lamina_verdict_refuses(seen);

	if (access < LAMINA_POLICY_BITS) {
		print_verdict(input, path, access);
		return lamina_verdict_refuses(
			lamina_compiled_decide(&input->compiled, path, access));
	}
	print_verdict(input, path, LAMINA_ACCESS_SEE);
	for (access = LAMINA_ACCESS_SEE + 1; !refused && access < LAMINA_POLICY_BITS; access++)
		print_verdict(input, path, access);
	return refused;
}

int policy_explain(int argc, char **argv)
{
	static const struct option options[] = {
		{"policy", required_argument, NULL, 'p'},
		{"dry-run", no_argument, NULL, 'n'},
		{0},
	};
	unsigned int access = LAMINA_POLICY_BITS;
	struct lamina_error error = {""};
	struct policy_input input;
	char *files[LAMINA_POLICY_MAX_FILES + 1];
	bool dry = false, refused;
	size_t n = 0;
	int option;

	while ((option = getopt_long(argc, argv, "p:", options, NULL)) >= 0) {
		if (option == 'n')
			dry = true;
		else if (option == 'p' && n < sizeof(files) / sizeof(files[0]))
			files[n++] = optarg;
		else
			return policy_usage("explain");
	}
	if (n == 0 || argc - optind < 1 || argc - optind > 2)
		return policy_usage("explain");
	if (!path_is_plain(argv[optind])) {
		lamina_error_set(&error, 0, "'%s' is not an absolute path without '.' and '..'",
				 argv[optind]);
		return policy_failure(&error);
	}
	if (argc - optind == 2) {
		access = lamina_access_find(argv[optind + 1]);
		if (access == LAMINA_POLICY_BITS) {
			lamina_error_set(&error, 0, "unknown access '%s'", argv[optind + 1]);
			return policy_failure(&error);
		}
	}
	if (policy_input_read(&input, files, n, dry, &error) < 0)
		return policy_failure(&error);
	refused = explain(&input, argv[optind], access);
	policy_input_done(&input);
	return refused ? POLICY_REFUSED : EXIT_SUCCESS;
}
