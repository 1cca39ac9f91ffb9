// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * dump [-l] [-p FILE] DIRECTORY
 *
 * Writes down all that can be seen of a tree, so that two trees can be compared with diff: one line
 * for each object, by path, with attributes, extended attributes, content and, for hard links, the
 * first path of the same inode. Not written are device and inode numbers, and the size of
 * directories' contents in the order that they come in.
 *
 * On the way it checks what must hold in any tree: a listed name exists, has the listed type and
 * the listed inode number, and after seekdir the same entries follow. -l takes it that a listed
 * name may not exist, as in overlayfs where a whiteout hides nothing.
 *
 * With -p, the paths in FILE are looked up first, in the order that they have there.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "view.h"

#define BUFFER (64 * 1024)

struct entry {
	uint64_t ino;
	int64_t next;
	unsigned char type;
	char *name;
};

struct listing {
	struct entry *entries;
	size_t n, room;
};

struct kernel_dirent {
	uint64_t ino;
	int64_t next;
	unsigned short size;
	unsigned char type;
	char name[];
};

/* Inodes with several names that were met. */
struct known {
	uint64_t ino;
	char *path;
};

static struct known *known;
static size_t n_known;
static bool lenient;
static int problems;
static char buffer[BUFFER + sizeof(uint64_t)];

static void complain(const char *path, const char *what)
{
	printf("PROBLEM %s: %s\n", path, what);
	problems++;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct entry *)a)->name, ((const struct entry *)b)->name);
}

static int by_string(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void add_entry(struct listing *l, const struct kernel_dirent *d)
{
	if (l->n == l->room) {
		l->room = l->room ? l->room * 2 : 64;
		l->entries = realloc(l->entries, l->room * sizeof(*l->entries));
	}
	l->entries[l->n++] = (struct entry){d->ino, d->next, d->type, strdup(d->name)};
}

static void free_listing(struct listing *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->entries[i].name);
	free(l->entries);
}

static int list(int fd, struct listing *l)
{
	long n;

	memset(l, 0, sizeof(*l));
	while ((n = syscall(SYS_getdents64, fd, buffer, BUFFER)) > 0) {
		for (long at = 0; at < n;) {
			const struct kernel_dirent *d = (const void *)(buffer + at);

			add_entry(l, d);
			at += d->size;
		}
	}
	return (int)n;
}

/* From the position after entry @i, the entries from @i + 1 on must follow. */
static void check_seek(const char *path, int fd, const struct listing *l, size_t i)
{
	struct listing rest;
	size_t j;

	if (lseek(fd, l->entries[i].next, SEEK_SET) < 0 || list(fd, &rest) < 0) {
		complain(path, "can't seek to a position that was given out");
		return;
	}
	if (rest.n != l->n - i - 1) {
		complain(path, "more or fewer entries follow after a seek");
	} else {
		for (j = 0; j < rest.n; j++) {
			if (strcmp(rest.entries[j].name, l->entries[i + 1 + j].name)) {
				complain(path, "other entries follow after a seek");
				break;
			}
		}
	}
	free_listing(&rest);
}

static unsigned char type_of(mode_t mode)
{
	return (unsigned char)((mode & S_IFMT) >> 12);
}

static void print_name(const char *name)
{
	for (; *name; name++) {
		if (*name > ' ' && *name < 127 && *name != '\\')
			putchar(*name);
		else
			printf("\\x%02x", (unsigned char)*name);
	}
}

static void print_time(const char *what, const struct statx_timestamp *t)
{
	printf(" %s=%lld.%09u", what, (long long)t->tv_sec, t->tv_nsec);
}

static void print_stat(const struct statx *st)
{
	printf(" mode=%06o uid=%u gid=%u nlink=%u blocks=%llu blksize=%u attr=%llx/%llx mask=%x",
	       st->stx_mode, st->stx_uid, st->stx_gid, st->stx_nlink,
	       (unsigned long long)st->stx_blocks, st->stx_blksize,
	       (unsigned long long)(st->stx_attributes & ~(uint64_t)STATX_ATTR_MOUNT_ROOT),
	       (unsigned long long)st->stx_attributes_mask, st->stx_mask);
	printf(" size=%llu rdev=%u:%u", (unsigned long long)st->stx_size, st->stx_rdev_major,
	       st->stx_rdev_minor);
	print_time("atime", &st->stx_atime);
	print_time("mtime", &st->stx_mtime);
	print_time("ctime", &st->stx_ctime);
	print_time("btime", &st->stx_btime);
}

static void print_link(const char *path)
{
	char target[4097];
	ssize_t n = readlink(path, target, sizeof(target) - 1);

	if (n < 0) {
		printf(" link=%s", strerrorname_np(errno));
		return;
	}
	target[n] = '\0';
	printf(" link=");
	print_name(target);
}

/* By whole words, since most content is holes; what is behind the last byte counts as zeros. */
static uint64_t hash_more(uint64_t hash, ssize_t n)
{
	uint64_t word;

	memset(buffer + n, 0, sizeof(word));
	for (ssize_t at = 0; at < n; at += (ssize_t)sizeof(word)) {
		memcpy(&word, buffer + at, sizeof(word));
		hash = (hash ^ word) * 1099511628211ULL;
		hash ^= hash >> 32;
	}
	return hash ^ (uint64_t)n;
}

