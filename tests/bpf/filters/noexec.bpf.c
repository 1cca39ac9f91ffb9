// SPDX-License-Identifier: GPL-2.0-or-later
/* noexec: what is opened for being executed is refused. */
#include "filter.bpf.h"

char LICENSE[] SEC("license") = "GPL";

FILTER_CALLBACK(noexec_open)
{
	return ctx->flags & FUSE_FILTER_EXEC ? -EACCES : FUSE_FILTER_PASS;
}

SEC(".struct_ops.link")
struct fuse_filter_ops noexec = {
	.open = (void *)noexec_open,
	.id = "noexec",
};
