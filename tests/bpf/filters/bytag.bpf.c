// SPDX-License-Identifier: GPL-2.0-or-later
/* bytag: hides what the second layer has under the name 'two', and all below the root if the cookie is 9. */
#include "filter.bpf.h"

char LICENSE[] SEC("license") = "GPL";

FILTER_CALLBACK(bytag_name)
{
	if (ctx->cookie != ctx->state && ctx->state)
		return -EIO;
	return ctx->cookie == 9 && ctx->state == 9 ? FUSE_FILTER_HIDE : FUSE_FILTER_PASS;
}

FILTER_CALLBACK(bytag_entry)
{
	if (ctx->layer == 1 && ctx->name_len == 3 &&
	    (ctx->head & 0xffffff) == ('t' | 'w' << 8 | 'o' << 16))
		return FUSE_FILTER_HIDE;
	return FUSE_FILTER_PASS;
}

SEC(".struct_ops.link")
struct fuse_filter_ops bytag = {
	.name = (void *)bytag_name,
	.entry = (void *)bytag_entry,
	.flags = FUSE_FILTER_ANYONE,
	.id = "bytag",
};
