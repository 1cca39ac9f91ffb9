// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What is done by the bound process, and how it is undone.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "policymount.h"

const char *order_name(int op)
{
	static const char *const names[N_OPS] = {
		"lstat",
		"open to read",
		"open to write",
		"open to read and write",
		"open with O_TRUNC",
		"execve",
		"list",
		"create",
		"mkdir",
		"mknod",
		"mkfifo",
		"mksock",
		"mkchar",
		"mkblock",
		"symlink",
		"rmdir",
		"unlink",
		"truncate",
		"link",
		"rename",
		"rename over",
		"exchange",
		"chmod",
		"utimensat",
		"chown",
		"setxattr",
		"removexattr",
	};

	return names[op];
}

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

int order_list(const char *path, char names[NAME_LISTS])
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
		ret->error = order_list(p, ret->names);
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

void order_serve(int orders, const char *root)
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

void order_undo(const struct order *o)
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
		must(tree_make_by_name(o->path), "making", o->path);
		break;
	case OP_LINK:
		must(unlink(o->other), "removing", o->other);
		break;
	case OP_RENAME:
		must(rename(o->other, o->path), "moving back", o->other);
		break;
	case OP_RENAME_OVER:
		must(tree_make_by_name(o->path), "making", o->path);
		break;
	case OP_OPEN_TRUNC:
	case OP_TRUNCATE:
		must(tree_make_regular(o->path), "writing", o->path);
		break;
	default:
		break;
	}
}
