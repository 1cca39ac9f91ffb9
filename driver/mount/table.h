/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The mount table of this namespace, as far as it is needed here.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/errint.h"

struct lamina_table_entry {
	dev_t dev;
	const char *target, *type, *source;
};

/* Call @each for every mount, until it returns false. Returns 0 or -errno. */
errint_t lamina_table_each(bool (*each)(void *user, const struct lamina_table_entry *entry),
			   void *user);
