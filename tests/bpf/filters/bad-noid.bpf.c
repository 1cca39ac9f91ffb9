// SPDX-License-Identifier: GPL-2.0-or-later
/* A filter with something that the kernel doesn't know, or takes for wrong, must not load: noid. */
#include "filter.bpf.h"

char LICENSE[] SEC("license") = "GPL";

FILTER_CALLBACK(noid_name)
{
	return 0;
}

SEC(".struct_ops.link")
struct fuse_filter_ops noid_ops = {
	.name = (void *)noid_name,
	.ops = 0,
	.id = "a b",
};
