/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Taking back what the kernel keeps of what a policy hides from now on: that attributes are good, targets of links, and
 * listings of directories. After that a bound process that still has the name from the kernel gets no
 * further than the name.
 *
 * A notice about a directory waits for the page of its listing, which a process of a container can
 * hold for as long as it likes: one that reads the directory into memory that is not there yet
 * (userfaultfd). So notices are sent by a thread of their own, and nothing waits for that without a
 * limit. Without the thread (there was none to be had) the caller sends them.
 *
 * Names themselves can only be taken back with the lock of their directory, which a process may hold
 * that waits for us; and would wait for ever if we were killed in between. So that is left to the program
 * that put the policy in force (guard/again.h): it is told which.
 */
#pragma once

#include "base/text.h"
#include "engine/fs.h"

struct sweeper;

errint_t sweep_init(struct lamina_fs *fs);
void sweep_done(struct lamina_fs *fs);

/* Start the thread, in a session that has begun. Where there is none to be had things go on without. */
void sweep_start(struct lamina_fs *fs);

/* End it, before the session ends. Returns false: it is held up in the kernel, and goes on using @fs. */
bool sweep_stop(struct lamina_fs *fs);

/*
 * A policy has come into force: begin to take back what it hides, and, with @listings, the listings of all
 * directories. Returns a number to wait for.
 */
uint64_t sweep_begin(struct lamina_fs *fs, bool listings);

/*
 * Wait until that is done, but for LAMINA_SWEEP_WAIT_MS at most. -EINPROGRESS: it is not done; -ENOMEM: not all
 * could be taken back.
 */
errint_t sweep_wait(struct lamina_fs *fs, uint64_t number);

/*
 * The same but for listings, which nothing holds up. The paths of the topmost hidden names that the kernel may know
 * are appended to @ret, each with a NUL.
 */
errint_t sweep_names(struct lamina_fs *fs, uint64_t number, struct lamina_text *ret);

/*
 * Something was moved, by an exempt process, to where the policy says something else of it: take back what it hides now.
 * If that takes long it is not waited for; the policy is asked about the new place already.
 */
void sweep_after_move(struct lamina_fs *fs);

/* The number of the last one that was begun. */
uint64_t sweep_last(struct lamina_fs *fs);

/* Soon the kernel keeps no content of the node @id, a directory's listing or a link's target, from before this. */
void sweep_content(struct lamina_fs *fs, uint64_t id);