static void print_content(const char *path)
{
	uint64_t hash = 14695981039346656037ULL;
	int fd = open(path, O_RDONLY);
	ssize_t n;

	if (fd < 0) {
		printf(" content=%s", strerrorname_np(errno));
		return;
	}
	while ((n = read(fd, buffer, BUFFER)) > 0)
		hash = hash_more(hash, n);
	if (n < 0)
		printf(" content=%s", strerrorname_np(errno));
	else
		printf(" content=%016llx", (unsigned long long)hash);
	close(fd);
}

static void print_xattr(const char *path, const char *name)
{
	unsigned char value[4096];
	ssize_t n = lgetxattr(path, name, value, sizeof(value)), i;

	printf(" %s=", name);
	if (n < 0)
		printf("%s", strerrorname_np(errno));
	for (i = 0; i < n; i++)
		printf("%02x", value[i]);
	if (lgetxattr(path, name, NULL, 0) != n)
		complain(path, "the size of an extended attribute is not that of its value");
}

static void print_xattrs(const char *path)
{
	char names[4096], *sorted[256];
	ssize_t n = llistxattr(path, names, sizeof(names));
	size_t count = 0;

	if (n < 0) {
		printf(" xattrs=%s", strerrorname_np(errno));
		return;
	}
	for (char *name = names; name < names + n && count < 256; name += strlen(name) + 1)
		sorted[count++] = name;
	qsort(sorted, count, sizeof(*sorted), by_string);
	for (size_t i = 0; i < count; i++)
		print_xattr(path, sorted[i]);
}

/* For a file with several names: which one was met first. */
static void print_identity(const char *path, const struct statx *st)
{
	if (S_ISDIR(st->stx_mode) || st->stx_nlink < 2)
		return;
	for (size_t i = 0; i < n_known; i++) {
		if (known[i].ino == st->stx_ino) {
			printf(" same=");
			print_name(known[i].path);
			return;
		}
	}
	known = realloc(known, (n_known + 1) * sizeof(*known));
	known[n_known++] = (struct known){st->stx_ino, strdup(path)};
}

static int get_stat(const char *path, struct statx *st)
{
	return statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS | STATX_BTIME, st);
}

static bool print_object(const char *path, struct statx *st)
{
	if (get_stat(path, st))
		return false;
	print_name(path);
	print_stat(st);
	if (S_ISLNK(st->stx_mode))
		print_link(path);
	if (S_ISREG(st->stx_mode))
		print_content(path);
	print_xattrs(path);
	print_identity(path, st);
	putchar('\n');
	return true;
}

static void walk(const char *path);

static void visit(const char *dir, const struct entry *e)
{
	struct statx st;
	char *path;

	if (asprintf(&path, "%s/%s", dir, e->name) < 0)
		abort();
	if (!print_object(path, &st)) {
		if (!lenient || errno != ENOENT)
			complain(path, "listed, but there is no such name");
	} else {
		if (e->ino != st.stx_ino && !lenient)
			complain(path, "listed with another inode number");
		if (e->type != type_of(st.stx_mode) && !lenient)
			complain(path, "listed with another type");
		if (S_ISDIR(st.stx_mode))
			walk(path);
	}
	free(path);
}

static void check_dots(const char *path, const struct listing *l)
{
	unsigned int dots = 0;
	struct statx st;
	char parent[8192];

	for (size_t i = 0; i < l->n; i++) {
		const struct entry *e = &l->entries[i];

		if (!strcmp(e->name, "."))
			snprintf(parent, sizeof(parent), "%s", path);
		else if (!strcmp(e->name, "..") && strcmp(path, "."))
			snprintf(parent, sizeof(parent), "%s/..", path);
		else
			continue;
		dots++;
		if (get_stat(parent, &st) || (st.stx_ino != e->ino && !lenient))
			complain(path, ". or .. has another inode number");
	}
	if (dots != (strcmp(path, ".") ? 2 : 1))
		complain(path, ". or .. is missing");
}

static void walk(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY);
	struct listing l;

	if (fd < 0) {
		printf("%s/ %s\n", path, strerrorname_np(errno));
		return;
	}
	if (list(fd, &l) < 0)
		complain(path, "can't be listed");
	for (size_t i = 0; i < l.n; i += 1 + l.n / 5)
		check_seek(path, fd, &l, i);
	close(fd);
	check_dots(path, &l);
	qsort(l.entries, l.n, sizeof(*l.entries), by_name);
	for (size_t i = 0; i < l.n; i++) {
		if (i && !strcmp(l.entries[i].name, l.entries[i - 1].name))
			complain(path, "a name is listed twice");
		if (strcmp(l.entries[i].name, ".") && strcmp(l.entries[i].name, ".."))
			visit(path, &l.entries[i]);
	}
	free_listing(&l);
}

static void look_up_all(FILE *paths)
{
	char path[8192];
	struct statx st;

	while (fgets(path, sizeof(path), paths)) {
		path[strcspn(path, "\n")] = '\0';
		if (!print_object(path, &st)) {
			print_name(path);
			printf(" %s\n", strerrorname_np(errno));
		}
	}
}

int main(int argc, char **argv)
{
	FILE *paths = NULL;
	struct statx st;
	int c;

	while ((c = getopt(argc, argv, "lp:")) != -1) {
		if (c == 'l')
			lenient = true;
		else if (c != 'p')
			return 2;
		else if (!(paths = fopen(optarg, "r")))
			fail(optarg);
	}
	if (optind != argc - 1 || chdir(argv[optind]))
		fail("chdir");
	umask(0);
	if (paths) {
		look_up_all(paths);
		fclose(paths);
	}
	print_object(".", &st);
	walk(".");
	return problems != 0;
}
