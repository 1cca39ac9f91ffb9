/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the test tools share: the mount API by number, since old C libraries lack it, and messages.
 */
#pragma once

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_fsopen
#define SYS_open_tree  428
#define SYS_move_mount 429
#define SYS_fsopen     430
#define SYS_fsconfig   431
#define SYS_fsmount    432
#endif

enum {
	CFG_SET_FLAG = 0,
	CFG_SET_STRING = 1,
	CFG_SET_FD = 5,
	CFG_CREATE = 6,
};

#define MOVE_EMPTY_PATH 4

static inline int sys_fsopen(const char *type)
{
	return (int)syscall(SYS_fsopen, type, 1);
}

static inline int sys_fsconfig(int fd, unsigned int cmd, const char *key, const void *value,
			       int aux)
{
	return (int)syscall(SYS_fsconfig, fd, cmd, key, value, aux);
}

static inline int sys_fsmount(int fd, unsigned int attributes)
{
	return (int)syscall(SYS_fsmount, fd, 1, attributes);
}

static inline int sys_move_mount(int from, const char *to)
{
	return (int)syscall(SYS_move_mount, from, "", -100, to, MOVE_EMPTY_PATH);
}

/* The type of file system that makes views; in a kernel that has them built in it is "fuse". */
static inline const char *fuse_type(void)
{
	const char *type = getenv("LAMINA_FUSE_TYPE");

	return type ? type : "fuse_bpf";
}

/* Ends the program with the name of the last error on stderr, which tests compare. */
static inline void __attribute__((noreturn)) fail(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerrorname_np(errno));
	exit(1);
}
