// SPDX-License-Identifier: GPL-2.0-or-later
/* A filter with something that the kernel doesn't know, or takes for wrong, must not load: slash. */
#include "filter.bpf.h"

char LICENSE[] SEC("license") = "GPL";

FILTER_CALLBACK(slash_name)
{
	return 0;
}

SEC(".struct_ops.link")
struct fuse_filter_ops slash_ops = {
	.name = (void *)slash_name,
	.child = "a/b",
	.id = "slash",
};
