/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the running kernel can do for the bpf engine, and under which name: views are a file system
 * type of their own, by the module fuse_bpf, or part of FUSE in a kernel that has them built in.
 */
#pragma once

#include <stdint.h>

#include "base/error.h"

struct lamina_view_kernel {
	const char *device;  /* that a server opens */
	const char *type;    /* of the file system */
	const char *control; /* type of its control file system */
	uint64_t features;   /* FUSE_BPF_FEATURE_* */
	uint32_t layers_max;
};

/* Ask the kernel. The error says why there is no bpf engine. */
errint_t lamina_view_kernel_probe(struct lamina_view_kernel *ret, struct lamina_error *error);
