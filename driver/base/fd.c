// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The only place that turns paths and names of layers into file descriptors.
 */
#include "base/fd.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include "base/calls.h"
#include "base/proc.h"

/* Pieces in which a long path is walked: below PATH_MAX, with room for a whole component. */
#define PIECE_MAX (PATH_MAX - NAME_MAX - 2)

/* Descriptors for all threads but those that use the reserve. */
static int share = INT_MAX;
static _Thread_local bool uses_reserve;

void lamina_fd_reserve(size_t n)
{
	size_t limit = lamina_fd_limit();

	share = limit > n && limit - n < INT_MAX ? (int)(limit - n) : INT_MAX;
}

void lamina_fd_use_reserve(bool use)
{
	uses_reserve = use;
}

/*
 * What an open has returned, as fd or -errno. The kernel gives the lowest number that is free, so a
 * number beyond the share means that the share is in use.
 */
static errint_t within_share(errint_t fd)
{
	if (fd < share || uses_reserve)
		return fd;
	close(fd);
	return -EMFILE;
}

static errint_t open_piece(int dirfd, const char *path, int flags)
{
	return within_share(lamina_call_open_beneath(dirfd, path, flags));
}

/* Walk all of @path but its last piece; *@rest is left at the start of that piece. */
static errint_t walk_pieces(int dirfd, const char **rest)
{
	_cleanup_fd_ int at = -1;

	while (strlen(*rest) > PIECE_MAX) {
		char piece[PIECE_MAX + 1];
		size_t length = PIECE_MAX;

		while (length > 0 && (*rest)[length] != '/')
			length--;
		if (length == 0)
			return -ENAMETOOLONG;
		memcpy(piece, *rest, length);
		piece[length] = '\0';

		int next = open_piece(at >= 0 ? at : dirfd, piece, O_PATH | O_DIRECTORY);

		if (next < 0)
			return next;
		lamina_cleanup_fd(&at);
		at = next;
		*rest += length + 1;
	}
	return TAKE_FD(at);
}

errint_t lamina_fd_open_beneath(int dirfd, const char *path, int flags)
{
	if (!*path)
		return open_piece(dirfd, ".", flags);
	if (strlen(path) <= PIECE_MAX)
		return open_piece(dirfd, path, flags);

	_cleanup_fd_ int at = walk_pieces(dirfd, &path);

	if (at < 0)
		return at;
	return open_piece(at, path, flags);
}

errint_t lamina_fd_open_name(int dirfd, const char *name, int flags)
{
	int fd = openat(dirfd, name, flags | O_NOFOLLOW | O_CLOEXEC);

	return within_share(fd < 0 ? -errno : fd);
}

/* A process that holds /proc works in it. */
static const char *proc_prefix(void)
{
	return lamina_proc_fd() >= 0 ? "" : "/proc/";
}

void lamina_fd_path(char path[LAMINA_FD_PATH_SIZE], int fd)
{
	snprintf(path, LAMINA_FD_PATH_SIZE, "%sself/fd/%d", proc_prefix(), fd);
}

void lamina_fd_info_path(char path[LAMINA_FD_PATH_SIZE], int fd)
{
	snprintf(path, LAMINA_FD_PATH_SIZE, "%sself/fdinfo/%d", proc_prefix(), fd);
}

errint_t lamina_fd_name_path(char *path, size_t size, int dirfd, const char *name)
{
	int length = snprintf(path, size, "%sself/fd/%d/%s", proc_prefix(), dirfd, name);

	return length < 0 || (size_t)length >= size ? -ENAMETOOLONG : 0;
}

void lamina_fd_clone_mount(int *fd)
{
	int clone = open_tree(*fd, "",
			      AT_EMPTY_PATH | OPEN_TREE_CLONE | (unsigned int)OPEN_TREE_CLOEXEC);

	if (clone < 0)
		return;
	close(*fd);
	*fd = clone;
}

errint_t lamina_fd_where(int fd, char **ret)
{
	char path[LAMINA_FD_PATH_SIZE], where[PATH_MAX];
	ssize_t n;

	lamina_fd_path(path, fd);
	n = readlink(path, where, sizeof(where) - 1);
	if (n < 0)
		return -errno;
	where[n] = '\0';
	*ret = strdup(where);
	return *ret ? 0 : -ENOMEM;
}

errint_t lamina_fd_reopen(int fd, int flags)
{
	char path[LAMINA_FD_PATH_SIZE];
	int again;

	lamina_fd_path(path, fd);
	again = open(path, flags | O_CLOEXEC);
	return within_share(again < 0 ? -errno : again);
}

errint_t lamina_fd_link(int fd, int dirfd, const char *name)
{
	char path[LAMINA_FD_PATH_SIZE];

	lamina_fd_path(path, fd);
	return linkat(AT_FDCWD, path, dirfd, name, AT_SYMLINK_FOLLOW) < 0 ? -errno : 0;
}

errint_t lamina_fd_write_all(int fd, const void *bytes, size_t size)
{
	const char *at = bytes;

	while (size > 0) {
		ssize_t n = write(fd, at, size);

		if (n < 0 && errno != EINTR)
			return -errno;
		at += n > 0 ? n : 0;
		size -= n > 0 ? (size_t)n : 0;
	}
	return 0;
}

errint_t lamina_fd_read_dir(int fd, DIR **ret)
{
	errint_t again = lamina_fd_open_beneath(fd, "", O_RDONLY | O_DIRECTORY);
	DIR *dir;

	if (again < 0)
		return again;
	dir = fdopendir(again);
	if (!dir) {
		close(again);
		return -ENOMEM;
	}
	*ret = dir;
	return 0;
}

errint_t lamina_fd_dir_is_empty(int fd)
{
	_cleanup_dir_ DIR *dir = NULL;
	const struct dirent *d;
	errint_t err = lamina_fd_read_dir(fd, &dir);

	if (err < 0)
		return err;
	while ((d = readdir(dir)))
		if (lamina_name_valid(d->d_name))
			return 0;
	return 1;
}

errint_t lamina_fd_lock(int fd)
{
	while (flock(fd, LOCK_EX) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

bool lamina_name_valid(const char *name)
{
	if (!*name || !strcmp(name, ".") || !strcmp(name, ".."))
		return false;
	return !strchr(name, '/');
}

size_t lamina_fd_limit(void)
{
	struct rlimit limit;

	return getrlimit(RLIMIT_NOFILE, &limit) < 0 ? 1024 : (size_t)limit.rlim_cur;
}

void lamina_fd_open_standard(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		int opened;

		if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF)
			continue;
		opened = open("/dev/null", O_RDWR);
		/* Any descriptor keeps the number from being a layer's. */
		if (opened < 0)
			opened = open("/", O_PATH);
		if (opened > fd) /* another number: cannot be, the lowest free one is taken */
			close(opened);
	}
}
