// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Random policies, put in force one after the other on a mount, and random accesses there by a process
 * that is bound by them: each has to end as the plain matcher says, and for who is not bound nothing
 * may be missing. All policies meet what the kernel keeps from those before.
 *
 *   policymount MOUNTPOINT [--count POLICIES] [--seed FIRST] [--accesses N]
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "../unit/random-policy.h"
#include "../unit/reference.h"
#include "guard/client.h"

#define NAME_LISTS 4096

/* ---- what is done; by the bound process ---- */

enum op {
	OP_LSTAT,
	OP_READ,
	OP_WRITE,
	OP_READ_WRITE,
	OP_OPEN_TRUNC,
	OP_EXECUTE,
	OP_LIST,
	OP_CREATE,
	OP_MKDIR,
	OP_MKNOD,
	OP_MKFIFO,
	OP_MKSOCK,
	OP_MKCHAR,
	OP_MKBLOCK,
	OP_SYMLINK,
	OP_RMDIR,
	OP_UNLINK,
	OP_TRUNCATE,
	OP_LINK,
	OP_RENAME,
	OP_RENAME_OVER,
	OP_EXCHANGE,
	OP_CHMOD,
	OP_UTIMES,
	OP_CHOWN,
	OP_SETXATTR,
	OP_REMOVEXATTR,
	N_OPS,
};

static const char *const op_names[N_OPS] = {
	"lstat",   "open to read", "open to write", "open to read and write",
	"open with O_TRUNC", "execve", "list", "create", "mkdir", "mknod", "mkfifo", "mksock",
	"mkchar",  "mkblock",	   "symlink",	    "rmdir",
	"unlink",  "truncate",	   "link",	    "rename",
	"rename over", "exchange", "chmod",	    "utimensat",
	"chown",   "setxattr",	   "removexattr",
};

struct order {
	int op;
	char path[256], other[256];
};

struct result {
	int error;
	char names[NAME_LISTS]; /* of a listing, sorted, each with a '/' behind it */
};

