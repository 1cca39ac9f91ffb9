// SPDX-License-Identifier: GPL-2.0-or-later
/* A callback that may sleep must not load. */
#include "filter.bpf.h"

char LICENSE[] SEC("license") = "GPL";

SEC("struct_ops.s/sleepy_name")
int sleepy_name(unsigned long long *arguments)
{
	return 0;
}

SEC(".struct_ops.link")
struct fuse_filter_ops sleepy = {
	.name = (void *)sleepy_name,
	.id = "sleepy",
};
