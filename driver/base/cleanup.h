/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Cleanup by attribute. A variable that owns something says so where it is declared; TAKE_FD and
 * TAKE_PTR hand the thing over and leave the variable empty. No cleanup changes errno, and each
 * leaves an empty variable, so it may also be called early.
 */
#pragma once

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <stdio.h>
#include <unistd.h>

#define _cleanup_(fn) __attribute__((__cleanup__(fn)))

static inline void lamina_cleanup_fd(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	errno = saved;
}

static inline void lamina_cleanup_free(void *pointer)
{
	free(*(void **)pointer);
}

static inline void lamina_cleanup_dir(DIR **dir)
{
	int saved = errno;

	if (*dir)
		closedir(*dir);
	*dir = NULL;
	errno = saved;
}

static inline void lamina_cleanup_file(FILE **file)
{
	int saved = errno;

	if (*file)
		fclose(*file);
	*file = NULL;
	errno = saved;
}

#define _cleanup_fd_   _cleanup_(lamina_cleanup_fd)
#define _cleanup_free_ _cleanup_(lamina_cleanup_free)
#define _cleanup_dir_  _cleanup_(lamina_cleanup_dir)
#define _cleanup_file_ _cleanup_(lamina_cleanup_file)

#define TAKE_FD(fd)                   \
	({                            \
		int *_owner = &(fd);  \
		int _taken = *_owner; \
		*_owner = -1;         \
		_taken;               \
	})

#define TAKE_PTR(pointer)                             \
	({                                            \
		typeof(pointer) *_owner = &(pointer); \
		typeof(pointer) _taken = *_owner;     \
		*_owner = NULL;                       \
		_taken;                               \
	})
