/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The filter that reads whiteouts is needed by every view of layers. Loading one takes libbpf, which
 * only the program `lamina` has in it: it is run for that.
 */
#pragma once

#include "base/error.h"

#define LAMINA_VIEW_FILTER "overlay"

/* Load the filter @name by the `lamina` beside the running program. */
errint_t view_filter_load(const char *name, struct lamina_error *error);
