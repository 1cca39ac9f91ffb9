// SPDX-License-Identifier: GPL-2.0-or-later
/* What is no context must not be taken for one. */
#include "filter.bpf.h"

char LICENSE[] SEC("license") = "GPL";

FILTER_CALLBACK(forger_name)
{
	struct fuse_filter_ctx forged = {};
	char name[8];

	return bpf_fuse_name(&forged, name, sizeof(name));
}

SEC(".struct_ops.link")
struct fuse_filter_ops forger = {
	.name = (void *)forger_name,
	.id = "forger",
};
