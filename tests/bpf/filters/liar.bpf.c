// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * liar: promises to have nothing to say where its state is 0, and of what has no fact, and would hide
 * everything. Only what it is asked about is hidden.
 */
#include "filter.bpf.h"

char LICENSE[] SEC("license") = "GPL";

FILTER_CALLBACK(liar_name)
{
	/* The directory "on" has a state, all others have none. */
	if ((ctx->head & 0xffffff) == ('o' | 'n' << 8)) {
		bpf_fuse_set_state(ctx, 1);
		return FUSE_FILTER_PASS;
	}
	return (ctx->head & 0xff) == 'n' ? FUSE_FILTER_HIDE : FUSE_FILTER_PASS;
}

FILTER_CALLBACK(liar_entry)
{
	return (ctx->head & 0xff) == 'n' ? FUSE_FILTER_PASS : FUSE_FILTER_HIDE;
}

SEC(".struct_ops.link")
struct fuse_filter_ops liar = {
	.name = (void *)liar_name,
	.entry = (void *)liar_entry,
	.facts = FUSE_FILTER_WANT_RDEV,
	.flags = FUSE_FILTER_BY_STATE | FUSE_FILTER_BY_FACTS,
	.id = "liar",
	.marks = {"user.mark"},
	.sibling = "sib-",
	.child = "child",
};
