// SPDX-License-Identifier: GPL-2.0-or-later
/* Who changes attributes doesn't only watch, and must not load. */
#include "filter.bpf.h"

char LICENSE[] SEC("license") = "GPL";

FILTER_CALLBACK(watcher_attr)
{
	return 0;
}

SEC(".struct_ops.link")
struct fuse_filter_ops watcher_ops = {
	.attr = (void *)watcher_attr,
	.flags = FUSE_FILTER_WATCHES,
	.id = "watcher",
};
