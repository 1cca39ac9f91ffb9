/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Mounting a read-only view, which needs no process afterwards. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* The cookie that filters get if none is said: hide's root. */
#define LAMINA_VIEW_COOKIE 1

struct lamina_view_filter {
	char *name;
	uint64_t cookie;
};

struct lamina_view_spec {
	char **layers; /* the topmost first */
	size_t n_layers;
	struct lamina_view_filter *filters;
	size_t n_filters;
	const char *marks; /* of the kernel's own: "trusted", "user", "none"; NULL: the filter's */
	const char *source;
	const char *target;
	bool only_owner; /* no allow_other */
};

errint_t lamina_view_mount(const struct lamina_view_spec *spec, struct lamina_error *error);
