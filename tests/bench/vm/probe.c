// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * probe [-t] WHAT ARGUMENT...: does one thing many times and prints the nanoseconds that one took.
 * What has to be there beforehand is prepared before the clock starts. With -t, another process reads
 * meanwhile what the filter trace tells. There is one processor, and what that process does counts as
 * well, so it does next to nothing: it says that it has read all that there is.
 */
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/bpf.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char buffer[128 << 10];

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/*
 * Dentries and inodes go, pages stay: what is cold is the name space, not the disk. What they were
 * made of is freed later, by others, whose work must not count.
 */
static void forget_names(void)
{
	const struct timespec settle = {.tv_nsec = 50000000};
	int fd = open("/proc/sys/vm/drop_caches", O_WRONLY | O_CLOEXEC);

	sync();
	if (fd < 0 || write(fd, "2", 1) != 1)
		err(1, "drop_caches");
	close(fd);
	nanosleep(&settle, NULL);
}

/* Names "PREFIX0" and on in DIR. */
static double stat_names(int dir, const char *prefix, int n, bool exist)
{
	struct stat st;
	char name[64];
	double start = now();

	for (int i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "%s%d", prefix, i);
		if ((fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0) != exist)
			errx(1, "%s is%s there", name, exist ? " not" : "");
	}
	return (now() - start) / n;
}

static int open_dir(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		err(1, "%s", path);
	return fd;
}

/* stat DIR PREFIX N: names that are cached. */
static double warm_stat(char **a)
{
	int n = atoi(a[2]), dir = open_dir(a[0]);
	double best = 1e18;

	stat_names(dir, a[1], n, true);
	for (int i = 0; i < 5; i++) {
		double t = stat_names(dir, a[1], n, true);

		if (t < best)
			best = t;
	}
	return best;
}

static int compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/*
 * lookup DIR PREFIX N, miss DIR PREFIX N: names that nobody has looked up yet. The median of several
 * times, the more the shorter it takes.
 */
static double cold(char **a, bool exist)
{
	enum { LEAST = 3, MOST = 9 };
	double times[MOST], sum = 0;
	int n = 0, names = atoi(a[2]);

	while (n < LEAST || (n < MOST && sum < 5e7)) {
		int dir;

		forget_names();
		dir = open_dir(a[0]);
		times[n] = stat_names(dir, a[1], names, exist);
		sum += times[n++] * names;
		close(dir);
	}
	qsort(times, (size_t)n, sizeof(*times), compare);
	return times[n / 2];
}

static double cold_lookup(char **a)
{
	return cold(a, true);
}

static double cold_miss(char **a)
{
	return cold(a, false);
}

static double list(const char *path)
{
	double start = now();
	DIR *dir = opendir(path);
	long n = 0;

	if (!dir)
		err(1, "%s", path);
	while (readdir(dir))
		n++;
	closedir(dir);
	return (now() - start) / (double)n;
}

/* readdir DIR, relist DIR: a listing for the first time, and once more. */
static double cold_readdir(char **a)
{
	forget_names();
	return list(a[0]);
}

static double warm_readdir(char **a)
{
	list(a[0]);
	return list(a[0]);
}

