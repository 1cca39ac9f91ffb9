/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * System calls that a kernel does not have, or a sandbox refuses: seccomp profiles answer those that
 * they do not know with EPERM as well as with ENOSYS, which then looks like an answer of the file
 * system. So each is tried once, with arguments to which only one answer is right, and a call that is
 * refused is not made again: what stands here does the same without it.
 *
 * Renames with flags are tried on the upper itself (union/upper.h).
 */
#pragma once

#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "base/errint.h"

enum lamina_call {
	LAMINA_CALL_OPENAT2,
	LAMINA_CALL_STATX,
	LAMINA_CALL_FACCESSAT2,
	LAMINA_CALL_NAME_TO_HANDLE_AT,
	LAMINA_CALL_XATTRAT, /* getxattrat, listxattrat */
	LAMINA_CALL_COPY_FILE_RANGE,
	LAMINA_CALL_CLOSE_RANGE,
	LAMINA_CALL_GETRANDOM,
	LAMINA_N_CALLS,
};

/* Find out. At the start of a program, before it has threads; without it nothing counts as refused. */
void lamina_calls_probe(void);

bool lamina_call_refused(enum lamina_call call);

/*
 * Open @path below @dirfd as openat2(2) does with RESOLVE_BENEATH, NO_SYMLINKS, NO_MAGICLINKS and
 * NO_XDEV. O_CLOEXEC is added. Returns an fd or -errno.
 */
errint_t lamina_call_open_beneath(int dirfd, const char *path, int flags);

/* statx(2) of @name in @dirfd; @flags as there. Without the call there is no time of birth. */
errint_t lamina_call_statx(int dirfd, const char *name, int flags, unsigned int mask,
			   struct statx *ret);

/* The number of the mount that @fd is on, or -errno. */
errint_t lamina_call_mount_id(int fd);

/* faccessat(2) with flags. The program's real and effective ids are the same. */
errint_t lamina_call_access(int dirfd, const char *name, int mode, int flags);

/* name_to_handle_at(2); -EOPNOTSUPP also where it is refused. */
errint_t lamina_call_handle(int dirfd, const char *name, struct file_handle *ret);

/* Random bytes that cannot be guessed. */
errint_t lamina_call_random(void *bytes, size_t size);

/*
 * The call of the mount API (fsopen(2) and those that follow it) that is refused to this process, though
 * it has the capability to mount; NULL: none. To a plain user the kernel itself refuses them.
 */
const char *lamina_call_refused_mounting(void);

/* Close all descriptors from @first on. */
void lamina_call_close_from(int first);
