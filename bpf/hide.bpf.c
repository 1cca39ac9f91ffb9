// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * hide: paths that are not there. See hide.md.
 *
 * The paths are a tree whose nodes are numbers: a rule says what a name means in a node. Where the
 * view is in the tree is kept by the kernel with each directory, so a lookup takes one step, and
 * below directories without rules nothing is looked up at all.
 */
#include "filter.bpf.h"
#include "hide.h"

char LICENSE[] SEC("license") = "GPL";

/* Not LRU: a rule that went missing would show what it hides. Room is made when it is loaded. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct hide_key);
	__type(value, struct hide_rule);
} rules SEC(".maps");

FILTER_CALLBACK(hide_name)
{
	struct hide_key key;
	struct hide_rule *rule;

	key.node = ctx->state;
	if (bpf_fuse_name(ctx, key.name, sizeof(key.name)) >= (int)sizeof(key.name))
		return -EIO;
	rule = bpf_map_lookup_elem(&rules, &key);
	if (!rule)
		return FUSE_FILTER_PASS;
	if (rule->hidden)
		return FUSE_FILTER_HIDE;
	bpf_fuse_set_state(ctx, rule->node);
	return FUSE_FILTER_PASS;
}

SEC(".struct_ops.link")
struct fuse_filter_ops hide = {
	.name = (void *)hide_name,
	/* HIDE_NOTHING is state 0. */
	.flags = FUSE_FILTER_BY_STATE,
	.id = "hide",
};
