// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/output.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *name;

static void check(void)
{
	bool failed = fflush(stdout) != 0;
	int error = errno;

	if (!failed && !ferror(stdout))
		return;
	if (!failed)
		fprintf(stderr, "%s: cannot write all of the output\n", name);
	else if (error != EPIPE)
		fprintf(stderr, "%s: cannot write all of the output: %s\n", name, strerror(error));
	_exit(EXIT_FAILURE);
}

void lamina_output_check_at_exit(const char *program)
{
	name = program;
	/* Most of what is printed is written once, then, and with it the cause of a failure is known. */
	if (!isatty(STDOUT_FILENO))
		(void)setvbuf(stdout, NULL, _IOFBF, 64 << 10);
	(void)atexit(check);
}

bool lamina_output_is_wanted(void)
{
	struct pollfd out = {.fd = STDOUT_FILENO};

	return !ferror(stdout) && (poll(&out, 1, 0) <= 0 || !(out.revents & POLLERR));
}
