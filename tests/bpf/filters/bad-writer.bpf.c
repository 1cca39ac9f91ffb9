// SPDX-License-Identifier: GPL-2.0-or-later
/* A callback that writes to its context must not load. */
#include "filter.bpf.h"

char LICENSE[] SEC("license") = "GPL";

FILTER_CALLBACK(writer_name)
{
	ctx->state = 1;
	return 0;
}

SEC(".struct_ops.link")
struct fuse_filter_ops writer = {
	.name = (void *)writer_name,
	.id = "writer",
};
