/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The lines of the audit, which are JSON, as they are or as columns. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Before the first line. */
void trace_line_begin(bool json);

/* Print lines, each of which ends with a newline. */
void trace_line_print(bool json, const char *lines, size_t size);
