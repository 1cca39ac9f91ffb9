/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which engines work here. Nothing is guessed from versions: a FUSE connection is made, asked, and
 * thrown away without ever being mounted.
 */
#pragma once

#include <stdint.h>

#include "base/error.h"

struct lamina_probe {
	errint_t fuse;				       /* 0: works; else -errno */
	errint_t passthrough;			       /* likewise */
	struct lamina_error fuse_why, passthrough_why; /* a sentence each, if not */
	uint64_t flags;				       /* what the kernel offers in INIT */
	uint32_t kernel_minor;			       /* of protocol 7 */
};

void lamina_probe_run(struct lamina_probe *ret);
