// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * changes WHAT ARGUMENT...: changes something many times and prints the nanoseconds that the processor
 * worked for one change. What has to be there beforehand is made before the clock starts. There is one
 * processor, so what others do for it (a server, the journal) counts as well.
 */
#include <err.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096

static char buffer[128 << 10];

/*
 * How long the processor has worked. What it waited for a disk is not in it: that differs twofold from
 * one time to the next, and says more of the machine than of who makes it wait.
 */
static double worked(void)
{
	static const struct timespec moment = {.tv_nsec = 1};
	FILE *file;
	double ns;

	/* What runs is added when it is left. */
	nanosleep(&moment, NULL);
	file = fopen("/proc/schedstat", "re");
	if (!file || fscanf(file,
			    "version %*d timestamp %*d "
			    "cpu0 %*d %*d %*d %*d %*d %*d %lf",
			    &ns) != 1)
		err(1, "/proc/schedstat");
	fclose(file);
	return ns;
}

static void must(int ret, const char *what)
{
	if (ret < 0)
		err(1, "%s", what);
}

static void write_all(int fd, size_t n, off_t at)
{
	if (pwrite(fd, buffer, n, at) != (ssize_t)n)
		err(1, "write");
}

static void create(const char *name)
{
	int fd = open(name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644);

	must(fd, name);
	close(fd);
}

static void make_dir(const char *name)
{
	must(mkdir(name, 0755), name);
}

static void remove_file(const char *name)
{
	must(unlink(name), name);
}

static void move(const char *name)
{
	char to[64];

	snprintf(to, sizeof(to), "%s-moved", name);
	must(rename(name, to), name);
}

static void append(const char *name)
{
	int fd = open(name, O_WRONLY | O_APPEND | O_CLOEXEC);

	must(fd, name);
	if (write(fd, "x", 1) != 1)
		err(1, "%s", name);
	close(fd);
}

static void each(int n, void (*act)(const char *name))
{
	char name[32];

	for (int i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		act(name);
	}
}

/* DIR N: names "n0" and on, in a directory that is in the upper already. */
static double time_names(char **argv, void (*before)(const char *), void (*act)(const char *))
{
	int n = atoi(argv[1]);
	double start;

	must(chdir(argv[0]), argv[0]);
	must(chmod(".", 0755), ".");
	if (before)
		each(n, before);
	start = worked();
	each(n, act);
	return (worked() - start) / n;
}

static double time_writes(const char *path)
{
	int fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0644), n = 5000;
	double start;

	must(fd, path);
	for (off_t at = 0; at < 1024; at++)
		write_all(fd, PAGE, at * PAGE);
	start = worked();
	for (int i = 0; i < n; i++)
		write_all(fd, PAGE, i * 617L % 1024 * PAGE);
	return (worked() - start) / n;
}

static double time_fsync(const char *path)
{
	int fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0644), n = 1000;
	double start;

	must(fd, path);
	start = worked();
	for (int i = 0; i < n; i++) {
		write_all(fd, PAGE, (off_t)i * PAGE);
		must(fsync(fd), path);
	}
	return (worked() - start) / n;
}

static double time_stream(const char *path)
{
	int fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0644), n = 256;
	double start;

	must(fd, path);
	start = worked();
	for (int i = 0; i < n; i++)
		write_all(fd, sizeof(buffer), (off_t)i * (off_t)sizeof(buffer));
	return (worked() - start) / n;
}

static double time_append(const char *path)
{
	double start = worked();

	append(path);
	return worked() - start;
}

static double time_program(char **argv)
{
	double start = worked();
	int status;
	pid_t pid;

	if (posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ) ||
	    waitpid(pid, &status, 0) < 0 || status)
		errx(1, "%s failed", argv[0]);
	return worked() - start;
}

static double measure(const char *what, char **argv)
{
	if (!strcmp(what, "create"))
		return time_names(argv, NULL, create);
	if (!strcmp(what, "unlink"))
		return time_names(argv, create, remove_file);
	if (!strcmp(what, "rename"))
		return time_names(argv, create, move);
	if (!strcmp(what, "mkdir"))
		return time_names(argv, NULL, make_dir);
	if (!strcmp(what, "copy-up"))
		return time_names(argv, NULL, append);
	if (!strcmp(what, "append"))
		return time_append(argv[0]);
	if (!strcmp(what, "write"))
		return time_writes(argv[0]);
	if (!strcmp(what, "fsync"))
		return time_fsync(argv[0]);
	if (!strcmp(what, "stream"))
		return time_stream(argv[0]);
	if (!strcmp(what, "run"))
		return time_program(argv);
	errx(2, "what is '%s'?", what);
}

int main(int argc, char **argv)
{
	if (argc < 3)
		errx(2, "usage: changes WHAT ARGUMENT...");
	printf("%.0f\n", measure(argv[1], argv + 2));
	return 0;
}
