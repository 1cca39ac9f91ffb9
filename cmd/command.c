// SPDX-License-Identifier: GPL-2.0-or-later
#include "command.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "base/nearest.h"

#define MAX_OPTIONS 16

/* Keys of options that have no letter are beyond all letters. */
#define KEY_HELP 0x10000

/* ---- help ---- */

static void print_option(FILE *to, const struct command_option *option)
{
	char words[64];

	snprintf(words, sizeof(words), "%s%c%s--%s%s%s", option->key < 0x80 ? "-" : " ",
		 option->key < 0x80 ? option->key : ' ', option->key < 0x80 ? ", " : "  ",
		 option->name, option->argument ? " " : "",
		 option->argument ? option->argument : "");
	fprintf(to, "  %-24s %s\n", words, option->help);
}

static const char *last_word(const char *name)
{
	const char *space = strrchr(name, ' ');

	return space ? space + 1 : name;
}

static void print_example(FILE *to, const char *at)
{
	fprintf(to, "\nexample:\n");
	while (*at) {
		size_t n = strcspn(at, "\n");

		fprintf(to, "  %.*s\n", (int)n, at);
		at += n + (at[n] == '\n');
	}
}

static void print_usage(const struct command *command, FILE *to)
{
	fprintf(to, "usage: lamina%s%s %s\n", *command->name ? " " : "", command->name,
		command->arguments);
}

void command_help(const struct command *command, FILE *to)
{
	static const struct command_option help = {"help", 'h', NULL, "print this"};

	print_usage(command, to);
	fprintf(to, "\n%s\n", command->help);
	if (command->subs) {
		fprintf(to, "\ncommands:\n");
		for (const struct command *const *sub = command->subs; *sub; sub++)
			fprintf(to, "  %-10s %s\n", last_word((*sub)->name), (*sub)->help);
	}
	fprintf(to, "\noptions:\n");
	for (const struct command_option *o = command->options; o && o->name; o++)
		print_option(to, o);
	print_option(to, &help);
	if (command->text)
		fprintf(to, "\n%s", command->text);
	if (command->example)
		print_example(to, command->example);
}

/* ---- what is not understood ---- */

static void begin_complaint(const struct command *command)
{
	fprintf(stderr, "lamina%s%s: ", *command->name ? " " : "", command->name);
}

int command_misused(const struct command *command)
{
	print_usage(command, stderr);
	fprintf(stderr, "see lamina%s%s --help\n", *command->name ? " " : "", command->name);
	return COMMAND_MISUSED;
}

static void unknown_option(const struct command *command, const char *word)
{
	struct lamina_nearest nearest;
	char hint[80], name[64];

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(word, "="), word);
	lamina_nearest_begin(&nearest, name + strspn(name, "-"));
	for (const struct command_option *o = command->options; o && o->name; o++)
		lamina_nearest_try(&nearest, o->name);
	lamina_nearest_try(&nearest, "help");
	begin_complaint(command);
	fprintf(stderr, "unknown option '%s'%s\n", name,
		lamina_nearest_hint(&nearest, "--", hint, sizeof(hint)));
}

/* What getopt_long() did not like. */
__attribute__((noreturn)) static void end_misused(const struct command *command, int found,
						  char **argv)
{
	const char *word = argv[optind - 1];
	char letter[3] = {'-', (char)optopt, '\0'};

	if (found == ':') {
		begin_complaint(command);
		fprintf(stderr, "option '%s' needs an argument\n", word);
	} else if (optopt && word[0] == '-' && word[1] != '-') {
		unknown_option(command, letter);
	} else if (optopt) {
		begin_complaint(command);
		fprintf(stderr, "option '%.*s' takes no argument\n", (int)strcspn(word, "="), word);
	} else {
		unknown_option(command, word);
	}
	exit(command_misused(command));
}

/* ---- options ---- */

