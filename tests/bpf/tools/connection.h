/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A FUSE connection as a server makes it, with only as much of the protocol as the tests need.
 */
#pragma once

#include <fcntl.h>
#include <linux/fuse.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/ioctl.h>

#include <linux/fuse_bpf.h>

#include "view.h"

#define INIT_EXT	 (1u << 30)
#define PASSTHROUGH_HIGH (1u << 5) /* FUSE_PASSTHROUGH, in the upper half of the flags */

struct connection {
	int device;
	int fs;
	int mnt;
};

/* The layout of fuse_init_out, of which older headers know less. */
struct init_reply {
	struct fuse_out_header header;
	uint32_t major, minor, max_readahead, flags;
	uint16_t max_background, congestion_threshold;
	uint32_t max_write, time_gran;
	uint16_t max_pages, map_alignment;
	uint32_t flags2, max_stack_depth, unused[6];
};

static _Thread_local char request[256 * 1024];

static inline int open_device(void)
{
	char path[64];

	snprintf(path, sizeof(path), "/dev/%s", fuse_type());
	return open(path, O_RDWR | O_CLOEXEC);
}

static inline const struct fuse_in_header *next_request(int device)
{
	if (read(device, request, sizeof(request)) < (ssize_t)sizeof(struct fuse_in_header))
		return NULL;
	return (const struct fuse_in_header *)request;
}

static inline int answer_init(int device, uint32_t max_stack_depth)
{
	struct init_reply reply = {
		.major = FUSE_KERNEL_VERSION,
		.minor = 40,
		.max_write = 4096,
		.flags = INIT_EXT,
		.flags2 = max_stack_depth ? PASSTHROUGH_HIGH : 0,
		.max_stack_depth = max_stack_depth,
	};
	const struct fuse_in_header *in = next_request(device);

	if (!in || in->opcode != FUSE_INIT)
		return -1;
	reply.header.unique = in->unique;
	reply.header.len = sizeof(reply);
	return write(device, &reply, sizeof(reply)) == sizeof(reply) ? 0 : -1;
}

static inline int answer_error(int device, const struct fuse_in_header *in, int error)
{
	struct fuse_out_header out = {.len = sizeof(out), .error = -error, .unique = in->unique};

	return write(device, &out, sizeof(out)) == sizeof(out) ? 0 : -1;
}

static inline int set_mount_option(int fs, const char *key, const char *value)
{
	return sys_fsconfig(fs, value ? CFG_SET_STRING : CFG_SET_FLAG, key, value, 0);
}

/* Makes the superblock; FUSE_INIT is not answered. Returns 0 or -1. */
static inline int connection_make(struct connection *c)
{
	char number[16];

	c->mnt = -1;
	c->device = open_device();
	c->fs = sys_fsopen(fuse_type());
	if (c->device < 0 || c->fs < 0)
		return -1;
	snprintf(number, sizeof(number), "%d", c->device);
	if (set_mount_option(c->fs, "fd", number) || set_mount_option(c->fs, "rootmode", "40000") ||
	    set_mount_option(c->fs, "user_id", "0") || set_mount_option(c->fs, "group_id", "0") ||
	    set_mount_option(c->fs, "allow_other", NULL) ||
	    sys_fsconfig(c->fs, CFG_CREATE, NULL, NULL, 0))
		return -1;
	c->mnt = sys_fsmount(c->fs, 0);
	return c->mnt < 0 ? -1 : 0;
}

static inline void connection_close(struct connection *c)
{
	close(c->fs);
	if (c->mnt >= 0)
		close(c->mnt);
	if (c->device >= 0)
		close(c->device);
}

static inline int add_layer_fd(int device, int fd)
{
	struct fuse_bpf_layer_add arg = {.fd = fd};

	return ioctl(device, FUSE_BPF_IOC_LAYER_ADD, &arg);
}

static inline int add_layer(int device, const char *path)
{
	int fd = open(path, O_PATH | O_CLOEXEC), ret, saved;

	ret = add_layer_fd(device, fd);
	saved = errno;
	close(fd);
	errno = saved;
	return ret;
}

static inline int set_view(int device, const uint32_t *ids, uint32_t nr, uint32_t flags)
{
	struct fuse_bpf_view_set arg = {.layers = (uintptr_t)ids, .nr = nr, .flags = flags};

	return ioctl(device, FUSE_BPF_IOC_VIEW_SET, &arg);
}
