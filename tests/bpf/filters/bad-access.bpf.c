// SPDX-License-Identifier: GPL-2.0-or-later
/* access without name, which has to ask for it: not a filter. */
#include "filter.bpf.h"

char LICENSE[] SEC("license") = "GPL";

FILTER_CALLBACK(bad_access)
{
	return FUSE_FILTER_PASS;
}

SEC(".struct_ops.link")
struct fuse_filter_ops bad = {
	.access = (void *)bad_access,
	.id = "bad",
};