static int opened(int fd)
{
	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

static int done(int result)
{
	return result < 0 ? errno : 0;
}

/* What is allowed to be run is no program: that is as good as having run it. */
static int run(const char *path)
{
	char *const words[] = {(char *)(uintptr_t)path, NULL};
	int status = 0;
	pid_t child = fork();

	if (child == 0) {
		execv(path, words);
		_exit(errno == ENOEXEC ? 0 : errno);
	}
	waitpid(child, &status, 0);
	return WEXITSTATUS(status);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int list(const char *path, char *names)
{
	struct dirent **entries;
	int n = scandir(path, &entries, NULL, by_name);
	size_t used = 0;

	names[0] = '\0';
	if (n < 0)
		return errno;
	for (int i = 0; i < n; i++) {
		if (entries[i]->d_name[0] != '.' || strlen(entries[i]->d_name) > 2)
			used += (size_t)snprintf(names + used, NAME_LISTS - used, "%s/",
						 entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	return 0;
}

static int make(const char *path, mode_t type)
{
	return done(mknod(path, type | 0644, S_ISCHR(type) || S_ISBLK(type) ? 0x0103 : 0));
}

static void carry_out(const struct order *o, struct result *ret)
{
	struct stat st;
	const char *p = o->path;

	switch ((enum op)o->op) {
	case OP_LSTAT:
		ret->error = done(lstat(p, &st));
		break;
	case OP_READ:
		ret->error = opened(open(p, O_RDONLY));
		break;
	case OP_WRITE:
		ret->error = opened(open(p, O_WRONLY));
		break;
	case OP_READ_WRITE:
		ret->error = opened(open(p, O_RDWR));
		break;
	case OP_OPEN_TRUNC:
		ret->error = opened(open(p, O_WRONLY | O_TRUNC));
		break;
	case OP_EXECUTE:
		ret->error = run(p);
		break;
	case OP_LIST:
		ret->error = list(p, ret->names);
		break;
	case OP_CREATE:
		ret->error = opened(open(p, O_RDWR | O_CREAT | O_EXCL, 0644));
		break;
	case OP_MKDIR:
		ret->error = done(mkdir(p, 0755));
		break;
	case OP_MKNOD:
		ret->error = make(p, S_IFREG);
		break;
	case OP_MKFIFO:
		ret->error = make(p, S_IFIFO);
		break;
	case OP_MKSOCK:
		ret->error = make(p, S_IFSOCK);
		break;
	case OP_MKCHAR:
		ret->error = make(p, S_IFCHR);
		break;
	case OP_MKBLOCK:
		ret->error = make(p, S_IFBLK);
		break;
	case OP_SYMLINK:
		ret->error = done(symlink("x.c", p));
		break;
	case OP_RMDIR:
		ret->error = done(rmdir(p));
		break;
	case OP_UNLINK:
		ret->error = done(unlink(p));
		break;
	case OP_TRUNCATE:
		ret->error = done(truncate(p, 3));
		break;
	case OP_LINK:
		ret->error = done(link(p, o->other));
		break;
	case OP_RENAME:
	case OP_RENAME_OVER:
		ret->error = done(rename(p, o->other));
		break;
	case OP_EXCHANGE:
		ret->error = done(renameat2(AT_FDCWD, p, AT_FDCWD, o->other, RENAME_EXCHANGE));
		break;
	case OP_CHMOD:
		ret->error = done(chmod(p, 0755));
		break;
	case OP_UTIMES:
		ret->error = done(utimensat(AT_FDCWD, p, NULL, AT_SYMLINK_NOFOLLOW));
		break;
	case OP_CHOWN:
		ret->error = done(lchown(p, 0, 0));
		break;
	case OP_SETXATTR:
		ret->error = done(lsetxattr(p, "user.x", "v", 1, 0));
		break;
	case OP_REMOVEXATTR:
		ret->error = done(lremovexattr(p, "user.x"));
		if (ret->error == ENODATA)
			ret->error = 0;
		break;
	case N_OPS:
		break;
	}
}

/* The bound process: one that has left the mount namespace of the mount. */
static void serve(int orders, const char *root)
{
	static struct result result;
	struct order order;

	if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    chdir(root) < 0)
		_exit(1);
	while (recv(orders, &order, sizeof(order), 0) == sizeof(order)) {
		result = (struct result){.error = 0};
		carry_out(&order, &result);
		if (send(orders, &result, sizeof(result), 0) < 0)
			break;
	}
	_exit(0);
}

/* ---- the tree, of which policies speak with a '/' in front ---- */

static const char *const dir_names[] = {"a", "b", "ab"};
static const char *const file_names[] = {"x.c", ".env"};
static const char *const free_names[] = {"aab", "bab"};
#define EMPTY_DIR "c"
#define LINK_NAME "ba"
#define FIFO_NAME "zz"
#define DEPTH	  3

static int make_regular(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0755);

	if (fd < 0 || write(fd, "no program\n", 11) != 11)
		return -1;
	return close(fd);
}

static int make_by_name(const char *path)
{
	const char *name = strrchr(path, '/');

	name = name ? name + 1 : path;
	if (!strcmp(name, LINK_NAME))
		return symlink("x.c", path);
	if (!strcmp(name, FIFO_NAME))
		return mkfifo(path, 0644);
	if (!strcmp(name, EMPTY_DIR))
		return mkdir(path, 0755);
	return make_regular(path);
}

static const char *const leaves[] = {"x.c", ".env", LINK_NAME, FIFO_NAME, EMPTY_DIR};
#define N_LEAVES (sizeof(leaves) / sizeof(leaves[0]))
#define N_DIRS	 (sizeof(dir_names) / sizeof(dir_names[0]))

static void must(int result, const char *what, const char *path)
{
	if (result >= 0)
		return;
	printf("# %s %s: %s\n", what, path, strerror(errno));
	exit(1);
}

static void make_tree(const char *dir, unsigned int depth)
{
	char path[256];

	for (size_t i = 0; i < N_LEAVES; i++) {
		snprintf(path, sizeof(path), "%s%s", dir, leaves[i]);
		must(make_by_name(path), "making", path);
	}
	for (size_t i = 0; depth > 0 && i < N_DIRS; i++) {
		snprintf(path, sizeof(path), "%s%s/", dir, dir_names[i]);
		must(mkdir(path, 0755), "making", path);
		make_tree(path, depth - 1);
	}
}

/* A directory as "" or "a/b/", at most DEPTH deep. */
static unsigned int random_dir(char *dir, size_t size)
{
	unsigned int depth = random_below(DEPTH + 1);
	size_t used = 0;

	dir[0] = '\0';
	for (unsigned int i = 0; i < depth; i++)
		used += (size_t)snprintf(dir + used, size - used, "%s/",
					 dir_names[random_below(N_DIRS)]);
	return depth;
}

static void random_path(char *path, size_t size, const char *const *names, unsigned int n)
{
	char dir[128];

	random_dir(dir, sizeof(dir));
	snprintf(path, size, "%s%s", dir, names[random_below(n)]);
}

#define RANDOM_PATH(path, names) \
	random_path(path, sizeof(path), names, sizeof(names) / sizeof((names)[0]))

/* ---- what is expected ---- */

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
	const unsigned int bits = BIT(READ_FILE) | BIT(WRITE_FILE) | BIT(EXECUTE) |
				  BIT(TRUNCATE) | BIT(CHMOD) | BIT(CHOWN) | BIT(XATTR);

	for (unsigned int access = 0; access < LAMINA_POLICY_BITS; access++)
		if (bits >> access & 1 && lamina_verdict_refuses(decide(policy, from, access)) &&
		    !lamina_verdict_refuses(decide(policy, to, access)))
			return true;
	return false;
}

/* Whether the directory of @path can be reached at all. */
static bool is_reached(const struct lamina_policy *policy, const char *path)
{
	const char *end = strrchr(path, '/');
	char dir[256];

	snprintf(dir, sizeof(dir), "%.*s", end ? (int)(end - path) : 0, path);
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

/* What should come of @o; its paths are chosen on the way. */
static int choose(const struct lamina_policy *policy, struct order *o)
{
	static const char *const empty[] = {EMPTY_DIR}, *const removable[] = {"x.c", LINK_NAME,
									      FIFO_NAME};
	static const unsigned int accesses[N_OPS] = {
		[OP_READ] = BIT(READ_FILE),
		[OP_WRITE] = BIT(WRITE_FILE),
		[OP_READ_WRITE] = BIT(READ_FILE) | BIT(WRITE_FILE),
		[OP_OPEN_TRUNC] = BIT(WRITE_FILE) | BIT(TRUNCATE),
		[OP_EXECUTE] = BIT(EXECUTE),
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
	case OP_LIST:
		if (random_dir(o->path, sizeof(o->path)) == 0)
			snprintf(o->path, sizeof(o->path), "./");
		return expect(policy, strcmp(o->path, "./") ? o->path : "", BIT(READ_DIR));
	case OP_CREATE:
	case OP_MKDIR:
	case OP_MKNOD:
	case OP_MKFIFO:
	case OP_MKSOCK:
	case OP_MKCHAR:
	case OP_MKBLOCK:
	case OP_SYMLINK:
		RANDOM_PATH(o->path, free_names);
		break;
	case OP_RMDIR:
		RANDOM_PATH(o->path, empty);
		break;
	case OP_UNLINK:
		RANDOM_PATH(o->path, removable);
		break;
	case OP_LSTAT:
	case OP_UTIMES:
	case OP_CHOWN:
		RANDOM_PATH(o->path, leaves);
		break;
	case OP_LINK:
		RANDOM_PATH(o->path, file_names);
		RANDOM_PATH(o->other, free_names);
		return expect_name(policy, o->path, 0, o->other, BIT(MAKE_REG));
	case OP_RENAME:
		RANDOM_PATH(o->path, file_names);
		RANDOM_PATH(o->other, free_names);
		return expect_name(policy, o->path, BIT(REMOVE_FILE), o->other, BIT(MAKE_REG));
	case OP_RENAME_OVER:
		RANDOM_PATH(o->path, file_names);
		do
			RANDOM_PATH(o->other, file_names);
		while (!strcmp(o->path, o->other));
		error = expect_name(policy, o->path, BIT(REMOVE_FILE), o->other, BIT(MAKE_REG));
		return error ? error : expect(policy, o->other, BIT(REMOVE_FILE));
	case OP_EXCHANGE:
		RANDOM_PATH(o->path, file_names);
		do
			RANDOM_PATH(o->other, file_names);
		while (!strcmp(o->path, o->other));
		error = expect(policy, o->other, 0);
		if (error == 0)
			error = expect_name(policy, o->path, BIT(REMOVE_FILE), o->other,
					    BIT(MAKE_REG));
		if (error == 0)
			error = expect_name(policy, o->other, BIT(REMOVE_FILE), o->path,
					    BIT(MAKE_REG));
		/* What does not exist is found out first, whichever it is. */
		return expect(policy, o->path, 0) ? ENOENT : error;
	default:
		RANDOM_PATH(o->path, file_names);
		break;
	}
	return expect(policy, o->path, accesses[o->op]);
}

/* Take back what an order has done. */
static void undo(const struct order *o)
{
	switch ((enum op)o->op) {
	case OP_CREATE:
	case OP_MKNOD:
	case OP_MKFIFO:
	case OP_MKSOCK:
	case OP_MKCHAR:
	case OP_MKBLOCK:
	case OP_SYMLINK:
		must(unlink(o->path), "removing", o->path);
		break;
	case OP_MKDIR:
		must(rmdir(o->path), "removing", o->path);
		break;
	case OP_RMDIR:
	case OP_UNLINK:
		must(make_by_name(o->path), "making", o->path);
		break;
	case OP_LINK:
		must(unlink(o->other), "removing", o->other);
		break;
	case OP_RENAME:
		must(rename(o->other, o->path), "moving back", o->other);
		break;
	case OP_RENAME_OVER:
		must(make_by_name(o->path), "making", o->path);
		break;
	case OP_OPEN_TRUNC:
	case OP_TRUNCATE:
		must(make_regular(o->path), "writing", o->path);
		break;
	default:
		break;
	}
}

/* What a listing of @dir should show to who is bound (@policy) or not (NULL). */
static void expect_names(const struct lamina_policy *policy, const char *dir, unsigned int depth,
			 char *names)
{
	static const char *const sorted[] = {".env", "a", "ab", "b", "ba", "c", "x.c", "zz"};
	size_t used = 0;

	names[0] = '\0';
	for (size_t i = 0; i < sizeof(sorted) / sizeof(sorted[0]); i++) {
		bool is_dir = !strcmp(sorted[i], "a") || !strcmp(sorted[i], "ab") ||
			      !strcmp(sorted[i], "b");
		char path[256];

		snprintf(path, sizeof(path), "%s%s", dir, sorted[i]);
		if ((is_dir && depth == DEPTH) ||
		    (policy &&
		     lamina_verdict_refuses(decide(policy, path, LAMINA_ACCESS_SEE))))
			continue;
		used += (size_t)snprintf(names + used, NAME_LISTS - used, "%s/", sorted[i]);
	}
}

static unsigned int depth_of(const char *dir)
{
	unsigned int depth = 0;

	for (; *dir; dir++)
		depth += *dir == '/';
	return depth;
}

/* ---- */

struct totals {
	unsigned long accesses, refused;
};

static bool is_right(const struct lamina_policy *policy, const struct order *o,
		     const struct result *result, int expected)
{
	char names[NAME_LISTS];
	const char *dir = strcmp(o->path, "./") ? o->path : "";

	if (result->error != expected) {
		printf("# %s %s%s%s: expected %s, got %s\n", op_names[o->op], o->path,
		       o->other[0] ? " to " : "", o->other,
		       expected ? strerrorname_np(expected) : "success",
		       result->error ? strerrorname_np(result->error) : "success");
		return false;
	}
	if (o->op != OP_LIST || expected)
		return true;
	expect_names(policy, dir, depth_of(dir), names);
	if (!strcmp(names, result->names))
		return true;
	printf("# list %s: expected %s, got %s\n", o->path, names, result->names);
	return false;
}

/* For who is not bound all is there, whatever the other one did. */
static bool is_complete(const struct order *o)
{
	char dir[256], names[NAME_LISTS], expected[NAME_LISTS];
	const char *end = strrchr(o->path, '/');

	snprintf(dir, sizeof(dir), "%.*s", end ? (int)(end + 1 - o->path) : 0, o->path);
	if (!strcmp(dir, "./"))
		dir[0] = '\0';
	expect_names(NULL, dir, depth_of(dir), expected);
	if (list(*dir ? dir : ".", names) == 0 && !strcmp(names, expected))
		return true;
	printf("# after %s %s who is not bound sees in %s: expected %s, got %s\n",
	       op_names[o->op], o->path, dir, expected, names);
	return false;
}

static bool try_access(const struct lamina_policy *policy, int orders, struct totals *totals)
{
	static struct result result;
	struct order order = {.op = (int)random_below(N_OPS)};
	int expected = choose(policy, &order);

	/* Names of what is looked at first are often known to the kernel from who may see them. */
	if (random_below(2))
		(void)is_complete(&order);
	if (send(orders, &order, sizeof(order), 0) < 0 ||
	    recv(orders, &result, sizeof(result), 0) != sizeof(result)) {
		printf("# the bound process has ended\n");
		return false;
	}
	totals->accesses++;
	totals->refused += expected != 0;
	if (!is_right(policy, &order, &result, expected))
		return false;
	if (result.error == 0)
		undo(&order);
	return is_complete(&order);
}

/* Put the files in force as one policy, and keep what the reader made of them for the matcher. */
static errint_t put_in_force(int root, struct text *files, unsigned int n,
			     struct lamina_policy *policy, struct lamina_error *error)
{
	struct lamina_sources sources = {.n = 0};
	struct lamina_bundle bundle;
	errint_t err = 0;

	lamina_policy_init(policy);
	for (unsigned int i = 0; err == 0 && i < n; i++) {
		char name[16];

		snprintf(name, sizeof(name), "file-%u", i);
		err = lamina_sources_add(&sources, name, files[i].bytes, files[i].n, false,
					 error);
		if (err == 0)
			err = lamina_policy_read_text(policy, name, files[i].bytes, files[i].n,
						      error);
	}
	if (err < 0) {
		lamina_sources_done(&sources);
		return err;
	}
	err = lamina_bundle_make(&bundle, "", &sources, error);
	if (err == 0) {
		err = lamina_client_apply(root, &bundle, error);
		lamina_bundle_done(&bundle);
	}
	return err;
}

static bool try_seed(uint64_t seed, int root, int orders, unsigned long accesses,
		     struct totals *totals)
{
	static struct text files[2];
	struct lamina_error error = {""};
	struct lamina_policy policy;
	unsigned int n;
	bool good = true;
	errint_t err;

	random_seed(seed);
	n = 1 + random_below(2);
	for (unsigned int i = 0; i < n; i++)
		make_file(&files[i]);
	err = put_in_force(root, files, n, &policy, &error);
	for (unsigned long i = 0; err == 0 && good && i < accesses; i++)
		good = try_access(&policy, orders, totals);
	lamina_policy_done(&policy);
	if (err == -E2BIG)
		return true;
	if (err < 0)
		printf("# %s\n", error.text);
	if (err == 0 && good)
		return true;
	printf("# seed %llu\n", (unsigned long long)seed);
	for (unsigned int i = 0; i < n; i++)
		printf("# file-%u:\n%s", i, files[i].bytes);
	return false;
}

int main(int argc, char **argv)
{
	unsigned long count = 100, seed = 1, accesses = 100;
	struct lamina_error error = {""};
	struct totals totals = {0};
	int ends[2], root, status;
	bool good = true;
	pid_t child;

	for (int i = 2; i + 1 < argc; i += 2) {
		if (!strcmp(argv[i], "--count"))
			count = strtoul(argv[i + 1], NULL, 10);
		else if (!strcmp(argv[i], "--seed"))
			seed = strtoul(argv[i + 1], NULL, 10);
		else if (!strcmp(argv[i], "--accesses"))
			accesses = strtoul(argv[i + 1], NULL, 10);
	}
	root = argc > 1 ? lamina_client_open(argv[1], &error) : -1;
	if (root < 0 || chdir(argv[1]) < 0 ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) {
		printf("# cannot begin: %s\n", error.text);
		return 1;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	make_tree("", DEPTH);
	child = fork();
	if (child == 0) {
		close(ends[0]);
		serve(ends[1], argv[1]);
	}
	close(ends[1]);
	for (unsigned long i = 0; good && i < count; i++)
		good = try_seed(seed + i, root, ends[0], accesses, &totals);
	close(ends[0]);
	waitpid(child, &status, 0);
	printf("# seeds from %lu: %lu accesses, %lu refused\n", seed, totals.accesses,
	       totals.refused);
	return good && totals.accesses > 0 ? 0 : 1;
}
