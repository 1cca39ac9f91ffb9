/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The two ways in which a view is made, for view.c. */
#pragma once

#include "view/kernel.h"
#include "view/spec.h"

/* Without a server, by mount options. */
errint_t view_make_readonly(const struct lamina_view_kernel *kernel,
			    const struct lamina_view_spec *spec, struct lamina_view *ret,
			    struct lamina_error *error);

/* As a server does it, by ioctls on its device. @depth: how deep the layers' file systems are stacked
 * at most, and one more. -ELOOP: they are stacked deeper. */
errint_t view_make_writable(const struct lamina_view_kernel *kernel,
			    const struct lamina_view_spec *spec, unsigned int depth,
			    struct lamina_view *ret, struct lamina_error *error);

/* A connection of a server, with INIT answered; a superblock that is mounted nowhere. */
struct view_connection {
	int fs;
	int device;
};

errint_t view_connection_open(const struct lamina_view_kernel *kernel,
			      const struct lamina_view_spec *spec, struct view_connection *ret,
			      struct lamina_error *error);
errint_t view_connection_introduce(const struct view_connection *c, unsigned int depth,
				   struct lamina_error *error);
void view_connection_close(struct view_connection *c);
