// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policymount.h"

const char *const tree_dirs[3] = {"a", "b", "ab"};
const char *const tree_leaves[5] = {"x.c", ".env", TREE_LINK, TREE_FIFO, TREE_EMPTY_DIR};

int tree_make_regular(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0755);

	if (fd < 0 || write(fd, "no program\n", 11) != 11)
		return -1;
	return close(fd);
}

int tree_make_by_name(const char *path)
{
	const char *name = strrchr(path, '/');

	name = name ? name + 1 : path;
	if (!strcmp(name, TREE_LINK))
		return symlink("x.c", path);
	if (!strcmp(name, TREE_FIFO))
		return mkfifo(path, 0644);
	if (!strcmp(name, TREE_EMPTY_DIR))
		return mkdir(path, 0755);
	return tree_make_regular(path);
}

void must(int result, const char *what, const char *path)
{
	if (result >= 0)
		return;
	printf("# %s %s: %s\n", what, path, strerror(errno));
	exit(1);
}

static void make_tree(const char *dir, unsigned int depth)
{
	char path[256];

	for (size_t i = 0; i < sizeof(tree_leaves) / sizeof(tree_leaves[0]); i++) {
		snprintf(path, sizeof(path), "%s%s", dir, tree_leaves[i]);
		must(tree_make_by_name(path), "making", path);
	}
	for (size_t i = 0; depth > 0 && i < sizeof(tree_dirs) / sizeof(tree_dirs[0]); i++) {
		snprintf(path, sizeof(path), "%s%s/", dir, tree_dirs[i]);
		must(mkdir(path, 0755), "making", path);
		make_tree(path, depth - 1);
	}
}

void tree_make(void)
{
	make_tree("", TREE_DEPTH);
}

void tree_dir_of(const char *path, char dir[PATH_SIZE])
{
	const char *end = strrchr(path, '/');

	snprintf(dir, PATH_SIZE, "%.*s", end ? (int)(end + 1 - path) : 0, path);
	if (!strcmp(dir, "./"))
		dir[0] = '\0';
}
