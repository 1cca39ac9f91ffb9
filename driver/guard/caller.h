/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who calls: a policy binds every process outside the mount namespace that made the mount.
 *
 * The kernel names the thread that waits for the answer to a request. As long as it has to wait it can
 * neither end nor change its namespaces, so what /proc says of it during the request is true, and
 * nothing of it is remembered. Whom /proc does not show is bound: another pid namespace's thread, which
 * has no number here, one that we may not look at, one that is about to end.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/errint.h"

struct lamina_callers {
	int proc;     /* /proc; -1: callers cannot be told apart */
	char own[32]; /* the mount namespace that made the mount, as /proc says it */
	uint64_t id;  /* its id; 0: the kernel has none, and this process stays in it */
};

/* To be called in the namespaces in which the mount was made. -errno: @c tells nobody apart. */
errint_t lamina_callers_init(struct lamina_callers *c);
void lamina_callers_done(struct lamina_callers *c);

/* Whether thread @pid, which waits for an answer, is bound by policies. */
bool lamina_caller_is_bound(const struct lamina_callers *c, pid_t pid);

/*
 * Open what thread @pid, which waits for an answer, has open as @fd: a memfd or a pipe, and nothing else,
 * since it is opened with our rights and not with those of the caller. Returns an fd or -errno; -EBADF:
 * there is no such fd, -EINVAL: it is neither.
 */
errint_t lamina_caller_open(const struct lamina_callers *c, pid_t pid, int fd, int flags);

/* The command of thread @pid, and the path of its program; "" where that can't be seen. */
void lamina_caller_comm(const struct lamina_callers *c, pid_t pid, char *ret, size_t size);
void lamina_caller_exe(const struct lamina_callers *c, pid_t pid, char *ret, size_t size);

/*
 * What /proc tells of the rights of thread @pid, which waits for an answer. What cannot be seen it does
 * not have.
 */
struct lamina_caller_rights {
	bool in_group;	     /* a supplementary group of it is the one asked for */
	bool has_capability; /* the capability is in effect, in whichever user namespace */
	bool is_initial;     /* its user namespace is the host's */
};

void lamina_caller_look(const struct lamina_callers *c, pid_t pid, gid_t gid,
			unsigned int capability, struct lamina_caller_rights *ret);
