/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One table a command: its options, what the usage says, and what it runs. The usage, the man pages
 * (by a test) and the completion of shells go by it.
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>

/* The exit status for a wrong usage. */
#define COMMAND_MISUSED 2

/* An option; a key that is a letter or digit is its short form, too. */
struct command_option {
	const char *name; /* without dashes */
	int key;
	const char *argument; /* a word for it in the usage; NULL: there is none */
	const char *help;     /* with the default, where there is one */
};

struct command {
	const char *name;		      /* all words after the program's: "policy explain" */
	const char *arguments;		      /* "[OPTION...] FILE..." */
	const char *help;		      /* one line */
	const struct command_option *options; /* ends with an empty one; NULL: only --help */
	const char *text;		      /* what else there is to say; may be NULL */
	const char *example;		      /* one line or more */
	const struct command *const *subs;    /* ends with NULL */
	/* argv[0] is the command's own name. Returns the exit status. */
	int (*run)(const struct command *command, int argc, char **argv);
};

/*
 * The next option, as getopt() would: returns its key, with its argument in `optarg`, or -1 at the end,
 * with the first of the other words at `optind`. --help and what is not understood end the program.
 */
int command_next(const struct command *command, int argc, char **argv);

/* As above; options end at the first word that is none. */
int command_next_before_words(const struct command *command, int argc, char **argv);

/* Say that the words are not as they should be, and how they should. Returns the exit status. */
int command_misused(const struct command *command);

/* A number of seconds, from 1 on; or ends the program as above. */
unsigned long command_seconds(const struct command *command, const char *text);

/* Find the command of the first word among command->subs, and run it. */
int command_run_sub(const struct command *command, int argc, char **argv);

void command_help(const struct command *command, FILE *to);