static double open_close(char **a)
{
	enum { N = 5000 };
	double start = 0;

	for (int i = -100; i < N; i++) {
		int fd;

		if (i == 0)
			start = now();
		fd = open(a[0], O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			err(1, "%s", a[0]);
		close(fd);
	}
	return (now() - start) / N;
}

static int open_cached(const char *path, off_t *ret_size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		err(1, "%s", path);
	*ret_size = 0;
	while ((n = read(fd, buffer, sizeof(buffer))) > 0)
		*ret_size += n;
	return fd;
}

static double random_read(char **a)
{
	enum { N = 20000 };
	unsigned int seed = 1;
	off_t size;
	int fd = open_cached(a[0], &size);
	double start = now();

	for (int i = 0; i < N; i++) {
		seed = seed * 1103515245 + 12345;
		if (pread(fd, buffer, 4096, (off_t)(seed % (size / 4096)) * 4096) != 4096)
			err(1, "%s", a[0]);
	}
	return (now() - start) / N;
}

/* For 128 KiB. */
static double sequential_read(char **a)
{
	off_t size;
	int fd = open_cached(a[0], &size);
	double start = now();
	long n = 0;

	lseek(fd, 0, SEEK_SET);
	while (read(fd, buffer, sizeof(buffer)) > 0)
		n++;
	return (now() - start) / (double)n;
}

static void run(char **argv)
{
	extern char **environ;
	int status;
	pid_t pid;

	if (posix_spawn(&pid, argv[0], NULL, NULL, argv, environ))
		err(1, "%s", argv[0]);
	if (waitpid(pid, &status, 0) < 0 || status)
		errx(1, "%s: status %d", argv[0], status);
}

/* exec PROGRAM ARGUMENT...: from start to end. */
static double execute(char **a)
{
	enum { N = 30 };
	double start;

	run(a);
	start = now();
	for (int i = 0; i < N; i++)
		run(a);
	return (now() - start) / N;
}

/* A map of the filter trace, as it is kept. */
static void *map_kept(const char *name, int protection, off_t at)
{
	union bpf_attr attr;
	char path[64];
	void *address;
	int fd;

	snprintf(path, sizeof(path), "/sys/fs/bpf/lamina/trace/%s", name);
	memset(&attr, 0, sizeof(attr));
	attr.pathname = (unsigned long)path;
	fd = (int)syscall(SYS_bpf, BPF_OBJ_GET, &attr, sizeof(attr));
	address = mmap(NULL, 4096, protection, MAP_SHARED, fd, at);
	if (fd < 0 || address == MAP_FAILED)
		err(1, "%s", path);
	close(fd);
	return address;
}

static volatile unsigned int *reading;

static pid_t start_reader(void)
{
	volatile unsigned long *consumed = map_kept("events", PROT_READ | PROT_WRITE, 0);
	volatile unsigned long *produced = map_kept("events", PROT_READ, 4096);
	const struct timespec pause = {.tv_nsec = 10000000};
	pid_t child;

	reading = map_kept("variables", PROT_READ | PROT_WRITE, 0);
	*reading = 1;
	child = fork();
	if (child)
		return child;
	for (;;) {
		*consumed = *produced;
		nanosleep(&pause, NULL);
	}
}

static void stop_reader(pid_t child)
{
	*reading = 0;
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

static long walked;

static int visit(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)path;
	(void)st;
	(void)type;
	(void)ftw;
	walked++;
	return 0;
}

static double walk(const char *path)
{
	double start = now();

	walked = 0;
	if (nftw(path, visit, 64, FTW_PHYS))
		err(1, "%s", path);
	return (now() - start) / (double)walked;
}

/* find DIR, refind DIR: every name with its attributes. */
static double cold_find(char **a)
{
	forget_names();
	return walk(a[0]);
}

static double warm_find(char **a)
{
	walk(a[0]);
	return walk(a[0]);
}

static int read_all(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)ftw;
	walked++;
	if (type == FTW_F && S_ISREG(st->st_mode)) {
		int fd = open(path, O_RDONLY | O_CLOEXEC);

		if (fd < 0)
			err(1, "%s", path);
		while (read(fd, buffer, sizeof(buffer)) > 0)
			;
		close(fd);
	}
	return 0;
}

/* tar DIR: what tar does to what it packs. */
static double pack(char **a)
{
	double start;

	forget_names();
	start = now();
	walked = 0;
	if (nftw(a[0], read_all, 64, FTW_PHYS))
		err(1, "%s", a[0]);
	return (now() - start) / (double)walked;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int arguments;
		double (*measure)(char **a);
	} kinds[] = {
		{"stat", 3, warm_stat},	     {"lookup", 3, cold_lookup},
		{"miss", 3, cold_miss},	     {"readdir", 1, cold_readdir},
		{"relist", 1, warm_readdir}, {"open", 1, open_close},
		{"random", 1, random_read},  {"sequential", 1, sequential_read},
		{"exec", 1, execute},	     {"find", 1, cold_find},
		{"refind", 1, warm_find},    {"tar", 1, pack},
	};

	pid_t reader = -1;

	if (argc > 1 && !strcmp(argv[1], "-t")) {
		reader = start_reader();
		argc--;
		argv++;
	}
	for (size_t i = 0; argc > 1 && i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(argv[1], kinds[i].name) && argc >= 2 + kinds[i].arguments) {
			printf("%.1f\n", kinds[i].measure(argv + 2));
			if (reader > 0)
				stop_reader(reader);
			return 0;
		}
	errx(2, "usage: probe [-t] WHAT ARGUMENT...");
}
