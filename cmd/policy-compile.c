// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * lamina policy check, lamina policy compile.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "policy.h"

static int print_size(const struct policy_input *input, bool json)
{
	const uint32_t *words = input->compiled.words;
	struct json_object *all;

	if (!json) {
		policy_print_size(input);
		return EXIT_SUCCESS;
	}
	all = json_object_new_object();
	json_object_object_add(all, "rules",
			       json_object_new_int((int)words[LAMINA_POLICY_AT_N_RULES]));
	json_object_object_add(all, "states",
			       json_object_new_int((int)words[LAMINA_POLICY_AT_N_STATES]));
	json_object_object_add(all, "bytes", json_object_new_int((int)input->compiled.n * 4));
	return json_print(all);
}

static int check(const struct command *command, int argc, char **argv)
{
	struct lamina_error error = {""};
	struct policy_input input;
	bool json = false;
	int status;

	while (command_next(command, argc, argv) == 'j')
		json = true;
	if (optind == argc)
		return command_misused(command);
	if (policy_input_read(&input, argv + optind, (size_t)(argc - optind), false, &error) < 0)
		return policy_failure(&error);
	status = print_size(&input, json);
	policy_input_done(&input);
	return status;
}

static const struct command_option check_options[] = {
	{"json", 'j', NULL, "print JSON"},
	{0},
};

const struct command policy_check = {
	.name = "policy check",
	.arguments = "[--json] FILE...",
	.help = "Whether the files make a policy, and how large it is.",
	.options = check_options,
	.text = POLICY_FILES,
	.example = "lamina policy check policy.json",
	.run = check,
};

/* Write beside @path and put it in place: who reads it finds the old policy or the new one. */
static errint_t replace_file(const char *path, const void *bytes, size_t size)
{
	_cleanup_free_ char *temporary = NULL;
	_cleanup_fd_ int fd = -1;
	errint_t err;

	if (asprintf(&temporary, "%s.XXXXXX", path) < 0)
		return -ENOMEM;
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = lamina_fd_write_all(fd, bytes, size);
	if (err == 0 && (fchmod(fd, 0644) < 0 || rename(temporary, path) < 0))
		err = -errno;
	if (err < 0)
		unlink(temporary);
	return err;
}

errint_t policy_write_file(const char *path, const void *bytes, size_t size)
{
	struct stat st;

	if (!strcmp(path, "-"))
		return lamina_fd_write_all(STDOUT_FILENO, bytes, size);
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
		_cleanup_fd_ int fd = open(path, O_WRONLY | O_CLOEXEC);

		return fd < 0 ? -errno : lamina_fd_write_all(fd, bytes, size);
	}
	return replace_file(path, bytes, size);
}

static int compile(const struct command *command, int argc, char **argv)
{
	struct lamina_error error = {""};
	struct policy_input input;
	const char *output = NULL;
	bool dry = false;
	errint_t err;
	int option;

	while ((option = command_next(command, argc, argv)) >= 0) {
		if (option == 'o')
			output = optarg;
		else
			dry = true;
	}
	if (!output || optind == argc)
		return command_misused(command);
	if (policy_input_read(&input, argv + optind, (size_t)(argc - optind), dry, &error) < 0)
		return policy_failure(&error);
	err = policy_write_file(output, input.compiled.words, (size_t)input.compiled.n * 4);
	policy_input_done(&input);
	if (err < 0) {
		lamina_error_set(&error, err, "cannot write '%s'", output);
		return policy_failure(&error);
	}
	return EXIT_SUCCESS;
}

static const struct command_option compile_options[] = {
	{"output", 'o', "OUT", "the file to write, in one step; -: standard output"},
	{"dry-run", 'n', NULL, "log only, whatever the files say"},
	{0},
};

const struct command policy_compile = {
	.name = "policy compile",
	.arguments = "[--dry-run] FILE... -o OUT",
	.help = "Write the compiled policy.",
	.options = compile_options,
	.text = POLICY_FILES,
	.example = "lamina policy compile policy.json -o policy.bin",
	.run = compile,
};
