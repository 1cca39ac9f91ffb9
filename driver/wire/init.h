/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Answering FUSE_INIT by hand, on a device that no session reads: for connections that are only
 * tried, and for those that are given to the kernel before anybody serves them.
 */
#pragma once

#include "wire/session.h"

/*
 * Read the kernel's INIT from the device @fd and take those of the FUSE_* @flags that it offers.
 * @max_stack_depth: as in struct fuse_init_out; 0: none. Returns 0, -EPROTO if no INIT came, or
 * another -errno.
 */
errint_t wire_init_answer(int fd, uint64_t flags, uint32_t max_stack_depth, struct wire_terms *ret);
