// SPDX-License-Identifier: GPL-2.0-or-later
/* A promise about names from a filter that is not asked about any must not load. */
#include "filter.bpf.h"

char LICENSE[] SEC("license") = "GPL";

FILTER_CALLBACK(state_open)
{
	return 0;
}

SEC(".struct_ops.link")
struct fuse_filter_ops state_ops = {
	.open = (void *)state_open,
	.flags = FUSE_FILTER_BY_STATE,
	.id = "state",
};
