/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Copying a file's data the cheapest way that the file systems allow.
 */
#pragma once

#include <stdatomic.h>
#include <sys/types.h>

#include "base/errint.h"

/*
 * Make the empty file @to hold the first @size bytes of @from, holes kept: by reflink, by
 * copy_file_range, or by reading and writing. When *@cancel becomes true (may be NULL) the copy
 * ends with -EINTR.
 */
errint_t lamina_copy_data(int from, int to, off_t size, const atomic_bool *cancel);
