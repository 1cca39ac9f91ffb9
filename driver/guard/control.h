/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How a mount is told what to do: an ioctl on its root directory. There is no socket to find, to guard
 * or to leave behind; who has a path to the mount has it.
 *
 * It is answered only to who is not bound by policies (guard/caller.h) and is the user who made the
 * mount, or root; to everybody else, and to any process in a container, such an ioctl does not exist
 * (ENOTTY). Numbers of fds are those of the caller, which must be memfds (files without a name) or
 * pipes; anything else is EINVAL, as are an unknown version, operation or flag.
 */
#pragma once

#include <stdint.h>
#include <sys/ioctl.h>

#define LAMINA_CONTROL_VERSION 2u

enum lamina_control_op {
	/*
	 * Put the bundle in the memfd `in` in force, instead of what was; `in` -1: nothing. The mount begins to take
	 * back what the kernel keeps. -EAGAIN: what is in force is not what has the number `set` any more. -EPERM:
	 * the mount's base is not in the bundle as it is.
	 */
	LAMINA_CONTROL_APPLY,
	/*
	 * Write the paths from the root at which the kernel must be made to look again to the memfd `out`, each with
	 * a NUL. `out` -1: wait until the kernel has forgotten all listings of before, for a second at most;
	 * -EINPROGRESS: it has not.
	 */
	LAMINA_CONTROL_SETTLE,
	/* Write the bundle in force to the memfd `out`, nothing if there is none; `set` becomes its number. */
	LAMINA_CONTROL_SHOW,
	/* Write the audit to the pipe `out` as it happens, until it is closed; with LAMINA_CONTROL_PAST
	 * only what is still there, and then the end of the pipe. */
	LAMINA_CONTROL_TRACE,
	/* Write what is used to the pipe `out`, as guard/learn.h says, until it is closed. */
	LAMINA_CONTROL_LEARN,
	/* Who learns gets the rest, and the end of its pipe. */
	LAMINA_CONTROL_LEARN_END,
	LAMINA_CONTROL_OPS,
};

/* TRACE: begin with what is still there. LEARN: begin with the first program that is run. */
#define LAMINA_CONTROL_EARLIER 1u
#define LAMINA_CONTROL_AT_EXEC 1u
/* TRACE: end with what is still there. */
#define LAMINA_CONTROL_PAST 2u
/* All that TRACE and LEARN can have. */
#define LAMINA_CONTROL_TRACE_FLAGS (LAMINA_CONTROL_EARLIER | LAMINA_CONTROL_PAST)
#define LAMINA_CONTROL_LEARN_FLAGS LAMINA_CONTROL_AT_EXEC

struct lamina_control {
	uint32_t version;
	uint32_t op;
	int32_t in, out; /* fds, -1: none */
	uint32_t flags;
	uint32_t set;	      /* SHOW returns it and APPLY needs it; of all others 0 */
	uint32_t reserved[2]; /* 0 */
	char error[1024];     /* of a failure, what it was; a sentence */
};

#define LAMINA_IOC_CONTROL _IOWR('l', 0x50, struct lamina_control)
