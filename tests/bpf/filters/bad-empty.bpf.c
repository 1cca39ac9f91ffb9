// SPDX-License-Identifier: GPL-2.0-or-later
/* A filter without callbacks must not load. */
#include "filter.bpf.h"

char LICENSE[] SEC("license") = "GPL";

SEC(".struct_ops.link")
struct fuse_filter_ops empty = {
	.id = "empty",
};
