/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The mount namespaces in which mounts are made. A mount takes policies from its own one only, and hooks
 * can be run in others: builders make one for each container, and podman does for some.
 */
#pragma once

#include "base/error.h"

/*
 * Call @function in the mount namespace of each mount program, one after the other, until it returns
 * anything but -ENOTTY; then come back. Returns what it returned last, or -ENOTTY if it was not called.
 */
errint_t hook_try_elsewhere(errint_t (*function)(void *user), void *user);
