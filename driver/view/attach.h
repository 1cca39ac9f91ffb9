/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Becoming the server of a view that is mounted. No fd of the mount is kept for that, since it would
 * keep the mount: it is looked for where it is mounted.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"

/*
 * An O_PATH fd of the root of the mount with device number @dev: at @target if it is there, else
 * wherever this namespace has it. -ENOENT: nowhere. The caller closes it soon: it holds up umount.
 */
errint_t lamina_view_find(dev_t dev, const char *target);

/*
 * Become the server of the view @mount (an fd as above). @replace: also if there is one, who then is
 * sent nothing more. Returns an open device or -errno; -EBUSY: there is a server.
 */
errint_t lamina_view_attach(int mount, bool replace, struct lamina_error *error);
