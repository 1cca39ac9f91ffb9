// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * lamina: the control command. Its commands are in files of their own; this one only finds them.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/calls.h"
#include "base/fd.h"
#include "base/output.h"
#include "commands.h"
#include "version.h"

static const struct command *const subs[] = {
	&command_features, &command_mount,  &command_ps, &command_filter,
	&command_trace,	   &command_policy, NULL,
};

static const struct command_option options[] = {
	{"version", 'V', NULL, "print the version"},
	{0},
};

static const struct command lamina = {
	.name = "",
	.arguments = "COMMAND [ARGUMENT...]",
	.help = "Look at what Lamina has mounted, and change it.",
	.options = options,
	.text = "lamina help COMMAND [COMMAND] says how one is used.\n",
	.example = "lamina features\nlamina help policy explain",
	.subs = subs,
};

/* For the completion of shells: the words that may follow @command, one a line. */
static void print_words(const struct command *command)
{
	for (const struct command *const *sub = command->subs; sub && *sub; sub++) {
		const char *space = strrchr((*sub)->name, ' ');

		puts(space ? space + 1 : (*sub)->name);
	}
	for (const struct command_option *o = command->options; o && o->name; o++)
		printf("--%s\n", o->name);
	puts("--help");
}

/* As print_words(), of the command that @words name as far as they do. */
static int complete(char **words)
{
	const struct command *command = &lamina;

	for (; *words; words++) {
		const struct command *found = NULL;

		for (const struct command *const *sub = command->subs; sub && *sub; sub++) {
			const char *space = strrchr((*sub)->name, ' ');

			if (!strcmp(space ? space + 1 : (*sub)->name, *words))
				found = *sub;
		}
		if (found)
			command = found;
	}
	print_words(command);
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	const char *word = argc > 1 ? argv[1] : "";

	lamina_fd_open_standard();
	lamina_output_check_at_exit("lamina");
	lamina_calls_probe();
	signal(SIGCHLD, SIG_DFL); /* a caller that ignores it would hide how children end */
	if (!strcmp(word, "--version") || !strcmp(word, "-V")) {
		printf("lamina: version " LAMINA_VERSION "\n");
		return EXIT_SUCCESS;
	}
	if (!strcmp(word, "--complete"))
		return complete(argv + 2);
	return command_run_sub(&lamina, argc, argv);
}
