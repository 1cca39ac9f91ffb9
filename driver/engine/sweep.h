/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Taking back what the kernel keeps of what a policy hides from now on: attributes of objects and
 * listings of directories. After that a bound process that still has the name from the kernel gets no
 * further than the name.
 *
 * Names themselves can only be taken back with the lock of their directory, which a process may hold
 * that waits for us; and would wait for ever if we were killed in between. So that is left to who asked
 * for the policy (guard/client.h): it is told which.
 *
 * The kernel's notices are sent without any lock of ours.
 */
#pragma once

#include "base/text.h"
#include "engine/fs.h"

/*
 * A policy has come into force. The paths of the topmost hidden names that the kernel may know are
 * appended to @ret_paths, each with a NUL. -ENOMEM: not all could be taken back.
 */
errint_t sweep_policy(struct lamina_fs *fs, struct lamina_text *ret_paths);

/* From now on each listing matters: the kernel keeps none any more. */
errint_t sweep_listings(struct lamina_fs *fs);

/* Something was moved by who is not bound, to where the policy says something else of it. */
errint_t sweep_moved(struct lamina_fs *fs);
