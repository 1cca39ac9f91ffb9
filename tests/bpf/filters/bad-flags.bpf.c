// SPDX-License-Identifier: GPL-2.0-or-later
/* A filter with something that the kernel doesn't know, or takes for wrong, must not load: flags. */
#include "filter.bpf.h"

char LICENSE[] SEC("license") = "GPL";

FILTER_CALLBACK(flags_name)
{
	return 0;
}

SEC(".struct_ops.link")
struct fuse_filter_ops flags_ops = {
	.name = (void *)flags_name,
	.flags = 0x80,
	.id = "flags",
};
