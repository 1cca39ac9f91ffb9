// SPDX-License-Identifier: GPL-2.0-or-later
/* gates: refuses every operation with EPERM, one at a time: the one in refused. */
#include "filter.bpf.h"

char LICENSE[] SEC("license") = "GPL";

/* Set by the tests, as its only variable. */
__u32 refused;

static int gate(struct fuse_filter_ctx *ctx)
{
	return refused && ctx->op == refused ? -1 : FUSE_FILTER_PASS;
}

FILTER_CALLBACK(gates_open)
{
	return gate(ctx);
}

FILTER_CALLBACK(gates_gate)
{
	return gate(ctx);
}

SEC(".struct_ops.link")
struct fuse_filter_ops gates = {
	.open = (void *)gates_open,
	.gate = (void *)gates_gate,
	.ops = BIT(FUSE_FILTER_OPS) - BIT(FUSE_FILTER_GETATTR),
	.id = "gates",
};
