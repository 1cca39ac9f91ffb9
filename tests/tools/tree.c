// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * tree WHAT DIRECTORY: a tree as text that can be compared, by one process.
 *
 *   contents     "TYPE PATH" of all that lies in it, sorted; find's letters, w for a whiteout 0:0
 *   picture      what a user sees: types, modes, owners, sizes, links, content, attributes. Left out
 *                is what differs from one mount to another: numbers, sizes and link counts of
 *                directories, and Lamina's own attributes, which overlayfs shows
 *   picture-t    the same with times of modification
 *   fingerprint  one word that stands for all but numbers and times of access
 */
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/hash.h"

struct printer {
	bool contents, times, whole;
	FILE *out;
};

/* "PATH" below "." as it is shown. */
static void print_tree(const struct printer *p, const char *path, const char *shown);

static uint64_t hash_of(uint64_t before, const void *data, size_t size)
{
	const uint64_t key[2] = {before, 0};

	return lamina_hash(key, data, size);
}

static void print_data(const struct printer *p, const char *path)
{
	static char buffer[1 << 20];
	uint64_t hash = 0, total = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : 0;

	while (fd >= 0 && (n = read(fd, buffer, sizeof(buffer))) > 0) {
		hash = hash_of(hash ^ (uint64_t)n, buffer, (size_t)n);
		total += (uint64_t)n;
	}
	if (n < 0)
		fprintf(p->out, " data: %s", strerror(errno));
	else
		fprintf(p->out, " data %016" PRIx64 " of %" PRIu64, hash, total);
	if (fd >= 0)
		close(fd);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Sorted pointers into @list, which has @size bytes; the caller frees. */
static char **sort_names(char *list, size_t size, size_t *ret_n)
{
	char **names = malloc((size + 1) * sizeof(*names));

	*ret_n = 0;
	if (!names)
		err(2, "names");
	for (char *at = list; at < list + size; at += strlen(at) + 1)
		names[(*ret_n)++] = at;
	qsort(names, *ret_n, sizeof(*names), by_text);
	return names;
}

static bool is_ours(const char *name)
{
	const char *dot = strchr(name, '.');

	return dot && !strncmp(dot, ".lamina.", 8);
}

static void print_attribute(const struct printer *p, const char *path, const char *name)
{
	static char value[1 << 16];
	ssize_t n = lgetxattr(path, name, value, sizeof(value));

	if (n < 0) {
		fprintf(p->out, " %s: %s", name, strerror(errno));
		return;
	}
	fprintf(p->out, " %s=", name);
	for (ssize_t i = 0; i < n; i++)
		fprintf(p->out, value[i] > ' ' && value[i] < 0x7f ? "%c" : "\\%03o",
			(unsigned char)value[i]);
}

static void print_attributes(const struct printer *p, const char *path)
{
	static char list[1 << 16];
	ssize_t n = llistxattr(path, list, sizeof(list));
	size_t count;
	char **names;

	if (n <= 0)
		return;
	names = sort_names(list, (size_t)n, &count);
	for (size_t i = 0; i < count; i++)
		if (p->whole || !is_ours(names[i]))
			print_attribute(p, path, names[i]);
	free(names);
}

static char letter_of(const struct stat *st)
{
	switch (st->st_mode & S_IFMT) {
	case S_IFDIR:
		return 'd';
	case S_IFREG:
		return 'f';
	case S_IFLNK:
		return 'l';
	case S_IFIFO:
		return 'p';
	case S_IFSOCK:
		return 's';
	case S_IFBLK:
		return 'b';
	default:
		return 'c';
	}
}

static void print_object(const struct printer *p, const char *path, const char *shown,
			 const struct stat *st)
{
	bool is_dir = S_ISDIR(st->st_mode);
	char target[PATH_MAX];
	ssize_t n;

	fprintf(p->out, "%s %c %o %u %u", shown, letter_of(st), st->st_mode & 07777, st->st_uid,
		st->st_gid);
	if (!is_dir || p->whole)
		fprintf(p->out, " %jd", (intmax_t)st->st_size);
	if (p->whole)
		fprintf(p->out, " %ju", (uintmax_t)st->st_nlink);
	if (p->times)
		fprintf(p->out, " %jd.%09ld", (intmax_t)st->st_mtim.tv_sec, st->st_mtim.tv_nsec);
	if (S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode))
		fprintf(p->out, " %u:%u", major(st->st_rdev), minor(st->st_rdev));
	if (S_ISLNK(st->st_mode)) {
		n = readlink(path, target, sizeof(target) - 1);
		target[n < 0 ? 0 : n] = '\0';
		fprintf(p->out, " -> %s", target);
	}
	if (S_ISREG(st->st_mode))
		print_data(p, path);
	print_attributes(p, path);
	putc('\n', p->out);
}

static void print_below(const struct printer *p, const char *path, const char *shown)
{
	struct dirent **entries;
	int n = scandir(path, &entries, NULL, alphasort);

	if (n < 0) {
		fprintf(p->out, "%s: %s\n", shown, strerror(errno));
		return;
	}
	for (int i = 0; i < n; i++) {
		char *below, *name = entries[i]->d_name;

		if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0) {
			if (asprintf(&below, "%s/%s", path, name) < 0)
				err(2, "path");
			print_tree(p, below, below + (p->contents ? 2 : 0));
			free(below);
		}
		free(entries[i]);
	}
	free(entries);
}

static void print_tree(const struct printer *p, const char *path, const char *shown)
{
	struct stat st;
	bool whiteout;

	if (lstat(path, &st) < 0) {
		fprintf(p->out, "%s: %s\n", shown, strerror(errno));
		return;
	}
	whiteout = S_ISCHR(st.st_mode) && st.st_rdev == 0;
	if (!p->contents)
		print_object(p, path, shown, &st);
	else if (strcmp(path, ".") != 0)
		fprintf(p->out, "%c %s\n", whiteout ? 'w' : letter_of(&st), shown);
	if (S_ISDIR(st.st_mode))
		print_below(p, path, shown);
}

/* Lines of @text, sorted. */
static void print_sorted(char *text, size_t size)
{
	size_t n;
	char **lines;

	for (size_t i = 0; i < size; i++)
		if (text[i] == '\n')
			text[i] = '\0';
	lines = sort_names(text, size, &n);
	for (size_t i = 0; i < n; i++)
		puts(lines[i]);
	free(lines);
}

int main(int argc, char **argv)
{
	struct printer p = {0};
	bool one_word;
	char *text;
	size_t size;

	if (argc != 3)
		errx(2, "usage: tree contents|picture|picture-t|fingerprint DIRECTORY");
	one_word = !strcmp(argv[1], "fingerprint");
	p.contents = !strcmp(argv[1], "contents");
	p.times = one_word || !strcmp(argv[1], "picture-t");
	p.whole = one_word;
	if (chdir(argv[2]) < 0)
		err(1, "%s", argv[2]);
	p.out = open_memstream(&text, &size);
	if (!p.out)
		err(2, "text");
	print_tree(&p, ".", ".");
	fclose(p.out);
	if (one_word)
		printf("%016" PRIx64 "\n", hash_of(0, text, size));
	else if (p.contents)
		print_sorted(text, size);
	else
		fwrite(text, 1, size, stdout);
	free(text);
	return 0;
}
