// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <string.h>

#include "../unit/random-policy.h"
#include "policymount.h"

void choose_begin(uint64_t seed)
{
	random_seed(seed);
}

bool choose_coin(void)
{
	return random_below(2);
}

unsigned int choose_policy(struct text *files, unsigned int max)
{
	unsigned int n = 1 + random_below(max);

	for (unsigned int i = 0; i < n; i++)
		make_file(&files[i]);
	return n;
}

/* A directory as "" or "a/b/". */
static void random_dir(char *dir, size_t size)
{
	unsigned int depth = random_below(TREE_DEPTH + 1);
	size_t used = 0;

	dir[0] = '\0';
	for (unsigned int i = 0; i < depth; i++)
		used += (size_t)snprintf(dir + used, size - used, "%s/", PICK(tree_dirs));
}

static void random_path(char path[PATH_SIZE], const char *const *names, unsigned int n)
{
	char dir[PATH_SIZE / 2];

	random_dir(dir, sizeof(dir));
	snprintf(path, PATH_SIZE, "%s%s", dir, pick(names, n));
}

#define RANDOM_PATH(path, names) random_path(path, names, sizeof(names) / sizeof((names)[0]))

static const char *const files[] = {"x.c", ".env"};
static const char *const free_names[] = {"aab", "bab"};

/* Two different files. */
static void two_files(struct order *o)
{
	RANDOM_PATH(o->path, files);
	do
		RANDOM_PATH(o->other, files);
	while (!strcmp(o->path, o->other));
}

struct order choose_order(void)
{
	static const char *const empty[] = {TREE_EMPTY_DIR};
	static const char *const removable[] = {"x.c", TREE_LINK, TREE_FIFO};
	struct order o = {.op = (int)random_below(N_OPS)};

	switch ((enum op)o.op) {
	case OP_LIST:
		random_dir(o.path, sizeof(o.path));
		if (!o.path[0])
			snprintf(o.path, sizeof(o.path), "./");
		break;
	case OP_CREATE:
	case OP_MKDIR:
	case OP_MKNOD:
	case OP_MKFIFO:
	case OP_MKSOCK:
	case OP_MKCHAR:
	case OP_MKBLOCK:
	case OP_SYMLINK:
		RANDOM_PATH(o.path, free_names);
		break;
	case OP_RMDIR:
		RANDOM_PATH(o.path, empty);
		break;
	case OP_UNLINK:
		RANDOM_PATH(o.path, removable);
		break;
	case OP_LSTAT:
	case OP_UTIMES:
	case OP_CHOWN:
		RANDOM_PATH(o.path, tree_leaves);
		break;
	case OP_LINK:
	case OP_RENAME:
		RANDOM_PATH(o.path, files);
		RANDOM_PATH(o.other, free_names);
		break;
	case OP_RENAME_OVER:
	case OP_EXCHANGE:
		two_files(&o);
		break;
	default:
		RANDOM_PATH(o.path, files);
		break;
	}
	return o;
}
