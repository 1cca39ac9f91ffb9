/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Registered filters: how struct_ops.c hands them to filter.c, what ask.c and wants.c see of them,
 * and what is offered to programs. Included by these alone.
 */
#ifndef _FS_FUSE_BPF_REGISTRY_H
#define _FS_FUSE_BPF_REGISTRY_H

struct bpf_link;

/**
 * struct fuse_filter - a registered filter
 * @count: references: one while it is registered, and one of each view
 * @id: its name
 * @flags: as in its ops
 * @ops: the callbacks; NULL once it is detached
 * @wants: facts it asks for; NULL for none
 * @link: holds the programs; ours to use while it is in the list
 * @user_ns: of who registered it
 * @list: of all filters
 * @views: fuse_view_filter.user of each
 */
struct fuse_filter {
	refcount_t count;
	char id[FUSE_FILTER_ID_LEN];
	u32 flags;
	struct fuse_filter_ops __rcu *ops;
	struct fuse_wants __rcu *wants;
	struct bpf_link *link;
	struct user_namespace *user_ns;
	struct list_head list;
	struct list_head views;
};

int fuse_filter_register(struct fuse_filter_ops *ops, struct bpf_link *link);
void fuse_filter_unregister(struct bpf_link *link);
int fuse_filter_update(struct fuse_filter_ops *ops, struct bpf_link *link);

void fuse_listen(struct fuse_listeners *listeners, unsigned int which,
		 const struct fuse_filter_ops *ops, bool has_data);
void fuse_listeners_set(struct fuse_listeners *listeners, const struct fuse_listeners *new);

struct fuse_wants *fuse_wants_new(const struct fuse_filter_ops *ops, int *ret_err);

int bpf_fuse_name(struct fuse_filter_ctx *ctx, void *buf, u32 buf__sz);
int bpf_fuse_set_state(struct fuse_filter_ctx *ctx, u64 state);
int bpf_fuse_set_asks(struct fuse_filter_ctx *ctx, u32 accesses);
u32 bpf_fuse_data(struct fuse_filter_ctx *ctx, u32 index);
int bpf_fuse_path(struct fuse_filter_ctx *ctx, void *buf, u32 buf__sz);
int bpf_fuse_set_attr(struct fuse_filter_ctx *ctx, const struct fuse_filter_attr *attr);
int bpf_fuse_value(struct fuse_filter_ctx *ctx, void *buf, u32 buf__sz);

#endif /* _FS_FUSE_BPF_REGISTRY_H */
