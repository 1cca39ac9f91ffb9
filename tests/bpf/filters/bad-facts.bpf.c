// SPDX-License-Identifier: GPL-2.0-or-later
/* A filter with something that the kernel doesn't know, or takes for wrong, must not load: facts. */
#include "filter.bpf.h"

char LICENSE[] SEC("license") = "GPL";

FILTER_CALLBACK(facts_name)
{
	return 0;
}

SEC(".struct_ops.link")
struct fuse_filter_ops facts_ops = {
	.name = (void *)facts_name,
	.facts = 0x80,
	.id = "facts",
};
