/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A mount namespace of the daemon's own, in which nothing is mounted but an empty root and /proc.
 *
 * A process that stays in the mount namespace of its caller keeps it from ending, and with it the
 * mount that it serves; and its root directory follows pivot_root(2), perhaps into that mount. The
 * daemon needs no path: it has descriptors of all that it works on.
 */
#pragma once

#include <stdint.h>

#include "base/error.h"

/*
 * Leave the caller's mount namespace, if this process may, and if the kernel has ids by which the
 * namespace is known afterwards. /proc must be held. One thread, before there are others.
 * *@ret_left: the id of the namespace that was left; 0: the process is where it was. Sets @error:
 * the process can go neither there nor back.
 */
errint_t lamina_isolate(uint64_t *ret_left, struct lamina_error *error);
