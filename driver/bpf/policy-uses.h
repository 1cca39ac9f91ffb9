/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Learning what is used in a view: the filter policy tells of it, and what the mount program does on
 * other engines is done here. One thread.
 */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <time.h>

#include "base/error.h"
#include "base/text.h"

struct lamina_policy_uses;

/*
 * Begin to learn of the view @root (an fd of its root directory, open for reading), which is mounted on
 * @target. @waits: with the first program that is run. -EBUSY: somebody learns of it already. On success
 * the caller ends it with lamina_policy_uses_done().
 */
errint_t lamina_policy_uses_begin(int root, const char *target, bool waits,
				  struct lamina_policy_uses **ret, struct lamina_error *error);

/*
 * Wait until there is something to take, or the view is gone. @timeout (NULL: none) and @mask are those
 * of ppoll(2). Returns false if neither has come.
 */
bool lamina_policy_uses_wait(struct lamina_policy_uses *uses, const struct timespec *timeout,
			     const sigset_t *mask);

/*
 * Append to @text what was used since the last time, in the records of guard/learn.h. Returns 1, 0 if
 * that was the end, or -errno. The end comes after lamina_policy_uses_end(), or when nothing is mounted
 * on the target any more.
 */
errint_t lamina_policy_uses_take(struct lamina_policy_uses *uses, struct lamina_text *text);

/* The view tells no more. */
void lamina_policy_uses_end(struct lamina_policy_uses *uses);

/* Ends it, and frees it. NULL is nothing. */
void lamina_policy_uses_done(struct lamina_policy_uses *uses);
