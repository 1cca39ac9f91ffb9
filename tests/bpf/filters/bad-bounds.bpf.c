// SPDX-License-Identifier: GPL-2.0-or-later
/* A buffer that is smaller than said must not load. */
#include "filter.bpf.h"

char LICENSE[] SEC("license") = "GPL";

FILTER_CALLBACK(bounds_name)
{
	char name[8];

	bpf_fuse_name(ctx, name, 16);
	return name[0];
}

SEC(".struct_ops.link")
struct fuse_filter_ops bounds = {
	.name = (void *)bounds_name,
	.id = "bounds",
};
