// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * lamina policy explain: the verdicts about one path, and the rules that gave them.
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/nearest.h"
#include "policy.h"
#include "table.h"

/* What is made of each verdict: a row for people, or an object. */
struct explained {
	const struct policy_input *input;
	struct table table;
	struct json_object *json; /* NULL: for people */
};

static const char *verdict_word(unsigned int verdict)
{
	switch (lamina_verdict_action(verdict)) {
	case LAMINA_ACTION_ALLOW:
		return "allowed";
	case LAMINA_ACTION_LOG:
		return "logged";
	case LAMINA_ACTION_DRY:
		return "would be refused";
	case LAMINA_ACTION_HIDE:
		return "hidden";
	default:
		return "refused";
	}
}

static void add_verdict(struct explained *e, const char *path, unsigned int access)
{
	unsigned int verdict = lamina_compiled_decide(&e->input->compiled, path, access);
	unsigned int rule = lamina_verdict_rule(verdict);
	const char *number = policy_verdict_errno(verdict);
	struct json_object *object;

	if (!e->json) {
		table_add(&e->table, lamina_access_name(access));
		table_add(&e->table, verdict_word(verdict));
		table_add(&e->table, number);
		policy_rule_cells(e->input, rule, &e->table);
		policy_source_cells(e->input, rule, &e->table);
		return;
	}
	object = policy_rule_json(e->input, rule);
	/* The access asked about, not those of the rule. */
	json_add_string(object, "access", lamina_access_name(access));
	json_add_string(object, "verdict", verdict_word(verdict));
	json_add_string(object, "errno", number);
	json_object_array_add(e->json, object);
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

/* Explain what was asked for; whether it is refused. */
static bool explain(struct explained *e, const char *path, unsigned int access)
{
	const struct lamina_compiled *compiled = &e->input->compiled;
	bool hidden =
		lamina_verdict_refuses(lamina_compiled_decide(compiled, path, LAMINA_ACCESS_SEE));

	if (access < LAMINA_POLICY_BITS) {
		add_verdict(e, path, access);
		return lamina_verdict_refuses(lamina_compiled_decide(compiled, path, access));
	}
	add_verdict(e, path, LAMINA_ACCESS_SEE);
	for (access = LAMINA_ACCESS_SEE + 1; !hidden && access < LAMINA_POLICY_BITS; access++)
		add_verdict(e, path, access);
	return hidden;
}

/* Print it. Returns the exit status. */
static int print(const struct policy_input *input, const char *path, unsigned int access, bool json)
{
	static const char *const columns[] = {
		"access", "verdict", "errno", POLICY_RULE_COLUMNS, POLICY_SOURCE_COLUMNS, NULL,
	};
	struct explained e = {
		.input = input,
		.table = {.columns = columns},
		.json = json ? json_object_new_array() : NULL,
	};
	bool refused = explain(&e, path, access);
	int status = json ? json_print(e.json) : table_end(&e.table);

	return status == EXIT_SUCCESS && refused ? POLICY_REFUSED : status;
}

static errint_t find_access(const char *word, unsigned int *ret, struct lamina_error *error)
{
	struct lamina_nearest nearest;
	char hint[80];

	*ret = lamina_access_find(word);
	if (*ret < LAMINA_POLICY_BITS)
		return 0;
	lamina_nearest_begin(&nearest, word);
	for (unsigned int access = LAMINA_ACCESS_SEE + 1; access < LAMINA_POLICY_BITS; access++)
		lamina_nearest_try(&nearest, lamina_access_name(access));
	return lamina_error_say(error, -EINVAL, "unknown access '%.80s'%s", word,
				lamina_nearest_hint(&nearest, "", hint, sizeof(hint)));
}

/* PATH [ACCESS], of the policy of @names. */
static int explain_words(char **names, size_t n, int argc, char **argv, bool dry, bool json)
{
	unsigned int access = LAMINA_POLICY_BITS;
	struct lamina_error error = {""};
	struct policy_input input;
	errint_t found;
	int status;

	if (!path_is_plain(argv[0])) {
		lamina_error_set(&error, 0, "'%s' is not an absolute path without '.' and '..'",
				 argv[0]);
		return policy_failure(&error);
	}
	if (argc == 2 && find_access(argv[1], &access, &error) < 0)
		return policy_failure(&error);
	found = policy_input_any(&input, names, n, dry, &error);
	if (found < 0)
		return policy_failure(&error);
	if (found == 0) {
		puts(json ? "null" : "no policy");
		return EXIT_SUCCESS;
	}
	status = print(&input, argv[0], access, json);
	policy_input_done(&input);
	return status;
}

static int explain_command(const struct command *command, int argc, char **argv)
{
	char *names[LAMINA_POLICY_MAX_FILES + 1];
	bool dry = false, json = false;
	size_t n = 0;
	int option;

	while ((option = command_next(command, argc, argv)) >= 0) {
		dry |= option == 'n';
		json |= option == 'j';
		if (option == 'p' && n == sizeof(names) / sizeof(names[0]))
			return command_misused(command);
		if (option == 'p')
			names[n++] = optarg;
	}
	/* The first word is what is asked, unless options have named it. */
	if (n == 0 && optind < argc)
		names[n++] = argv[optind++];
	if (argc - optind < 1 || argc - optind > 2)
		return command_misused(command);
	return explain_words(names, n, argc - optind, argv + optind, dry, json);
}

static const struct command_option options[] = {
	{"policy", 'p', "FILE",
	 "ask this file, instead of the first word; may be given more than once"},
	{"dry-run", 'n', NULL, "log only, whatever the files say"},
	{"json", 'j', NULL, "print JSON"},
	{0},
};

const struct command policy_explain = {
	.name = "policy explain",
	.arguments = "[OPTION...] FILE|CONTAINER|MOUNTPOINT PATH [ACCESS]",
	.help = "What a policy says about a path, and which rule: of a file, or the one in force.",
	.options = options,
	.text = POLICY_FILES POLICY_MOUNTS
	"ACCESS is one of read_file, write_file, execute, read_dir, make_*, remove_*, truncate,\n"
	"refer, chmod, chown, xattr (default: all).\n"
	"exit status: 3 the access is refused or, without one, the path is hidden\n",
	.example = "lamina policy explain policy.json /etc/shadow read_file\n"
		   "lamina policy explain web /etc",
	.run = explain_command,
};
