// SPDX-License-Identifier: GPL-2.0-or-later
/* A filter with something that the kernel doesn't know, or takes for wrong, must not load: ops. */
#include "filter.bpf.h"

char LICENSE[] SEC("license") = "GPL";

FILTER_CALLBACK(ops_name)
{
	return 0;
}

SEC(".struct_ops.link")
struct fuse_filter_ops ops_ops = {
	.name = (void *)ops_name,
	.ops = BIT(FUSE_FILTER_OPEN),
	.id = "ops",
};
