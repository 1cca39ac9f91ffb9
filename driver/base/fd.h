/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * File descriptors and how they are opened. Nothing else in the tree opens a path inside a layer:
 * lookups go through lamina_fd_open_beneath(), single names through lamina_fd_open_name().
 */
#pragma once

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/errint.h"

/* Room for "/proc/self/fd/" and a number. */
#define LAMINA_FD_PATH_SIZE 32

/*
 * Open @path below the directory @dirfd without following a symbolic link, leaving @dirfd, or
 * crossing onto another mount. An empty @path is the directory itself. Any length is fine: a path
 * longer than PATH_MAX is walked in pieces. O_CLOEXEC is added. Returns an fd or -errno.
 */
errint_t lamina_fd_open_beneath(int dirfd, const char *path, int flags);

/* Open the single component @name of @dirfd, never a link's target. Returns an fd or -errno. */
errint_t lamina_fd_open_name(int dirfd, const char *name, int flags);

/* Open what @fd (usually O_PATH) refers to again, with other flags. Returns an fd or -errno. */
errint_t lamina_fd_reopen(int fd, int flags);

/* Write all of @bytes to @fd, which blocks. */
errint_t lamina_fd_write_all(int fd, const void *bytes, size_t size);

/* The path by which the kernel finds what @fd refers to: for calls that take no fd. */
void lamina_fd_path(char path[LAMINA_FD_PATH_SIZE], int fd);

/* The path of what the kernel tells of the descriptor @fd (fdinfo). */
void lamina_fd_info_path(char path[LAMINA_FD_PATH_SIZE], int fd);

/* As lamina_fd_path(), for the single component @name in the directory @dirfd; @size must hold both. */
errint_t lamina_fd_name_path(char *path, size_t size, int dirfd, const char *name);

/* The entries of the directory @fd, from the first; closedir() by the caller. @fd stays open. */
errint_t lamina_fd_read_dir(int fd, DIR **ret);

/* Whether the directory @fd holds nothing. Returns 1, 0 or -errno. */
errint_t lamina_fd_dir_is_empty(int fd);

/* Wait until @fd has the lock of what it is open on, alone. It goes with the descriptor. */
errint_t lamina_fd_lock(int fd);

/* Whether @name is one component that a directory may hold ("." and ".." are not). */
bool lamina_name_valid(const char *name);

/* Raise the soft limit of open files to the hard one; returns the limit in force. */
size_t lamina_fd_raise_limit(void);
