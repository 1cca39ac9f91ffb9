/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether engine bpf can carry a mount: the kernel shows layers as they lie, and knows fewer ways to
 * keep things in them than the union does.
 */
#pragma once

#include "mount/options.h"

/* Whether this process is root in the first user namespace, as who makes a view must be. */
bool lamina_mount_is_real_root(void);

/*
 * Returns 0; or -EOPNOTSUPP, and @why is a sentence that says what is in the way. That the kernel has
 * views at all is not asked for.
 */
errint_t lamina_mount_fits_view(const struct lamina_mount_options *o, const struct lamina_union *u,
				struct lamina_error *why);
