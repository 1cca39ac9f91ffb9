// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The first request and its answer, without a session. No locks and no state.
 */
#include "wire/init.h"

#include <errno.h>
#include <poll.h>
#include <sys/uio.h>
#include <unistd.h>

/* The kernel sends INIT at once; this only bounds a kernel that does not. */
#define INIT_WAIT_MS 2000

errint_t wire_init_answer(int fd, uint64_t flags, uint32_t max_stack_depth, struct wire_terms *ret)
{
	union {
		char bytes[FUSE_MIN_READ_BUFFER];
		struct {
			struct fuse_in_header header;
			struct fuse_init_in in;
		} init;
	} request;
	const struct fuse_init_in *in = &request.init.in;
	struct pollfd ready = {.fd = fd, .events = POLLIN};
	struct wire_terms terms = {.max_stack_depth = max_stack_depth};
	struct wire_init_out out = {
		.major = FUSE_KERNEL_VERSION,
		.max_stack_depth = max_stack_depth,
		.max_write = 4096,
	};
	struct fuse_out_header reply = {.len = sizeof(reply) + sizeof(out)};
	struct iovec parts[2] = {{&reply, sizeof(reply)}, {&out, sizeof(out)}};

	if (poll(&ready, 1, INIT_WAIT_MS) != 1 ||
	    read(fd, &request, sizeof(request)) < (ssize_t)sizeof(request.init) ||
	    request.init.header.opcode != FUSE_INIT)
		return -EPROTO;
	terms.kernel_minor = in->minor;
	terms.offered = in->flags;
	if (in->flags & FUSE_INIT_EXT)
		terms.offered |= (uint64_t)in->flags2 << 32;
	terms.flags = flags & terms.offered;
	out.minor = in->minor < WIRE_MINOR_MAX ? in->minor : WIRE_MINOR_MAX;
	out.flags = (uint32_t)terms.flags | FUSE_INIT_EXT;
	out.flags2 = (uint32_t)(terms.flags >> 32);
	reply.unique = request.init.header.unique;
	if (writev(fd, parts, 2) < 0)
		return -errno;
	*ret = terms;
	return 0;
}
