// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * access: refuses root nothing, and others what the view's data say: of names that begin with "g"
 * the accesses in word 0 are asked about, and those in word 1 refused, with word 2 as the error. What
 * comes from another name than one with a "g" is refused where word 3 says so.
 */
#include "filter.bpf.h"

char LICENSE[] SEC("license") = "GPL";

struct cred {
	struct {
		int val;
	} fsuid;
} __attribute__((preserve_access_index));

struct task_struct {
	const struct cred *cred;
} __attribute__((preserve_access_index));

/* Set by tests: what came last. */
struct {
	__u64 from;
	__u32 access;
	__u32 flags;
	__u32 n;
	char path[64];
} seen;

static bool is_governed(const struct fuse_filter_ctx *ctx)
{
	return (ctx->head & 0xff) == 'g';
}

FILTER_CALLBACK(access_name)
{
	if (is_governed(ctx))
		bpf_fuse_set_asks(ctx, bpf_fuse_data(ctx, 0));
	return FUSE_FILTER_PASS;
}

FILTER_CALLBACK(access_access)
{
	seen.from = ctx->from;
	seen.access = ctx->access;
	seen.flags = ctx->flags;
	seen.n++;
	bpf_fuse_path(ctx, seen.path, sizeof(seen.path));
	bpf_fuse_set_state(ctx, 1 + is_governed(ctx));
	if (bpf_get_current_task_btf()->cred->fsuid.val == 0)
		return FUSE_FILTER_PASS;
	if (ctx->flags & FUSE_FILTER_COMES && ctx->from == 1 && bpf_fuse_data(ctx, 3))
		return -18;
	if (ctx->access & bpf_fuse_data(ctx, 1))
		return -(int)bpf_fuse_data(ctx, 2);
	return FUSE_FILTER_PASS;
}

FILTER_CALLBACK(access_gate)
{
	return bpf_get_current_task_btf()->cred->fsuid.val ? -EPERM : FUSE_FILTER_PASS;
}

SEC(".struct_ops.link")
struct fuse_filter_ops access = {
	.name = (void *)access_name,
	.access = (void *)access_access,
	.gate = (void *)access_gate,
	.ops = BIT(FUSE_FILTER_DATA),
	.flags = FUSE_FILTER_BY_DATA,
	.id = "access",
};
