/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The FUSE protocol as the running kernel may speak it: <linux/fuse.h>, and what that lacks where
 * it is older than the kernel. An addition can go when Debian's oldest supported header has it.
 */
#pragma once

#include <linux/fuse.h>
#include <linux/fuse_upcall.h>
#include <stdint.h>
#include <sys/ioctl.h>

/* 7.39, Linux 6.6: statx. */
#if FUSE_KERNEL_MINOR_VERSION < 39
#define FUSE_STATX 52

struct fuse_sx_time {
	int64_t tv_sec;
	uint32_t tv_nsec;
	int32_t __reserved;
};

struct fuse_statx {
	uint32_t mask, blksize;
	uint64_t attributes;
	uint32_t nlink, uid, gid;
	uint16_t mode, __spare0[1];
	uint64_t ino, size, blocks, attributes_mask;
	struct fuse_sx_time atime, btime, ctime, mtime;
	uint32_t rdev_major, rdev_minor, dev_major, dev_minor;
	uint64_t __spare2[14];
};

struct fuse_statx_in {
	uint32_t getattr_flags, reserved;
	uint64_t fh;
	uint32_t sx_flags, sx_mask;
};

struct fuse_statx_out {
	uint64_t attr_valid;
	uint32_t attr_valid_nsec, flags;
	uint64_t spare[2];
	struct fuse_statx stat;
};
#endif

/* 7.40, Linux 6.9: passthrough. */
#ifndef FUSE_PASSTHROUGH
#define FUSE_PASSTHROUGH  (1ULL << 37)
#define FOPEN_PASSTHROUGH (1 << 7)

struct fuse_backing_map {
	int32_t fd;
	uint32_t flags;
	uint64_t padding;
};

#define FUSE_DEV_IOC_BACKING_OPEN  _IOW(FUSE_DEV_IOC_MAGIC, 1, struct fuse_backing_map)
#define FUSE_DEV_IOC_BACKING_CLOSE _IOW(FUSE_DEV_IOC_MAGIC, 2, uint32_t)
#endif

/* 7.40, Linux 6.9: no file handles. */
#ifndef FUSE_NO_EXPORT_SUPPORT
#define FUSE_NO_EXPORT_SUPPORT (1ULL << 38)
#endif

/* 7.40, Linux 6.9: a request that a server before us may have read already. */
#ifndef FUSE_UNIQUE_RESEND
#define FUSE_UNIQUE_RESEND (1ULL << 63)
#endif

/* The two structs that grew within their old size: 7.40 gave reserved fields a meaning. */
struct wire_init_out {
	uint32_t major, minor, max_readahead, flags;
	uint16_t max_background, congestion_threshold;
	uint32_t max_write, time_gran;
	uint16_t max_pages, map_alignment;
	uint32_t flags2, max_stack_depth;
	uint32_t unused[6];
};

struct wire_open_out {
	uint64_t fh;
	uint32_t open_flags;
	int32_t backing_id; /* with FOPEN_PASSTHROUGH */
};

_Static_assert(sizeof(struct wire_init_out) == 64, "as the kernel has it");
_Static_assert(sizeof(struct wire_open_out) == sizeof(struct fuse_open_out),
	       "as the kernel has it");

/* Oldest kernel interface that is served (Linux 5.13, with the long form of SETXATTR), and the
 * newest that is spoken. */
#define WIRE_MINOR_MIN 33
#define WIRE_MINOR_MAX 40

/* One more than the greatest of FUSE's own opcodes that can be decoded; FUSE_UPCALL is beyond. */
#define WIRE_OPCODES (FUSE_STATX + 1)
