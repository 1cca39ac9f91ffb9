/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Mount namespaces by their ids. The kernel never uses an id twice (NS_GET_MNTNS_ID, Linux 6.11),
 * unlike the inode number of /proc/PID/ns/mnt, so an id stays true after its namespace has ended. And
 * unlike a descriptor of a namespace, an id does not keep it.
 */
#pragma once

#include <stdint.h>

#include "base/errint.h"

/* The id of the namespace that the open /proc/PID/ns/mnt @fd is of. -ENOTTY: an older kernel. */
errint_t lamina_mntns_id(int fd, uint64_t *ret);

/* The id of the caller's namespace. */
errint_t lamina_mntns_own(uint64_t *ret);

/*
 * Enter the namespace @id through any process that is in it; the working directory becomes its root.
 * For a process with one thread. -ESRCH: no process that /proc shows is in it.
 */
errint_t lamina_mntns_enter(uint64_t id);
