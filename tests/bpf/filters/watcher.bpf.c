// SPDX-License-Identifier: GPL-2.0-or-later
/* watcher: objects to everything, but promised to watch. */
#include "filter.bpf.h"

char LICENSE[] SEC("license") = "GPL";

FILTER_CALLBACK(watcher_name)
{
	return FUSE_FILTER_HIDE;
}

FILTER_CALLBACK(watcher_entry)
{
	return FUSE_FILTER_WHITEOUT;
}

FILTER_CALLBACK(watcher_open)
{
	return -EACCES;
}

FILTER_CALLBACK(watcher_gate)
{
	return 7;
}

SEC(".struct_ops.link")
struct fuse_filter_ops watcher = {
	.name = (void *)watcher_name,
	.entry = (void *)watcher_entry,
	.open = (void *)watcher_open,
	.gate = (void *)watcher_gate,
	.ops = BIT(FUSE_FILTER_OPS) - BIT(FUSE_FILTER_GETATTR),
	.flags = FUSE_FILTER_WATCHES,
	.id = "watcher",
};
