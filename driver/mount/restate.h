/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The options that say what a mount's layers are, put into words again: for who serves them later,
 * from another directory.
 */
#pragma once

#include "mount/options.h"

/*
 * "lowerdir=...,upperdir=...,..." with absolute paths, as lamina_mount_options_parse() takes it, for
 * free(). A path that cannot be resolved any more stays as it is. NULL without memory.
 */
char *lamina_mount_options_restate(const struct lamina_mount_options *o);
