// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Giving a view its filters; `lamina filter load` is run for what is missing. No state.
 */
#include "view/filter.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "base/proc.h"
#include "guard/data.h"

/* ---- loading ---- */

/* The program `lamina` in the directory that this one was started from. */
static errint_t find_program(char program[PATH_MAX])
{
	_cleanup_fd_ int self = lamina_proc_open("self/exe", O_PATH);
	_cleanup_free_ char *path = NULL;
	errint_t err = self < 0 ? self : lamina_fd_where(self, &path);
	const char *slash;

	if (err < 0)
		return err;
	slash = strrchr(path, '/');
	if (!slash || (size_t)(slash - path) + sizeof("/lamina") > PATH_MAX)
		return -ENOENT;
	sprintf(program, "%.*s/lamina", (int)(slash - path), path);
	return 0;
}

static void __attribute__((__noreturn__)) run(const char *program, const char *name, int output)
{
	dup2(output, STDOUT_FILENO);
	dup2(output, STDERR_FILENO);
	execl(program, "lamina", "filter", "load", name, NULL);
	dprintf(STDERR_FILENO, "%s: %s\n", program, strerror(errno));
	_exit(127);
}

/* What was said first: one line, to its end. */
static void read_line(int fd, char *line, size_t size)
{
	size_t used = 0;
	ssize_t n;

	while (used < size - 1 && (n = read(fd, line + used, size - 1 - used)) > 0)
		used += (size_t)n;
	line[used] = '\0';
	line[strcspn(line, "\n")] = '\0';
}

static errint_t load(const char *name, struct lamina_error *error)
{
	char program[PATH_MAX], said[512];
	_cleanup_fd_ int ours = -1;
	int ends[2], status = 0;
	errint_t err = find_program(program);
	pid_t child;

	if (err == 0 && pipe2(ends, O_CLOEXEC) < 0)
		err = -errno;
	if (err < 0)
		return lamina_error_set(error, err, "cannot load the filter '%s'", name);
	ours = ends[0];
	child = fork();
	if (child == 0)
		run(program, name, ends[1]);
	err = child < 0 ? -errno : 0;
	close(ends[1]);
	if (err < 0)
		return lamina_error_set(error, err, "cannot load the filter '%s'", name);
	read_line(ours, said, sizeof(said));
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	return lamina_error_say(error, -EIO,
				"no filter '%s' is loaded, and '%s filter load %s' failed: %s",
				name, program, name, said[0] ? said : "it said nothing");
}

/* ---- */

/* Filters that mounts are given without being asked for. */
static bool is_ours(const struct lamina_view_filter *filter)
{
	return !strcmp(filter->name, LAMINA_VIEW_FILTER) ||
	       !strcmp(filter->name, LAMINA_POLICY_FILTER);
}

static errint_t add_or_load(view_add_filter add, int fd, const struct lamina_view_filter *filter,
			    struct lamina_error *error)
{
	struct lamina_error none = {""};
	errint_t loaded, err = add(fd, filter, error);

	if (err != -ENOENT)
		return err;
	if (!is_ours(filter))
		return lamina_error_say(error, err,
					"no filter '%s' is loaded; see 'lamina filter load'",
					filter->name);
	loaded = load(filter->name, error);
	/* Another mount may have been faster: what counts is that it is there. */
	err = add(fd, filter, loaded < 0 ? &none : error);
	if (err == 0)
		error->text[0] = '\0';
	return err < 0 && loaded < 0 ? loaded : err;
}

errint_t view_need_filter(view_add_filter add, int fd, const struct lamina_view_filter *filter,
			  struct lamina_error *error)
{
	errint_t err = add_or_load(add, fd, filter, error);

	if (err == 0 || !filter->optional)
		return err;
	error->text[0] = '\0';
	return 0;
}
