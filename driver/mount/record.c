// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Records are lines "KEY VALUE", with line breaks and backslashes in values escaped. No locks: one
 * process at a time writes about a mount, and readers see one whole file or another.
 */
#include "mount/record.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/calls.h"
#include "base/cleanup.h"
#include "base/fd.h"
#include "base/limits.h"
#include "base/text.h"

/* In the first of these that can be made: /run is root's, and an ordinary user has his own. */
#define SYSTEM_DIR "/run"
#define USER_DIR   "XDG_RUNTIME_DIR"
#define SUB_DIR	   "lamina"

#define NAME_SIZE 32

static void name_of(dev_t dev, char name[NAME_SIZE])
{
	snprintf(name, NAME_SIZE, "%u:%u", major(dev), minor(dev));
}

static errint_t open_below(const char *base, bool make)
{
	_cleanup_fd_ int fd = base ? open(base, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
	struct stat st;
	int dir;

	if (fd < 0)
		return -ENOENT;
	if (make && mkdirat(fd, SUB_DIR, 0700) < 0 && errno != EEXIST)
		return -errno;
	dir = openat(fd, SUB_DIR, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	/* What others may write there is not what a mount program has written down. */
	if (fstat(dir, &st) < 0 || st.st_uid != geteuid() || st.st_mode & (S_IWGRP | S_IWOTH)) {
		close(dir);
		return -EPERM;
	}
	if (make && lamina_call_access(dir, ".", W_OK, AT_EACCESS) < 0) {
		close(dir);
		return -EACCES;
	}
	return dir;
}

/* Set once, before there are threads. */
static int held_dir = -1;

static errint_t find_dir(bool make)
{
	errint_t fd = open_below(SYSTEM_DIR, make);

	return fd < 0 ? open_below(getenv(USER_DIR), make) : fd;
}

static errint_t open_dir(bool make)
{
	return held_dir < 0 ? find_dir(make)
			    : lamina_fd_open_name(held_dir, ".", O_RDONLY | O_DIRECTORY);
}

void lamina_record_hold(void)
{
	held_dir = find_dir(true);
	if (held_dir >= 0)
		lamina_fd_clone_mount(&held_dir);
}

int lamina_record_held(void)
{
	return held_dir;
}

static void put_value(FILE *file, const char *key, const char *value)
{
	if (!value)
		return;
	fprintf(file, "%s ", key);
	for (; *value; value++) {
		if (*value == '\\' || *value == '\n')
			fprintf(file, "\\%03o", (unsigned int)*value);
		else
			putc(*value, file);
	}
	putc('\n', file);
}

static errint_t write_file(int fd, const struct lamina_record *r)
{
	FILE *file = fdopen(fd, "w");

	if (!file) {
		close(fd);
		return -ENOMEM;
	}
	put_value(file, "engine", r->engine);
	put_value(file, "target", r->target);
	put_value(file, "options", r->options);
	put_value(file, "why", r->why);
	fprintf(file, "server %d\nkeeper %d\nmntns %" PRIu64 "\n", (int)r->server, (int)r->keeper,
		r->mntns);
	return fclose(file) == 0 ? 0 : -errno;
}

errint_t lamina_record_write(dev_t dev, const struct lamina_record *record)
{
	_cleanup_fd_ int dir = open_dir(true);
	char name[NAME_SIZE], fresh[NAME_SIZE + 16];
	errint_t err;
	int fd;

	if (dir < 0)
		return dir;
	name_of(dev, name);
	snprintf(fresh, sizeof(fresh), "%s.%d", name, (int)getpid());
	fd = openat(dir, fresh, O_CREAT | O_TRUNC | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	err = write_file(fd, record);
	if (err == 0 && renameat(dir, fresh, dir, name) < 0)
		err = -errno;
	if (err < 0)
		unlinkat(dir, fresh, 0);
	return err;
}

/* One line, of which @line holds the key and @value what follows it. */
static errint_t take_line(struct lamina_record *r, const char *line, char *value)
{
	char **field = NULL;

	if (!strcmp(line, "server"))
		r->server = (pid_t)strtol(value, NULL, 10);
	else if (!strcmp(line, "keeper"))
		r->keeper = (pid_t)strtol(value, NULL, 10);
	else if (!strcmp(line, "mntns"))
		r->mntns = strtoull(value, NULL, 10);
	else if (!strcmp(line, "engine"))
		field = &r->engine;
	else if (!strcmp(line, "target"))
		field = &r->target;
	else if (!strcmp(line, "options"))
		field = &r->options;
	else if (!strcmp(line, "why"))
		field = &r->why;
	if (!field || *field)
		return 0;
	lamina_text_unescape(value);
	*field = strdup(value);
	return *field ? 0 : -ENOMEM;
}

errint_t lamina_record_parse(char *text, struct lamina_record *ret)
{
	struct lamina_record record = {0};
	errint_t err = 0;
	char *line;

	while (err == 0 && (line = strsep(&text, "\n"))) {
		char *value = strchr(line, ' ');

		if (!value)
			continue;
		*value++ = '\0';
		err = take_line(&record, line, value);
	}
	if (err < 0) {
		lamina_record_done(&record);
		return err;
	}
	*ret = record;
	return 0;
}

/* A record is a regular file of the user who owns the directory, of a bounded size. */
static errint_t read_text(int fd, const struct stat *dir, char **ret)
{
	_cleanup_free_ char *text = NULL;
	size_t used = 0;
	struct stat st;
	ssize_t n = 1;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_uid != dir->st_uid)
		return -EPERM;
	if (st.st_size > LAMINA_RECORD_MAX)
		return -EFBIG;
	text = malloc((size_t)st.st_size + 1);
	if (!text)
		return -ENOMEM;
	while (used < (size_t)st.st_size && n > 0) {
		n = read(fd, text + used, (size_t)st.st_size - used);
		if (n < 0)
			return -errno;
		used += (size_t)n;
	}
	text[used] = '\0';
	*ret = TAKE_PTR(text);
	return 0;
}

errint_t lamina_record_read(dev_t dev, struct lamina_record *ret)
{
	_cleanup_fd_ int dir = open_dir(false), fd = -1;
	_cleanup_free_ char *text = NULL;
	char name[NAME_SIZE];
	struct stat st;
	errint_t err;

	if (dir < 0)
		return dir;
	if (fstat(dir, &st) < 0)
		return -errno;
	name_of(dev, name);
	fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = read_text(fd, &st, &text);
	return err < 0 ? err : lamina_record_parse(text, ret);
}

void lamina_record_done(struct lamina_record *record)
{
	free(record->engine);
	free(record->target);
	free(record->options);
	free(record->why);
}

void lamina_record_remove(dev_t dev)
{
	_cleanup_fd_ int dir = open_dir(false);
	char name[NAME_SIZE];

	if (dir < 0)
		return;
	name_of(dev, name);
	unlinkat(dir, name, 0);
}

errint_t lamina_record_lock(void)
{
	_cleanup_fd_ int dir = open_dir(true);
	errint_t err;

	if (dir < 0)
		return dir;
	err = lamina_fd_lock(dir);
	return err < 0 ? err : TAKE_FD(dir);
}
