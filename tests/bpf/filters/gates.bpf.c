// SPDX-License-Identifier: GPL-2.0-or-later
/* gates: lets everything happen, but gives one operation one answer. */
#include "filter.bpf.h"

char LICENSE[] SEC("license") = "GPL";

/* Set by the tests, see tools/gates.py: its only variables, in this order. No operation is 0. */
__u32 which;
__s32 answer;

static int gate(struct fuse_filter_ctx *ctx)
{
	return which && ctx->op == which ? answer : FUSE_FILTER_PASS;
}

FILTER_CALLBACK(gates_open)
{
	return gate(ctx);
}

FILTER_CALLBACK(gates_gate)
{
	return gate(ctx);
}

FILTER_CALLBACK(gates_attr)
{
	return gate(ctx);
}

SEC(".struct_ops.link")
struct fuse_filter_ops gates = {
	.open = (void *)gates_open,
	.gate = (void *)gates_gate,
	.attr = (void *)gates_attr,
	.ops = BIT(FUSE_FILTER_OPS) - BIT(FUSE_FILTER_GETATTR),
	.id = "gates",
};
