// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * overlay: layers as container tools write them. See overlay.md for what it decides.
 */
#include "filter.bpf.h"

char LICENSE[] SEC("license") = "GPL";

/* Names with .wh. before them remove names, as in image archives. */
const volatile bool aufs_names = true;

/* The first characters of a name as ctx->head has them: the first is the lowest byte. */
#define HEAD4(a, b, c, d)	      ((__u64)(a) | (__u64)(b) << 8 | (__u64)(c) << 16 | (__u64)(d) << 24)
#define HEAD8(a, b, c, d, e, f, g, h) (HEAD4(a, b, c, d) | HEAD4(e, f, g, h) << 32)

#define WH_PREFIX HEAD4('.', 'w', 'h', '.')
#define LOW(n)	  (BIT(8 * (n)) - 1)

static bool has_mark(const struct fuse_filter_ctx *ctx)
{
	return ctx->marks[0] == 'y' || ctx->marks[1] == 'y' || ctx->marks[2] == 'y';
}

/* What overlayfs with redirect_dir=on leaves: what is in the directory is elsewhere, too. */
#define REDIRECTED 3

FILTER_CALLBACK(overlay_entry)
{
	__u32 type = ctx->mode & S_IFMT;

	if (type == S_IFCHR && !ctx->rdev)
		return FUSE_FILTER_WHITEOUT;
	if (aufs_names && (ctx->head & LOW(4)) == WH_PREFIX)
		return FUSE_FILTER_HIDE;
	if (aufs_names && ctx->flags & FUSE_FILTER_HAS_SIBLING)
		return type ? FUSE_FILTER_OPAQUE : FUSE_FILTER_WHITEOUT;
	if (type != S_IFDIR)
		return FUSE_FILTER_PASS;
	if (ctx->marks[REDIRECTED])
		return -EIO;
	if ((aufs_names && ctx->flags & FUSE_FILTER_HAS_CHILD) || has_mark(ctx))
		return FUSE_FILTER_OPAQUE;
	return FUSE_FILTER_PASS;
}

/* Is it one that marks are made of, or that a storage driver keeps what it knows in? */
static bool is_private(struct fuse_filter_ctx *ctx)
{
	char name[32];
	__u64 *words = (__u64 *)name;

	switch (ctx->head) {
	case HEAD8('t', 'r', 'u', 's', 't', 'e', 'd', '.'):
		bpf_fuse_name(ctx, name, sizeof(name));
		return words[1] == HEAD8('o', 'v', 'e', 'r', 'l', 'a', 'y', '.') ||
		       (words[1] & LOW(7)) == HEAD8('l', 'a', 'm', 'i', 'n', 'a', '.', 0);
	case HEAD8('u', 's', 'e', 'r', '.', 'o', 'v', 'e'):
		bpf_fuse_name(ctx, name, sizeof(name));
		return (words[1] & LOW(5)) == HEAD8('r', 'l', 'a', 'y', '.', 0, 0, 0);
	case HEAD8('u', 's', 'e', 'r', '.', 'l', 'a', 'm'):
		bpf_fuse_name(ctx, name, sizeof(name));
		return (words[1] & LOW(4)) == HEAD4('i', 'n', 'a', '.');
	case HEAD8('u', 's', 'e', 'r', '.', 'f', 'u', 's'):
		bpf_fuse_name(ctx, name, sizeof(name));
		return words[1] == HEAD8('e', 'o', 'v', 'e', 'r', 'l', 'a', 'y') &&
		       (words[2] & LOW(3)) == HEAD4('f', 's', '.', 0);
	case HEAD8('u', 's', 'e', 'r', '.', 'c', 'o', 'n'):
		bpf_fuse_name(ctx, name, sizeof(name));
		return words[1] == HEAD8('t', 'a', 'i', 'n', 'e', 'r', 's', '.') &&
		       words[2] == HEAD8('o', 'v', 'e', 'r', 'r', 'i', 'd', 'e') &&
		       (words[3] & LOW(1)) == '_';
	case HEAD8('s', 'e', 'c', 'u', 'r', 'i', 't', 'y'):
		bpf_fuse_name(ctx, name, sizeof(name));
		return words[1] == HEAD8('.', 'f', 'u', 's', 'e', 'o', 'v', 'e') &&
		       (words[2] & LOW(7)) == HEAD8('r', 'l', 'a', 'y', 'f', 's', '.', 0);
	}
	return false;
}

/* They can't be seen, and can't be made: a container could mark what it leaves to others. */
FILTER_CALLBACK(overlay_gate)
{
	if (!is_private(ctx))
		return FUSE_FILTER_PASS;
	return ctx->op == FUSE_FILTER_SETXATTR || ctx->op == FUSE_FILTER_REMOVEXATTR
		       ? -EPERM
		       : FUSE_FILTER_HIDE;
}

SEC(".struct_ops.link")
struct fuse_filter_ops overlay = {
	.entry = (void *)overlay_entry,
	.gate = (void *)overlay_gate,
	.ops = BIT(FUSE_FILTER_GETXATTR) | BIT(FUSE_FILTER_LISTXATTR) | BIT(FUSE_FILTER_SETXATTR) |
	       BIT(FUSE_FILTER_REMOVEXATTR),
	.facts = FUSE_FILTER_WANT_RDEV,
	.flags = FUSE_FILTER_ANYONE | FUSE_FILTER_BY_FACTS,
	.id = "overlay",
	.marks = {"trusted.overlay.opaque", "user.overlay.opaque",
		  "user.fuseoverlayfs.opaque", [REDIRECTED] = "trusted.overlay.redirect"},
	.sibling = ".wh.",
	.child = ".wh..wh..opq",
};
