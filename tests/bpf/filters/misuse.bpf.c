// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * misuse: calls the kernel's functions where they make sense and where they don't, and fails the
 * operation if one doesn't return what is documented.
 */
#include "filter.bpf.h"

char LICENSE[] SEC("license") = "GPL";

#define EINVAL	22
#define ENODATA 61

static int check(bool ok)
{
	return ok ? FUSE_FILTER_PASS : -EIO;
}

FILTER_CALLBACK(misuse_name)
{
	struct fuse_filter_attr attr = {.mode = 0644};
	char few[2], many[32];
	int len = bpf_fuse_name(ctx, few, sizeof(few));

	/* The whole length, as much as fits, and zeros behind. */
	if (len != (int)ctx->name_len || bpf_fuse_name(ctx, many, sizeof(many)) != len ||
	    many[0] != (char)ctx->head || few[0] != many[0] || (len < 32 && many[31]))
		return -EIO;
	return check(bpf_fuse_set_state(ctx, 7) == 0 && bpf_fuse_set_attr(ctx, &attr) == -EINVAL &&
		     bpf_fuse_value(ctx, many, sizeof(many)) == -ENODATA);
}

FILTER_CALLBACK(misuse_entry)
{
	struct fuse_filter_attr attr = {.mode = 0644};
	char value[8];

	return check(bpf_fuse_set_state(ctx, 8) == -EINVAL &&
		     bpf_fuse_set_attr(ctx, &attr) == -EINVAL &&
		     bpf_fuse_value(ctx, value, sizeof(value)) == -ENODATA);
}

FILTER_CALLBACK(misuse_gate)
{
	char name[8] = "1234567";

	/* An operation that is about no name has an empty one. */
	return check(bpf_fuse_name(ctx, name, sizeof(name)) == 0 && !name[0] && !name[7] &&
		     bpf_fuse_set_state(ctx, 9) == -EINVAL);
}

FILTER_CALLBACK(misuse_attr)
{
	struct fuse_filter_attr other = {.mode = ctx->mode ^ 0010000};
	char value[3];
	int len = bpf_fuse_value(ctx, value, sizeof(value));

	/* The type of a file can't change; a value that is too long is not cut. */
	return check(bpf_fuse_set_attr(ctx, &other) == -EINVAL &&
		     bpf_fuse_set_state(ctx, 9) == -EINVAL && (len == -34 || len == -ENODATA));
}

SEC(".struct_ops.link")
struct fuse_filter_ops misuse = {
	.name = (void *)misuse_name,
	.entry = (void *)misuse_entry,
	.gate = (void *)misuse_gate,
	.attr = (void *)misuse_attr,
	.ops = BIT(FUSE_FILTER_GETATTR) | BIT(FUSE_FILTER_READ),
	.id = "misuse",
	.value = "user.x",
};
