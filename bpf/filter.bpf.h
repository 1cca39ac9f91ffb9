/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What every filter starts with: the types of <linux/fuse_filter.h>, whose fields libbpf finds in
 * the running kernel, the kernel's functions for filters, and numbers that only libc has.
 */
#pragma once

#include <stdbool.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
#include <linux/fuse_filter.h>
#pragma clang attribute pop

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#define S_IFMT	0170000
#define S_IFDIR 0040000
#define S_IFCHR 0020000

#define EPERM  1
#define ENOENT 2
#define EIO    5
#define EACCES 13

#define BIT(n) (1ULL << (n))

/* FILTER_CALLBACK(NAME) { ... } defines a callback, which has its context as ctx. */
#define FILTER_CALLBACK(callback)                                            \
	static __always_inline int callback##_(struct fuse_filter_ctx *ctx); \
	SEC("struct_ops/" #callback)                                         \
	int callback(unsigned long long *arguments)                          \
	{                                                                    \
		return callback##_((void *)arguments[0]);                    \
	}                                                                    \
	static __always_inline int callback##_(struct fuse_filter_ctx *ctx)

extern int bpf_fuse_name(struct fuse_filter_ctx *ctx, void *buf, __u32 buf__sz) __ksym;
extern int bpf_fuse_set_state(struct fuse_filter_ctx *ctx, __u64 state) __ksym;
extern int bpf_fuse_set_asks(struct fuse_filter_ctx *ctx, __u32 accesses) __ksym;
extern __u32 bpf_fuse_data(struct fuse_filter_ctx *ctx, __u32 index) __ksym;
extern int bpf_fuse_path(struct fuse_filter_ctx *ctx, void *buf, __u32 buf__sz) __ksym;
extern int bpf_fuse_set_attr(struct fuse_filter_ctx *ctx,
			     const struct fuse_filter_attr *attr) __ksym;
extern int bpf_fuse_value(struct fuse_filter_ctx *ctx, void *buf, __u32 buf__sz) __ksym;
