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

/* Give the object @fd, which may have no name and may be a symbolic link, the name @name in @dirfd. */
errint_t lamina_fd_link(int fd, int dirfd, const char *name);

/* Write all of @bytes to @fd, which blocks. */
errint_t lamina_fd_write_all(int fd, const void *bytes, size_t size);

/*
 * The path by which the kernel finds what @fd refers to, for calls that take no fd. It is relative to
 * the working directory in a process that holds /proc (base/proc.h).
 */
void lamina_fd_path(char path[LAMINA_FD_PATH_SIZE], int fd);

/*
 * Replace the directory @fd by a private clone of its mount with it as the root, which does not make
 * the mount busy. Where that is not permitted @fd stays as it is.
 */
void lamina_fd_clone_mount(int *fd);

/* The absolute path at which @fd is now, for free(). Returns 0 or -errno. */
errint_t lamina_fd_where(int fd, char **ret);
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

/* The soft limit of open files. */
size_t lamina_fd_limit(void);

/*
 * From now on the functions above return -EMFILE as soon as only @n descriptors are left, but for threads that
 * have called lamina_fd_use_reserve(true). To be called before other threads start.
 */
void lamina_fd_reserve(size_t n);

/* Whether the calling thread may use the last descriptors. */
void lamina_fd_use_reserve(bool use);

/*
 * Open /dev/null as each of the standard streams that is closed. To be called first in a program, or
 * what it opens gets their numbers, and what it prints goes there.
 */
void lamina_fd_open_standard(void);
