/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * -o remount: changing the flags of a mount that is there, as mount(8) asks its program to do.
 */
#pragma once

#include "mount/options.h"

/*
 * Make the mount on @o's mountpoint, which is relative to the directory @at, read-only or writable, and
 * give it those other flags that @o names. Everything else in @o is ignored, as on overlayfs: mount(8)
 * repeats the options that it finds. Its server goes on as it is. Sets @error.
 */
errint_t lamina_remount(int at, const struct lamina_mount_options *o, struct lamina_error *error);
