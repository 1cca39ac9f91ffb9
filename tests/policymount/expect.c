// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "../unit/reference.h"
#include "policymount.h"

#define BIT(access) (1u << LAMINA_ACCESS_##access)

static unsigned int decide(const struct lamina_policy *policy, const char *path,
			   unsigned int access)
{
	char absolute[300];

	snprintf(absolute, sizeof(absolute), "/%s", path);
	if (absolute[strlen(absolute) - 1] == '/' && absolute[1])
		absolute[strlen(absolute) - 1] = '\0';
	return reference_decide(policy, absolute, access);
}

/* The error of the first of @accesses that is refused; what is hidden does not exist. */
static int expect(const struct lamina_policy *policy, const char *path, unsigned int accesses)
{
	if (lamina_verdict_refuses(decide(policy, path, LAMINA_ACCESS_SEE)))
		return ENOENT;
	for (unsigned int access = 1; access < LAMINA_POLICY_BITS; access++) {
		unsigned int verdict = decide(policy, path, access);

		if (accesses >> access & 1 && lamina_verdict_refuses(verdict))
			return (int)lamina_verdict_errno(verdict);
	}
	return 0;
}

/* Whether something that can be done to a file is refused at @from and not at @to. */
static bool evades(const struct lamina_policy *policy, const char *from, const char *to)
{
	const unsigned int bits = BIT(READ_FILE) | BIT(WRITE_FILE) | BIT(EXECUTE) | BIT(TRUNCATE) |
				  BIT(CHMOD) | BIT(CHOWN) | BIT(XATTR);

	for (unsigned int access = 0; access < LAMINA_POLICY_BITS; access++)
		if (bits >> access & 1 && lamina_verdict_refuses(decide(policy, from, access)) &&
		    !lamina_verdict_refuses(decide(policy, to, access)))
			return true;
	return false;
}

/* Whether the directory of @path can be reached at all. */
static bool is_reached(const struct lamina_policy *policy, const char *path)
{
	char dir[PATH_SIZE];

	tree_dir_of(path, dir);
	return expect(policy, dir, 0) == 0;
}

/* A file of @from gets the name @to as well. */
static int expect_name(const struct lamina_policy *policy, const char *from, unsigned int bits,
		       const char *to, unsigned int make_bit)
{
	int error = is_reached(policy, to) ? expect(policy, from, bits | BIT(REFER)) : ENOENT;

	if (error == 0)
		error = expect(policy, to, make_bit | BIT(REFER));
	return error == 0 && evades(policy, from, to) ? EXDEV : error;
}

/* Two names of files, of which each becomes the other. */
static int expect_exchange(const struct lamina_policy *policy, const struct order *o)
{
	int error = expect(policy, o->other, 0);

	if (error == 0)
		error = expect_name(policy, o->path, BIT(REMOVE_FILE), o->other, BIT(MAKE_REG));
	if (error == 0)
		error = expect_name(policy, o->other, BIT(REMOVE_FILE), o->path, BIT(MAKE_REG));
	/* What does not exist is found out first, whichever it is. */
	return expect(policy, o->path, 0) ? ENOENT : error;
}

static int expect_of_daemon(const struct lamina_policy *policy, const struct order *o)
{
	static const unsigned int accesses[N_OPS] = {
		[OP_READ] = BIT(READ_FILE),
		[OP_WRITE] = BIT(WRITE_FILE),
		[OP_READ_WRITE] = BIT(READ_FILE) | BIT(WRITE_FILE),
		[OP_OPEN_TRUNC] = BIT(WRITE_FILE) | BIT(TRUNCATE),
		[OP_EXECUTE] = BIT(READ_FILE) | BIT(EXECUTE),
		[OP_LIST] = BIT(READ_DIR),
		[OP_CREATE] = BIT(READ_FILE) | BIT(WRITE_FILE) | BIT(MAKE_REG),
		[OP_MKDIR] = BIT(MAKE_DIR),
		[OP_MKNOD] = BIT(MAKE_REG),
		[OP_MKFIFO] = BIT(MAKE_FIFO),
		[OP_MKSOCK] = BIT(MAKE_SOCK),
		[OP_MKCHAR] = BIT(MAKE_CHAR),
		[OP_MKBLOCK] = BIT(MAKE_BLOCK),
		[OP_SYMLINK] = BIT(MAKE_SYM),
		[OP_RMDIR] = BIT(REMOVE_DIR),
		[OP_UNLINK] = BIT(REMOVE_FILE),
		[OP_TRUNCATE] = BIT(TRUNCATE),
		[OP_CHMOD] = BIT(CHMOD),
		[OP_UTIMES] = BIT(CHMOD),
		[OP_CHOWN] = BIT(CHOWN),
		[OP_SETXATTR] = BIT(XATTR),
		[OP_REMOVEXATTR] = BIT(XATTR),
	};
	int error;

	switch ((enum op)o->op) {
	case OP_LINK:
		return expect_name(policy, o->path, 0, o->other, BIT(MAKE_REG));
	case OP_RENAME:
		return expect_name(policy, o->path, BIT(REMOVE_FILE), o->other, BIT(MAKE_REG));
	case OP_RENAME_OVER:
		error = expect_name(policy, o->path, BIT(REMOVE_FILE), o->other, BIT(MAKE_REG));
		return error ? error : expect(policy, o->other, BIT(REMOVE_FILE));
	case OP_EXCHANGE:
		return expect_exchange(policy, o);
	default:
		return expect(policy, strcmp(o->path, "./") ? o->path : "", accesses[o->op]);
	}
}

int expect_order(const struct lamina_policy *policy, const struct order *o, bool is_view)
{
	int error = expect_of_daemon(policy, o);

	/* The kernel finds all names before anything is asked about them; a daemon learns of both at once. */
	if (is_view && error && o->other[0] && expect(policy, o->other, 0) == ENOENT)
		return ENOENT;
	return error;
}

static unsigned int depth_of(const char *dir)
{
	unsigned int depth = 0;

	for (; *dir; dir++)
		depth += *dir == '/';
	return depth;
}

void expect_names(const struct lamina_policy *policy, const char *dir, char names[NAME_LISTS])
{
	static const char *const sorted[] = {".env", "a", "ab", "b", "ba", "c", "x.c", "zz"};
	size_t used = 0;

	names[0] = '\0';
	for (size_t i = 0; i < sizeof(sorted) / sizeof(sorted[0]); i++) {
		bool is_dir = !strcmp(sorted[i], "a") || !strcmp(sorted[i], "ab") ||
			      !strcmp(sorted[i], "b");
		char path[PATH_SIZE];

		snprintf(path, sizeof(path), "%s%s", dir, sorted[i]);
		if ((is_dir && depth_of(dir) == TREE_DEPTH) ||
		    (policy && lamina_verdict_refuses(decide(policy, path, LAMINA_ACCESS_SEE))))
			continue;
		used += (size_t)snprintf(names + used, NAME_LISTS - used, "%s/", sorted[i]);
	}
}
