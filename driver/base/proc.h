/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The /proc that a process holds on to. A daemon must find its own descriptors and the processes
 * that call it for as long as it lives, whatever is mounted over /proc, unmounted, or made the root
 * directory meanwhile. So it holds a descriptor of /proc and works in it: paths to descriptors are
 * relative to the working directory.
 */
#pragma once

#include "base/error.h"

/*
 * Hold /proc from now on and make it the working directory: a private clone of the mount at /proc, or
 * that mount itself where no clone is permitted; a new mount where /proc is covered, not mounted, or
 * of another pid namespace; and the last one where no new mount is permitted. Call it once, in a
 * process with one thread, before lamina_fd_path() is used. Children inherit it. Sets @error: there
 * is no /proc that shows this process.
 */
errint_t lamina_proc_hold(struct lamina_error *error);

/* The descriptor of the held /proc, often O_PATH, owned by this module; -1: none is held. */
int lamina_proc_fd(void);

/*
 * Open @path, which is relative to /proc: of the held one, or of the one that is mounted at /proc.
 * O_CLOEXEC is added. Returns an fd or -errno.
 */
errint_t lamina_proc_open(const char *path, int flags);
