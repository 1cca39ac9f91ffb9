// SPDX-License-Identifier: GPL-2.0-or-later
/* answers: gives, for some names, each answer that there is, allowed or not. */
#include "filter.bpf.h"

char LICENSE[] SEC("license") = "GPL";

static bool is(struct fuse_filter_ctx *ctx, const char *word)
{
	char name[8];

	bpf_fuse_name(ctx, name, sizeof(name));
	for (int i = 0; i < 8; i++) {
		if (name[i] != word[i])
			return false;
		if (!name[i])
			break;
	}
	return true;
}

/* Names that begin with "n-" get their answer from name, others from entry. */
static int answer(struct fuse_filter_ctx *ctx)
{
	if (is(ctx, "n-hide") || is(ctx, "hide"))
		return FUSE_FILTER_HIDE;
	if (is(ctx, "n-acces") || is(ctx, "acces"))
		return -EACCES;
	if (is(ctx, "n-opaq") || is(ctx, "opaq"))
		return FUSE_FILTER_OPAQUE;
	if (is(ctx, "n-white") || is(ctx, "white"))
		return FUSE_FILTER_WHITEOUT;
	if (is(ctx, "n-daem") || is(ctx, "daem"))
		return FUSE_FILTER_DAEMON;
	if (is(ctx, "n-seven") || is(ctx, "seven"))
		return 7;
	if (is(ctx, "n-again") || is(ctx, "again"))
		return -11;
	if (is(ctx, "n-rest") || is(ctx, "rest"))
		return -512;
	if (is(ctx, "n-min") || is(ctx, "min"))
		return -2147483648;
	return FUSE_FILTER_PASS;
}

static bool for_name(struct fuse_filter_ctx *ctx)
{
	return (ctx->head & 0xffff) == ('n' | '-' << 8);
}

FILTER_CALLBACK(answers_name)
{
	return for_name(ctx) ? answer(ctx) : FUSE_FILTER_PASS;
}

FILTER_CALLBACK(answers_entry)
{
	return for_name(ctx) ? FUSE_FILTER_PASS : answer(ctx);
}

SEC(".struct_ops.link")
struct fuse_filter_ops answers = {
	.name = (void *)answers_name,
	.entry = (void *)answers_entry,
	.id = "answers",
};
