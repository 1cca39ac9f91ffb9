/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A mount in the making (fsopen(2)), with the kernel's own words in what goes wrong.
 */
#pragma once

#include "base/error.h"
#include "view/view.h"

/* Set one option; a NULL @value makes it a flag. */
errint_t view_config_set(int fs, const char *key, const char *value, struct lamina_error *error);
errint_t view_config_number(int fs, const char *key, unsigned int value,
			    struct lamina_error *error);

/* The options that all views have. */
errint_t view_config_common(int fs, const struct lamina_view_spec *spec,
			    struct lamina_error *error);

/* Make the superblock. */
errint_t view_config_create(int fs, const struct lamina_view_spec *spec,
			    struct lamina_error *error);

/* The mount of it. Returns an fd or -errno. */
errint_t view_config_mount(int fs, const struct lamina_view_spec *spec, struct lamina_error *error);

/* Set @error: "cannot DOING 'WHAT'", with what the kernel said. Returns @err. */
errint_t view_config_fail(int fs, errint_t err, struct lamina_error *error, const char *doing,
			  const char *what);
