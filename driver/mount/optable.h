/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What -o can have.
 */
#pragma once

#include "mount/options.h"

/* A value as long as the kernel may keep anything; fuse-overlayfs' default, too. */
#define TIMEOUT_DEFAULT 1e9

struct option_parser {
	struct lamina_mount_options *o;
	struct lamina_error *error;
	const char *name; /* of the option at hand */
};

/*
 * Take in the option p->name with @value, which may be NULL and is changed. One that nobody knows is
 * warned about on stderr.
 */
errint_t mount_option_apply(struct option_parser *p, char *value);

void mount_option_clear_lowers(struct lamina_mount_options *o);

/* Print the usage's lines about them. */
void mount_options_print(void);
