/* SPDX-License-Identifier: GPL-2.0 */
/* How struct_ops.c hands filters to filter.c, and what it offers to programs. */
#ifndef _FS_FUSE_BPF_REGISTRY_H
#define _FS_FUSE_BPF_REGISTRY_H

struct bpf_link;
struct fuse_filter_ops;

int fuse_filter_register(struct fuse_filter_ops *ops, struct bpf_link *link);
void fuse_filter_unregister(struct bpf_link *link);
int fuse_filter_update(struct fuse_filter_ops *ops, struct bpf_link *link);

int bpf_fuse_name(struct fuse_filter_ctx *ctx, void *buf, u32 buf__sz);
int bpf_fuse_set_state(struct fuse_filter_ctx *ctx, u64 state);
int bpf_fuse_set_attr(struct fuse_filter_ctx *ctx, const struct fuse_filter_attr *attr);
int bpf_fuse_value(struct fuse_filter_ctx *ctx, void *buf, u32 buf__sz);

#endif /* _FS_FUSE_BPF_REGISTRY_H */
