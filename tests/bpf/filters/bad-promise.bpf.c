// SPDX-License-Identifier: GPL-2.0-or-later
/* A promise about facts from a filter that asks for none must not load. */
#include "filter.bpf.h"

char LICENSE[] SEC("license") = "GPL";

FILTER_CALLBACK(promise_entry)
{
	return 0;
}

SEC(".struct_ops.link")
struct fuse_filter_ops promise_ops = {
	.entry = (void *)promise_entry,
	.flags = FUSE_FILTER_BY_FACTS,
	.id = "promise",
};
