// SPDX-License-Identifier: GPL-2.0-or-later
/* owner: everything belongs to 1000:1001 and has the mode in the attribute user.mode, in octal. */
#include "filter.bpf.h"

char LICENSE[] SEC("license") = "GPL";

FILTER_CALLBACK(owner_attr)
{
	struct fuse_filter_attr attr = {.mode = ctx->mode, .uid = 1000, .gid = 1001};
	char text[8] = {};
	int len = bpf_fuse_value(ctx, text, sizeof(text));

	if (len == 4) {
		attr.mode = 0;
		for (int i = 0; i < 4; i++)
			attr.mode = attr.mode << 3 | (text[i] & 7);
	} else if (len != -61) {
		return -EIO;
	}
	if (bpf_fuse_set_state(ctx, 1) != -22)
		return -EIO;
	return bpf_fuse_set_attr(ctx, &attr) < 0 ? -EACCES : FUSE_FILTER_PASS;
}

SEC(".struct_ops.link")
struct fuse_filter_ops owner = {
	.attr = (void *)owner_attr,
	.id = "owner",
	.value = "user.mode",
};
