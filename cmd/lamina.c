// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * lamina: the control command. Its sub-commands are in files of their own; this one only finds them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/calls.h"
#include "commands.h"
#include "version.h"

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
} commands[] = {
	{"features", command_features, "which engines work here, and why the others do not"},
	{"mount", command_mount, "mount layers read-only, by the kernel alone"},
	{"ps", command_ps, "what is mounted, of which layers, and what happened there"},
	{"filter", command_filter, "load, list, show and remove filters of the bpf engine"},
	{"trace", command_trace, "print the operations on a view"},
	{"policy", command_policy, "check, compile and explain policies"},
};

#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void print_help(FILE *to)
{
	fprintf(to, "usage: lamina COMMAND [ARGUMENT...]\n\ncommands:\n");
	for (size_t i = 0; i < N_COMMANDS; i++)
		fprintf(to, "  %-12s %s\n", commands[i].name, commands[i].help);
	fprintf(to, "\n  --help, --version\n");
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "--help";

	lamina_calls_probe();
	if (!strcmp(name, "--help") || !strcmp(name, "-h")) {
		print_help(stdout);
		return EXIT_SUCCESS;
	}
	if (!strcmp(name, "--version") || !strcmp(name, "-V")) {
		printf("lamina: version " LAMINA_VERSION "\n");
		return EXIT_SUCCESS;
	}
	for (size_t i = 0; i < N_COMMANDS; i++)
		if (!strcmp(name, commands[i].name))
			return commands[i].run(argc - 1, argv + 1);
	fprintf(stderr, "lamina: unknown command '%s'; see lamina --help\n", name);
	return EXIT_FAILURE;
}
