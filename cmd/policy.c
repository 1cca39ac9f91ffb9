// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * lamina policy: look at policies, compile them, and put them in force. Its sub-commands are in cmd/policy-*.c.
 */
#include "policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *arguments, *help;
} commands[] = {
	{"check", policy_check, "FILE...", "whether the files make a policy, and how large it is"},
	{"compile", policy_compile, "[--dry-run] FILE... -o OUT", "write the compiled policy"},
	{"explain", policy_explain, "[--dry-run] --policy FILE [--policy FILE]... PATH [ACCESS]",
	 "what the policy says about a path, and which rule"},
	{"show", policy_show, "[--json] CONTAINER|MOUNTPOINT|FILE...",
	 "the rules in the order in which they are asked; without a FILE: those in force"},
	{"apply", policy_apply, "[--dry-run] CONTAINER|MOUNTPOINT FILE...",
	 "put the policy in force, in the place of the one that was applied before"},
	{"remove", policy_remove, "[--all] CONTAINER|MOUNTPOINT",
	 "take away the policy that was applied; --all: those of all containers"},
	{"learn", policy_learn,
	 "[--output OUT] [--seconds N] CONTAINER|MOUNTPOINT [-- COMMAND [ARGUMENT...]]",
	 "watch what is used, and write the policy that allows that"},
};

#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void print_help(FILE *to)
{
	fprintf(to, "usage: lamina policy COMMAND ARGUMENT...\n\ncommands:\n");
	for (size_t i = 0; i < N_COMMANDS; i++)
		fprintf(to, "  %s %s\n      %s\n", commands[i].name, commands[i].arguments,
			commands[i].help);
	fprintf(to, "\nFILE is a policy in JSON, a compiled one, or - for standard input; several "
		    "are put together.\nCONTAINER is its name or id, MOUNTPOINT the path of its "
		    "root file "
		    "system.\nACCESS is one of read_file, write_file, execute, read_dir, "
		    "make_*, remove_*,\ntruncate, refer, chmod, chown, xattr; without it: all.\n\n"
		    "exit status: 0 fine; 1 not a policy, or another error; 2 wrong usage;\n"
		    "explain: 3 the access is refused or, without one, the path is hidden\n");
}

int policy_usage(const char *name)
{
	for (size_t i = 0; i < N_COMMANDS; i++)
		if (!strcmp(commands[i].name, name))
			fprintf(stderr, "usage: lamina policy %s %s\n", name,
				commands[i].arguments);
	return POLICY_USAGE;
}

int policy_failure(const struct lamina_error *error)
{
	fprintf(stderr, "lamina: %s\n", error->text);
	return EXIT_FAILURE;
}

int command_policy(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";

	if (!strcmp(name, "--help") || !strcmp(name, "-h")) {
		print_help(stdout);
		return EXIT_SUCCESS;
	}
	for (size_t i = 0; i < N_COMMANDS; i++)
		if (!strcmp(name, commands[i].name))
			return commands[i].run(argc - 1, argv + 1);
	if (*name)
		fprintf(stderr, "lamina: unknown command 'policy %s'; see lamina policy --help\n",
			name);
	else
		print_help(stderr);
	return POLICY_USAGE;
}
