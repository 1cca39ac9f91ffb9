/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Mounting by mount(2), where a sandbox refuses the mount API that a kernel has since 5.2. The mount is
 * visible at once, so what looks at it before the session answers has to wait.
 */
#pragma once

#include "mount/mount.h"

/* Mount with the open device of @m on its target. Returns 0 or -errno. */
errint_t mount_by_call(const struct lamina_mount *m, const struct lamina_mount_spec *spec);
