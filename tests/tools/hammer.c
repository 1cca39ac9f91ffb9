// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * hammer: many processes at once on one tree, and a check of what they leave.
 *
 *   hammer fill DIR SEED                make files, directories and hard links (for a layer)
 *   hammer run DIR SECONDS PROCESSES SEED
 *   hammer check DIR                    fsck-like: is every name, number, link count and block sound?
 *
 * Every block that is ever written carries a checksum of itself, so that a block with stale, torn
 * or foreign bytes is found wherever it ends up.
 */
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BLOCK	   4096
#define BLOCKS_MAX 16
#define N_DIRS	   6
#define N_NAMES	   40

/* ---- blocks ---- */

struct block {
	uint64_t sum;
	uint64_t words[BLOCK / 8 - 1];
};

static uint64_t next(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static uint64_t sum_of(const struct block *b)
{
	uint64_t sum = 1;

	for (size_t i = 0; i < sizeof(b->words) / sizeof(b->words[0]); i++)
		sum = (sum ^ b->words[i]) * 0x100000001b3u;
	return sum;
}

static void make_block(struct block *b, uint64_t *state)
{
	for (size_t i = 0; i < sizeof(b->words) / sizeof(b->words[0]); i++)
		b->words[i] = next(state);
	b->sum = sum_of(b);
}

/* Written by make_block(), or a hole. */
static bool is_sound(const struct block *b)
{
	static const struct block hole;

	return b->sum == sum_of(b) || memcmp(b, &hole, sizeof(*b)) == 0;
}

/* ---- fill ---- */

static void write_file(int at, const char *name, uint64_t *state)
{
	int fd = openat(at, name, O_CREAT | O_EXCL | O_WRONLY, 0644);
	unsigned int n = (unsigned int)(next(state) % BLOCKS_MAX);
	struct block b;

	if (fd < 0)
		err(1, "create %s", name);
	for (unsigned int i = 0; i < n; i++) {
		make_block(&b, state);
		if (write(fd, &b, sizeof(b)) != sizeof(b))
			err(1, "write %s", name);
	}
	close(fd);
}

static int fill(const char *path, uint64_t seed)
{
	uint64_t state = seed;
	char name[64], old[64];
	int root = open(path, O_RDONLY | O_DIRECTORY);

	if (root < 0)
		err(1, "%s", path);
	for (int d = 0; d < N_DIRS; d++) {
		snprintf(name, sizeof(name), "d%d", d);
		if (mkdirat(root, name, 0755) < 0)
			err(1, "mkdir %s", name);
		for (int i = 0; i < N_NAMES; i += 2) {
			snprintf(name, sizeof(name), "d%d/f%d", d, i);
			write_file(root, name, &state);
		}
		for (int i = 0; i < 6; i++) {
			snprintf(old, sizeof(old), "d%d/f%d", d, 2 * i);
			snprintf(name, sizeof(name), "d%d/l%d", (d + i) % N_DIRS, d * 6 + i);
			if (linkat(root, old, root, name, 0) < 0 && errno != ENOENT)
				err(1, "link %s", name);
		}
		snprintf(name, sizeof(name), "d%d/s", d);
		if (mkdirat(root, name, 0755) < 0)
			err(1, "mkdir %s", name);
		for (int i = 0; i < 5; i++) {
			snprintf(name, sizeof(name), "d%d/s/f%d", d, i);
			write_file(root, name, &state);
		}
	}
	return 0;
}

/* ---- run ---- */

struct actor {
	int root;
	uint64_t state;
	unsigned int number;
	unsigned long done;
};

static void path_of(struct actor *a, char *path, size_t size)
{
	static const char kinds[] = "fflfs";
	char kind = kinds[next(&a->state) % 5];
	unsigned int d = (unsigned int)(next(&a->state) % N_DIRS);
	unsigned int n = (unsigned int)(next(&a->state) % N_NAMES);

	if (kind == 's')
		snprintf(path, size, "d%u/s/f%u", d, n % 8);
	else
		snprintf(path, size, "d%u/%c%u", d, kind, n);
}

/* Whole blocks only, each at its place, so that no honest reader ever finds half of one. */
static void do_write(struct actor *a, const char *path, int flags)
{
	int fd = openat(a->root, path, O_RDWR | O_NOFOLLOW | flags, 0644);
	off_t at = (off_t)(next(&a->state) % BLOCKS_MAX) * BLOCK;
	struct block b;

	if (fd < 0)
		return;
	make_block(&b, &a->state);
	if (pwrite(fd, &b, sizeof(b), at) != sizeof(b) && errno != EISDIR && errno != ENOSPC)
		warn("write %s", path);
	if (next(&a->state) % 16 == 0 && fsync(fd) < 0)
		warn("fsync %s", path);
	close(fd);
}

static void do_mapped_write(struct actor *a, const char *path)
{
	int fd = openat(a->root, path, O_RDWR | O_NOFOLLOW);
	struct block b;
	struct stat st;
	void *map;

	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size >= BLOCK) {
		map = mmap(NULL, BLOCK, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (map == MAP_FAILED) {
			warn("mmap %s", path);
		} else {
			/* Nobody truncates: the page stays. */
			make_block(&b, &a->state);
			memcpy(map, &b, sizeof(b));
			munmap(map, BLOCK);
		}
	}
	close(fd);
}

static void do_read(struct actor *a, const char *path)
{
	int fd = openat(a->root, path, O_RDONLY | O_NOFOLLOW);
	struct stat before, after;
	struct block b;

	if (fd < 0)
		return;
	if (fstat(fd, &before) < 0)
		warn("fstat %s", path);
	while (read(fd, &b, sizeof(b)) == sizeof(b))
		;
	if (fstat(fd, &after) < 0)
		warn("fstat %s", path);
	else if (before.st_ino != after.st_ino)
		warnx("%s: the inode number of an open file changed", path);
	close(fd);
}

static void do_list(struct actor *a)
{
	char path[64];
	DIR *dir;

	snprintf(path, sizeof(path), "d%u", (unsigned int)(next(&a->state) % N_DIRS));
	dir = fdopendir(openat(a->root, path, O_RDONLY | O_DIRECTORY));
	if (!dir)
		return;
	while (readdir(dir))
		;
	closedir(dir);
}

/* Directories come, go and move, with what is in them. */
static void do_directory(struct actor *a)
{
	unsigned int d = (unsigned int)(next(&a->state) % N_DIRS);
	char path[64], other[64];

	snprintf(path, sizeof(path), "d%u/s", d);
	snprintf(other, sizeof(other), "d%u/%s", (unsigned int)(next(&a->state) % N_DIRS),
		 next(&a->state) % 2 ? "s" : "t");
	switch (next(&a->state) % 3) {
	case 0:
		mkdirat(a->root, other, 0755);
		break;
	case 1:
		unlinkat(a->root, path, AT_REMOVEDIR);
		break;
	default:
		renameat2(a->root, path, a->root, other, next(&a->state) % 3 ? 0 : RENAME_EXCHANGE);
		break;
	}
}

/* Whether it works depends on what the others do. */
static void may_fail(int result)
{
	(void)result;
}

static void act(struct actor *a)
{
	char path[64], other[64];

	path_of(a, path, sizeof(path));
	path_of(a, other, sizeof(other));
	switch (next(&a->state) % 16) {
	case 0:
	case 1:
		do_write(a, path, O_CREAT);
		break;
	case 2:
	case 3:
		do_write(a, path, 0);
		break;
	case 4:
		do_mapped_write(a, path);
		break;
	case 5:
	case 6:
	case 7:
		do_read(a, path);
		break;
	case 8:
	case 9:
		unlinkat(a->root, path, 0);
		break;
	case 10:
		renameat2(a->root, path, a->root, other, 0);
		break;
	case 11:
		renameat2(a->root, path, a->root, other, RENAME_EXCHANGE);
		break;
	case 12:
		may_fail(linkat(a->root, path, a->root, other, 0));
		break;
	case 13:
		may_fail(fchmodat(a->root, path, next(&a->state) % 2 ? 0644 : 0600, 0));
		break;
	case 14:
		do_list(a);
		break;
	default:
		do_directory(a);
		break;
	}
	a->done++;
}

static int run_actor(const char *path, time_t end, unsigned int number, uint64_t seed)
{
	struct actor a = {.root = open(path, O_RDONLY | O_DIRECTORY),
			  .state = seed + number * 7919u,
			  .number = number};

	if (a.root < 0)
		err(1, "%s", path);
	while (time(NULL) < end)
		for (int i = 0; i < 50; i++)
			act(&a);
	printf("process %u: %lu operations\n", number, a.done);
	return 0;
}

static int run(const char *path, unsigned int seconds, unsigned int n, uint64_t seed)
{
	time_t end = time(NULL) + seconds;
	int status, failed = 0;

	fflush(stdout);
	for (unsigned int i = 0; i < n; i++)
		if (fork() == 0) {
			int result = run_actor(path, end, i, seed);

			fflush(stdout);
			_exit(result);
		}
	while (wait(&status) > 0)
		failed |= status;
	return failed ? 1 : 0;
}

/* ---- check ---- */

#define INODES_MAX 20000

struct seen {
	ino_t ino;
	nlink_t nlink;
	unsigned int names;
	mode_t mode;
};

static struct seen seen[INODES_MAX];
static unsigned int n_seen, n_problems, n_checked;

static void problem(const char *path, const char *what)
{
	printf("%s: %s\n", path, what);
	n_problems++;
}

static void note(const char *path, const struct stat *st)
{
	for (unsigned int i = 0; i < n_seen; i++)
		if (seen[i].ino == st->st_ino) {
			seen[i].names++;
			if (seen[i].mode != st->st_mode || seen[i].nlink != st->st_nlink)
				problem(path, "its number is another file's");
			return;
		}
	if (n_seen < INODES_MAX)
		seen[n_seen++] = (struct seen){st->st_ino, st->st_nlink, 1, st->st_mode};
}

static void check_content(int at, const char *name, const char *path, off_t size)
{
	int fd = openat(at, name, O_RDONLY | O_NOFOLLOW);
	struct block b;
	off_t total = 0;
	ssize_t n;

	if (fd < 0) {
		problem(path, strerror(errno));
		return;
	}
	while ((n = read(fd, &b, sizeof(b))) > 0) {
		total += n;
		if (n != sizeof(b) || !is_sound(&b))
			problem(path, "a block is not what was written");
	}
	if (n < 0)
		problem(path, strerror(errno));
	if (total != size)
		problem(path, "its size is not what can be read");
	close(fd);
}

static void check_dir(int fd, const char *path);

static void check_entry(int at, const struct dirent *d, const char *path)
{
	struct stat st;

	n_checked++;
	if (fstatat(at, d->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		problem(path, strerror(errno));
		return;
	}
	if (st.st_ino != d->d_ino)
		problem(path, "d_ino is not st_ino");
	if (IFTODT(st.st_mode) != d->d_type)
		problem(path, "d_type is not the type");
	if (S_ISDIR(st.st_mode)) {
		int inner = openat(at, d->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);

		if (inner < 0)
			problem(path, strerror(errno));
		else
			check_dir(inner, path);
		close(inner);
		return;
	}
	note(path, &st);
	if (S_ISREG(st.st_mode))
		check_content(at, d->d_name, path, st.st_size);
}

static void check_dir(int fd, const char *path)
{
	DIR *dir = fdopendir(dup(fd));
	char names[1024][64];
	const struct dirent *d;
	unsigned int n = 0;

	if (!dir) {
		problem(path, strerror(errno));
		return;
	}
	while ((d = readdir(dir))) {
		char inner[1024];

		if (!strcmp(d->d_name, ".") || !strcmp(d->d_name, ".."))
			continue;
		snprintf(inner, sizeof(inner), "%s/%s", path, d->d_name);
		for (unsigned int i = 0; i < n; i++)
			if (!strcmp(names[i], d->d_name))
				problem(inner, "listed twice");
		if (n < 1024)
			snprintf(names[n++], sizeof(names[0]), "%.63s", d->d_name);
		check_entry(fd, d, inner);
	}
	closedir(dir);
}

static int check(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY);

	if (fd < 0)
		err(1, "%s", path);
	check_dir(fd, ".");
	for (unsigned int i = 0; i < n_seen; i++)
		if (seen[i].names != seen[i].nlink) {
			printf("inode %lu: %u names, st_nlink %lu\n", seen[i].ino, seen[i].names,
			       seen[i].nlink);
			n_problems++;
		}
	printf("%u names checked, %u problems\n", n_checked, n_problems);
	return n_problems ? 1 : 0;
}

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "fill"))
		return fill(argv[2], strtoull(argv[3], NULL, 10));
	if (argc == 6 && !strcmp(argv[1], "run"))
		return run(argv[2], (unsigned int)atoi(argv[3]), (unsigned int)atoi(argv[4]),
			   strtoull(argv[5], NULL, 10));
	if (argc == 3 && !strcmp(argv[1], "check"))
		return check(argv[2]);
	errx(2, "usage: hammer fill DIR SEED | run DIR SECONDS PROCESSES SEED | check DIR");
}
