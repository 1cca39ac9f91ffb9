// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * tasks list WORD NAME...: the pids of processes with one of these names and WORD (a variable and its
 * value) in their environment. tasks gone SECONDS WORD NAME...: wait until there are none, so long at most.
 */
#include <dirent.h>
#include <err.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PAUSE_NS (10 * 1000 * 1000)

static char buffer[1 << 20];

/* Returns how many bytes of the file were read; a NUL follows. */
static size_t read_file(const char *pid, const char *name)
{
	char path[64];
	size_t used = 0;
	ssize_t n = 0;
	int fd;

	snprintf(path, sizeof(path), "/proc/%.20s/%s", pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	while (fd >= 0 && (n = read(fd, buffer + used, sizeof(buffer) - 1 - used)) > 0)
		used += (size_t)n;
	if (fd >= 0)
		close(fd);
	buffer[used] = '\0';
	return used;
}

static bool has_name(const char *pid, char **names)
{
	read_file(pid, "comm");
	buffer[strcspn(buffer, "\n")] = '\0';
	for (; *names; names++)
		if (!strcmp(*names, buffer))
			return true;
	return false;
}

static bool has_word(const char *pid, const char *word)
{
	size_t size = read_file(pid, "environ");

	for (const char *at = buffer; at < buffer + size; at += strlen(at) + 1)
		if (!strcmp(at, word))
			return true;
	return false;
}

/* Prints pids if @print; returns how many there are. */
static unsigned int look(const char *word, char **names, bool print)
{
	DIR *dir = opendir("/proc");
	unsigned int found = 0;
	struct dirent *d;

	if (!dir)
		err(2, "/proc");
	while ((d = readdir(dir))) {
		if (d->d_name[0] < '0' || d->d_name[0] > '9' || !has_name(d->d_name, names) ||
		    !has_word(d->d_name, word))
			continue;
		found++;
		if (print)
			puts(d->d_name);
	}
	closedir(dir);
	return found;
}

/* Wait until there are none; returns the exit status. */
static int wait_gone(long seconds, const char *word, char **names)
{
	const struct timespec pause = {.tv_nsec = PAUSE_NS};
	time_t end = time(NULL) + seconds;

	while (look(word, names, false)) {
		if (time(NULL) > end)
			return 1;
		nanosleep(&pause, NULL);
	}
	return 0;
}

int main(int argc, char **argv)
{
	if (argc >= 4 && !strcmp(argv[1], "list")) {
		look(argv[2], argv + 3, true);
		return 0;
	}
	if (argc >= 5 && !strcmp(argv[1], "gone"))
		return wait_gone(atol(argv[2]), argv[3], argv + 4);
	errx(2, "usage: tasks list WORD NAME... | gone SECONDS WORD NAME...");
}
