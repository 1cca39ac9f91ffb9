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

static void print_size(const struct policy_input *input)
{
	const uint32_t *words = input->compiled.words;

	printf("%u rules, %u states, %u bytes compiled\n", words[LAMINA_POLICY_AT_N_RULES],
	       words[LAMINA_POLICY_AT_N_STATES], input->compiled.n * 4);
}

int policy_check(int argc, char **argv)
{
	struct lamina_error error = {""};
	struct policy_input input;

	if (argc < 2 || (argv[1][0] == '-' && argv[1][1]))
		return policy_usage("check");
	if (policy_input_read(&input, argv + 1, (size_t)argc - 1, false, &error) < 0)
		return policy_failure(&error);
	print_size(&input);
	policy_input_done(&input);
	return EXIT_SUCCESS;
}

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

int policy_compile(int argc, char **argv)
{
	static const struct option options[] = {
		{"output", required_argument, NULL, 'o'},
		{"dry-run", no_argument, NULL, 'n'},
		{0},
	};
	struct lamina_error error = {""};
	struct policy_input input;
	const char *output = NULL;
	bool dry = false;
	errint_t err;
	int option;

	while ((option = getopt_long(argc, argv, "o:", options, NULL)) >= 0) {
		if (option == 'o')
			output = optarg;
		else if (option == 'n')
			dry = true;
		else
			return policy_usage("compile");
	}
	if (!output || optind == argc)
		return policy_usage("compile");
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
