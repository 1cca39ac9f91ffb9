/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The mount namespace in which a mount was made. A mount takes policies from there only, and hooks can be run
 * in others: builders make one for each container, and podman does for some.
 */
#pragma once

#include <sys/types.h>

#include "base/errint.h"

/*
 * Call @function in the namespace in which the mount of device number @dev was made, or, where it is not known
 * which that is, in those that have the mount, one after the other until it returns anything but -ENOTTY;
 * then come back. Returns what it returned last, or -ENOTTY if it was not called.
 */
errint_t hook_try_elsewhere(dev_t dev, errint_t (*function)(void *user), void *user);