/* The table as getopt_long() wants it. */
static void translate(const struct command *command, const char *first, struct option *ret_words,
		      char *ret_letters)
{
	size_t n = 0;

	ret_letters += sprintf(ret_letters, "%s:h", first);
	for (const struct command_option *o = command->options; o && o->name && n < MAX_OPTIONS;
	     o++) {
		ret_words[n++] = (struct option){
			.name = o->name,
			.has_arg = o->argument ? required_argument : no_argument,
			.val = o->key,
		};
		if (o->key < 0x80)
			ret_letters += sprintf(ret_letters, "%c%s", o->key, o->argument ? ":" : "");
	}
	ret_words[n++] = (struct option){.name = "help", .val = KEY_HELP};
	ret_words[n] = (struct option){0};
}

static int next(const struct command *command, const char *first, int argc, char **argv)
{
	struct option words[MAX_OPTIONS + 2];
	char letters[2 * MAX_OPTIONS + 4];
	int found;

	translate(command, first, words, letters);
	opterr = 0;
	found = getopt_long(argc, argv, letters, words, NULL);
	if (found == KEY_HELP || found == 'h') {
		command_help(command, stdout);
		exit(EXIT_SUCCESS);
	}
	if (found == '?' || found == ':')
		end_misused(command, found, argv);
	return found;
}

int command_next(const struct command *command, int argc, char **argv)
{
	return next(command, "", argc, argv);
}

int command_next_before_words(const struct command *command, int argc, char **argv)
{
	return next(command, "+", argc, argv);
}

unsigned long command_seconds(const struct command *command, const char *text)
{
	unsigned long seconds;
	char *end;

	errno = 0;
	seconds = strtoul(text, &end, 10);
	if (errno == 0 && end != text && !*end && *text != '-' && seconds > 0 &&
	    seconds <= 1000000000)
		return seconds;
	begin_complaint(command);
	fprintf(stderr, "'%s' is no number of seconds\n", text);
	exit(command_misused(command));
}

/* ---- commands ---- */

static const struct command *find_sub(const struct command *command, const char *word)
{
	for (const struct command *const *sub = command->subs; sub && *sub; sub++)
		if (!strcmp(last_word((*sub)->name), word))
			return *sub;
	return NULL;
}

static int unknown_sub(const struct command *command, const char *word)
{
	struct lamina_nearest nearest;
	char hint[80];

	if (!*command->name && (!strcmp(word, "umount") || !strcmp(word, "unmount"))) {
		fprintf(stderr, "lamina: there is no command '%s': umount(8) does that\n", word);
		return COMMAND_MISUSED;
	}
	lamina_nearest_begin(&nearest, word);
	for (const struct command *const *sub = command->subs; sub && *sub; sub++)
		lamina_nearest_try(&nearest, last_word((*sub)->name));
	lamina_nearest_hint(&nearest, "", hint, sizeof(hint));
	fprintf(stderr, "lamina: unknown command '%s%s%s'%s%s lamina%s%s --help\n", command->name,
		*command->name ? " " : "", word, hint, *hint ? " See" : "; see",
		*command->name ? " " : "", command->name);
	return COMMAND_MISUSED;
}

/* "help", or "help COMMAND...": argv[0] is "help". */
static int help_on(const struct command *command, int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		const struct command *sub = find_sub(command, argv[i]);

		/* Help on help is what it prints by itself. */
		if (!strcmp(argv[i], "help") || !strcmp(argv[i], "--help") ||
		    !strcmp(argv[i], "-h"))
			break;
		if (!sub)
			return unknown_sub(command, argv[i]);
		command = sub;
	}
	command_help(command, stdout);
	return EXIT_SUCCESS;
}

int command_run_sub(const struct command *command, int argc, char **argv)
{
	const char *word = argc > 1 ? argv[1] : NULL;
	const struct command *sub;

	if (!word) {
		command_help(command, stderr);
		return COMMAND_MISUSED;
	}
	if (!strcmp(word, "--help") || !strcmp(word, "-h")) {
		command_help(command, stdout);
		return EXIT_SUCCESS;
	}
	if (!strcmp(word, "help"))
		return help_on(command, argc - 1, argv + 1);
	if (*word == '-') {
		unknown_option(command, word);
		return command_misused(command);
	}
	sub = find_sub(command, word);
	return sub ? sub->run(sub, argc - 1, argv + 1) : unknown_sub(command, word);
}
