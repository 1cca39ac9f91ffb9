// SPDX-License-Identifier: GPL-2.0-or-later
#include "complain.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"

#define PROGRAM "lamina-hook"

/* As large as a command line can be of which we need the beginning. */
#define COMMAND_SIZE 65536

static bool is_null(int fd)
{
	struct stat st;

	return fstat(fd, &st) < 0 || (S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3));
}

static void append(const char *path, const struct lamina_text *text)
{
	/* A pipe that is not read is not waited for: whoever reads a log sees that the hook has failed. */
	_cleanup_fd_ int fd = open(path, O_WRONLY | O_APPEND | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	if (fd < 0 || text->broken)
		return;
	if (write(fd, text->bytes, text->n) < 0)
		return; /* there is nobody left to tell */
}

/* The value of option @name in a command line of @size bytes, words with a NUL each; or NULL. */
static const char *option(const char *command, size_t size, const char *name)
{
	size_t n = strlen(name);

	for (const char *at = command; at < command + size; at += strlen(at) + 1) {
		if (strncmp(at, name, n) != 0)
			continue;
		if (at[n] == '=')
			return at + n + 1;
		if (!at[n] && at + n + 1 < command + size)
			return at + n + 1;
	}
	return NULL;
}

static size_t read_command(char *command)
{
	_cleanup_fd_ int fd = -1;
	char path[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", getppid());
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, command, COMMAND_SIZE - 1);
	command[n > 0 ? n : 0] = '\0';
	return n > 0 ? (size_t)n : 0;
}

static void tell_log(const char *text)
{
	_cleanup_text_ struct lamina_text message = {0}, line = {0};
	static char command[COMMAND_SIZE];
	size_t size = read_command(command);
	const char *log = option(command, size, "--log");
	const char *format = option(command, size, "--log-format");
	char stamp[64] = "";
	time_t now = time(NULL);
	struct tm utc;

	if (!log || !format || strcmp(format, "json") != 0)
		return;
	strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
	lamina_text_print(&message, PROGRAM ": %s", text);
	lamina_text_print(&line, "{\"msg\":");
	lamina_text_json(&line, message.bytes ? message.bytes : text);
	lamina_text_print(&line, ",\"level\":\"error\",\"time\":\"%s\"}\n", stamp);
	append(log, &line);
}

static void tell_runtime(const char *text)
{
	_cleanup_text_ struct lamina_text line = {0};
	char path[64];

	lamina_text_print(&line, PROGRAM ": %s\n", text);
	snprintf(path, sizeof(path), "/proc/%d/fd/2", getppid());
	append(path, &line);
	tell_log(text);
}

void hook_complain(const char *text)
{
	if (is_null(STDERR_FILENO))
		tell_runtime(text);
	else
		fprintf(stderr, PROGRAM ": %s\n", text);
}
