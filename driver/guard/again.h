/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Names that the kernel keeps from before a policy are looked up again, so that it asks about them from then on.
 * That takes the lock of a name's directory, which a process of a container can hold for as long as it likes: so
 * there is a limit to each name, and to all.
 */
#pragma once

#include "base/error.h"

/*
 * Look again at all of the paths in the memfd @paths, from the directory @root on, each with a NUL, until @end (see
 * lamina_limited_now()). -ETIMEDOUT with @error set: it could not be done for some.
 */
errint_t lamina_again_all(int root, int paths, long end, struct lamina_error *error);
