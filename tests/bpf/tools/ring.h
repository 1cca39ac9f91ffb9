/* SPDX-License-Identifier: GPL-2.0-or-later */
/* io_uring without a library: one request at a time. */
#pragma once

#include <linux/io_uring.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

struct ring {
	int fd;
	struct io_uring_params params;
	char *rings;
	struct io_uring_sqe *entries;
	size_t size;
};

static inline int ring_open(struct ring *ring)
{
	size_t in, out;

	memset(ring, 0, sizeof(*ring));
	ring->fd = (int)syscall(SYS_io_uring_setup, 2, &ring->params);
	if (ring->fd < 0)
		return -1;
	in = ring->params.sq_off.array + ring->params.sq_entries * sizeof(uint32_t);
	out = ring->params.cq_off.cqes + ring->params.cq_entries * sizeof(struct io_uring_cqe);
	ring->size = in > out ? in : out;
	ring->rings = mmap(NULL, ring->size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
			   ring->fd, IORING_OFF_SQ_RING);
	ring->entries =
		mmap(NULL, ring->params.sq_entries * sizeof(*ring->entries), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_POPULATE, ring->fd, IORING_OFF_SQES);
	return ring->rings == MAP_FAILED || ring->entries == MAP_FAILED ? -1 : 0;
}

static inline uint32_t *ring_word(const struct ring *ring, uint32_t offset)
{
	return (uint32_t *)(void *)(ring->rings + offset);
}

/* Returns what the system call of that kind would, or -errno. */
static inline int ring_do(struct ring *ring, uint8_t op, int fd, const void *address, uint32_t n,
			  uint64_t at)
{
	const struct io_uring_params *p = &ring->params;
	uint32_t *tail = ring_word(ring, p->sq_off.tail), *head = ring_word(ring, p->cq_off.head);
	uint32_t slot = *tail & *ring_word(ring, p->sq_off.ring_mask);
	const struct io_uring_cqe *done;
	int ret;

	ring->entries[slot] = (struct io_uring_sqe){
		.opcode = op,
		.fd = fd,
		.addr = (uintptr_t)address,
		.len = n,
		.off = at,
	};
	ring_word(ring, p->sq_off.array)[slot] = slot;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, ring->fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) < 0)
		return -1;
	done = (const void *)(ring->rings + p->cq_off.cqes);
	ret = done[*head & *ring_word(ring, p->cq_off.ring_mask)].res;
	__atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
	return ret;
}

static inline void ring_close(struct ring *ring)
{
	munmap(ring->rings, ring->size);
	munmap(ring->entries, ring->params.sq_entries * sizeof(*ring->entries));
	close(ring->fd);
}
