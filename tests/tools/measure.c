// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * measure WHAT DIR: do one kind of work below DIR and print how many seconds it took.
 */
#include <dirent.h>
#include <err.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define N_FILES	  20000
#define N_DIRS	  100
#define BIG_SIZE  (256 << 20)
#define STEP	  (1 << 20)
#define N_READS	  65536
#define READ_SIZE 4096
#define N_STATS	  500000
#define N_OPENS	  10000

static char buffer[STEP];

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int open_in(const char *dir, const char *name, int flags)
{
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, flags, 0644);
	if (fd < 0)
		err(1, "%s", path);
	return fd;
}

static int visit(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)path;
	(void)st;
	(void)type;
	(void)ftw;
	return 0;
}

/* Every name with its attributes, as find with a test on them. */
static double do_find(const char *dir)
{
	double start = now();

	if (nftw(dir, visit, 64, FTW_PHYS) != 0)
		err(1, "%s", dir);
	return now() - start;
}

static void file_name(char *name, size_t size, unsigned int i)
{
	snprintf(name, size, "%u/file-%u", i % N_DIRS, i);
}

static double do_mkdirs(const char *dir)
{
	char path[4096];

	for (unsigned int i = 0; i < N_DIRS; i++) {
		snprintf(path, sizeof(path), "%s/%u", dir, i);
		if (mkdir(path, 0755) < 0)
			err(1, "%s", path);
	}
	return 0;
}

static double do_create(const char *dir)
{
	double start;
	char name[64];

	do_mkdirs(dir);
	start = now();
	for (unsigned int i = 0; i < N_FILES; i++) {
		int fd;

		file_name(name, sizeof(name), i);
		fd = open_in(dir, name, O_CREAT | O_EXCL | O_WRONLY);
		if (write(fd, "hello, world", 12) != 12)
			err(1, "write %s", name);
		close(fd);
	}
	return now() - start;
}

static double do_delete(const char *dir)
{
	double start = now();
	char path[4096], name[64];

	for (unsigned int i = 0; i < N_FILES; i++) {
		file_name(name, sizeof(name), i);
		snprintf(path, sizeof(path), "%s/%s", dir, name);
		if (unlink(path) < 0)
			err(1, "%s", path);
	}
	return now() - start;
}

/* Half of the files that do_create() makes: a layer of small files to read. */
static double do_read_small(const char *dir)
{
	double start = now();
	char name[64];

	for (unsigned int i = 0; i < N_FILES / 2; i++) {
		int fd;

		file_name(name, sizeof(name), i);
		fd = open_in(dir, name, O_RDONLY);
		while (read(fd, buffer, sizeof(buffer)) > 0)
			;
		close(fd);
	}
	return now() - start;
}

/* Each of these files by its name, which nobody has listed before. */
static double do_look_up(const char *dir)
{
	double start = now();
	char path[4096], name[64];
	struct stat st;

	for (unsigned int i = 0; i < N_FILES; i++) {
		file_name(name, sizeof(name), i);
		snprintf(path, sizeof(path), "%s/%s", dir, name);
		if (lstat(path, &st) < 0)
			err(1, "%s", path);
	}
	return now() - start;
}

/* One of them, which the kernel knows. */
static double do_stat_one(const char *dir)
{
	double start = now();
	char path[4096], name[64];
	struct stat st;

	file_name(name, sizeof(name), 0);
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	for (unsigned int i = 0; i < N_STATS; i++)
		if (lstat(path, &st) < 0)
			err(1, "%s", path);
	return now() - start;
}

static double do_open_one(const char *dir)
{
	double start = now();
	char name[64];

	file_name(name, sizeof(name), 0);
	for (unsigned int i = 0; i < N_OPENS; i++)
		close(open_in(dir, name, O_RDONLY));
	return now() - start;
}

static double do_seq_write(const char *dir)
{
	int fd = open_in(dir, "written", O_CREAT | O_TRUNC | O_WRONLY);
	double start = now();

	memset(buffer, 'x', sizeof(buffer));
	for (size_t done = 0; done < BIG_SIZE; done += sizeof(buffer))
		if (write(fd, buffer, sizeof(buffer)) != sizeof(buffer))
			err(1, "write");
	close(fd);
	return now() - start;
}

static double do_seq_read(const char *dir)
{
	int fd = open_in(dir, "big", O_RDONLY);
	double start = now();

	while (read(fd, buffer, sizeof(buffer)) > 0)
		;
	close(fd);
	return now() - start;
}

static double do_random_read(const char *dir)
{
	int fd = open_in(dir, "big", O_RDONLY);
	unsigned long state = 1;
	double start = now();

	for (unsigned int i = 0; i < N_READS; i++) {
		off_t at;

		state = state * 6364136223846793005u + 1442695040888963407u;
		at = (off_t)((state >> 33) % (BIG_SIZE / READ_SIZE)) * READ_SIZE;
		if (pread(fd, buffer, READ_SIZE, at) != READ_SIZE)
			err(1, "read");
	}
	close(fd);
	return now() - start;
}

static double do_write_4k(const char *dir)
{
	int fd = open_in(dir, "written", O_CREAT | O_TRUNC | O_WRONLY);
	double start = now();

	for (unsigned int i = 0; i < N_READS; i++)
		if (write(fd, buffer, READ_SIZE) != READ_SIZE)
			err(1, "write");
	close(fd);
	return now() - start;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		double (*run)(const char *dir);
	} kinds[] = {
		{"find", do_find},	     {"create", do_create},
		{"delete", do_delete},	     {"read-small", do_read_small},
		{"look-up", do_look_up},     {"stat-one", do_stat_one},
		{"open-one", do_open_one},   {"seq-read", do_seq_read},
		{"seq-write", do_seq_write}, {"random-read", do_random_read},
		{"write-4k", do_write_4k},
	};

	if (argc != 3)
		errx(2, "usage: measure WHAT DIR");
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(argv[1], kinds[i].name)) {
			printf("%.6f\n", kinds[i].run(argv[2]));
			return 0;
		}
	errx(2, "unknown: %s", argv[1]);
}
