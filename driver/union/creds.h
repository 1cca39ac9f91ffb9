/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whose objects a thread creates. The file system then does the rest as for any process: owner,
 * the group of a set-gid directory, umask or default ACL, quota, all in the one call that creates.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/errint.h"

/*
 * Prepare the process, before it has threads: ids can then be changed without a change of
 * capabilities, and the reserves that CAP_SYS_RESOURCE opens (quota, last blocks) stay shut, as
 * overlayfs keeps them. Without the privilege the daemon's own ids are all there is.
 */
void lamina_creds_prepare(void);

/* Give the calling thread a umask of its own, where that is permitted. Once a thread. */
errint_t lamina_creds_start_thread(void);

/*
 * What the calling thread creates from now on belongs to @uid and @gid, less the bits of @umask.
 * Returns 0, or -EPERM if the process may not: then its own ids stay in force, and it is to be given to
 * the right ones afterwards.
 */
errint_t lamina_creds_become(uid_t uid, gid_t gid, mode_t umask);

/*
 * The mode to create an object with in the directory @dirfd, so that @umask counts also where threads
 * cannot have one of their own.
 */
mode_t lamina_creds_masked(int dirfd, mode_t mode, mode_t umask);

/* What the calling thread creates from now on is the daemon's own. */
void lamina_creds_become_self(void);
