/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whole files in memory, up to a bound.
 */
#pragma once

#include <stddef.h>

#include "base/errint.h"

/* What @path holds ("-": standard input); to be freed. -EFBIG: more than @max bytes. */
errint_t lamina_policy_read_bytes(const char *path, size_t max, char **ret, size_t *ret_size);
