// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Copying data. No locks and no state.
 */
#include "union/copydata.h"

#include <errno.h>
#include <linux/fs.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/calls.h"
#include "base/cleanup.h"

/* One step of the copy; between steps a cancelled caller is let go. */
#define STEP_SIZE   (16 << 20)
#define BUFFER_SIZE (256 << 10)

struct copy {
	int from, to;
	const atomic_bool *cancel;
	bool by_hand; /* copy_file_range does not work between these two */
	char *buffer;
};

static bool cancelled(const struct copy *c)
{
	return c->cancel && atomic_load_explicit(c->cancel, memory_order_relaxed);
}

/* Errors that say "not between these files", and nothing about the data. */
static bool range_unsupported(int error)
{
	return error == EXDEV || error == EINVAL || error == EOPNOTSUPP || error == ENOSYS ||
	       error == EBADF || error == EPERM;
}

static ssize_t copy_by_hand(struct copy *c, off_t at, size_t size)
{
	ssize_t n, done = 0;

	if (!c->buffer)
		c->buffer = malloc(BUFFER_SIZE);
	if (!c->buffer)
		return -ENOMEM;
	n = pread(c->from, c->buffer, size < BUFFER_SIZE ? size : BUFFER_SIZE, at);
	if (n < 0)
		return errno == EINTR ? copy_by_hand(c, at, size) : -errno;
	while (done < n) {
		ssize_t written = pwrite(c->to, c->buffer + done, (size_t)(n - done), at + done);

		if (written < 0 && errno != EINTR)
			return -errno;
		if (written > 0)
			done += written;
	}
	return n;
}

static ssize_t copy_step(struct copy *c, off_t at, size_t size)
{
	off_t from_at = at, to_at = at;
	ssize_t n;

	if (c->by_hand)
		return copy_by_hand(c, at, size);
	n = copy_file_range(c->from, &from_at, c->to, &to_at, size < STEP_SIZE ? size : STEP_SIZE,
			    0);
	if (n > 0)
		return n;
	if (n < 0 && errno == EINTR)
		return copy_step(c, at, size);
	if (n < 0 && !range_unsupported(errno))
		return -errno;
	/* Unsupported; or nothing came, which some file systems say where a read would work. */
	c->by_hand = true;
	return copy_by_hand(c, at, size);
}

static errint_t copy_range(struct copy *c, off_t at, off_t end)
{
	while (at < end) {
		ssize_t n;

		if (cancelled(c))
			return -EINTR;
		n = copy_step(c, at, (size_t)(end - at));
		if (n < 0)
			return (errint_t)n;
		if (n == 0) /* shorter than it said: the rest stays a hole */
			return 0;
		at += n;
	}
	return 0;
}

/* The next stretch of data in [@at, @size): returns 1, 0 when only a hole is left, or -errno. */
static errint_t next_data(int fd, off_t at, off_t size, off_t *ret_start, off_t *ret_end)
{
	off_t start = lseek(fd, at, SEEK_DATA), end;

	if (start < 0 && errno == ENXIO)
		return 0;
	if (start < 0) { /* the file system cannot tell: all is data */
		*ret_start = at;
		*ret_end = size;
		return errno == EINVAL || errno == EOPNOTSUPP ? 1 : -errno;
	}
	if (start >= size)
		return 0;
	end = lseek(fd, start, SEEK_HOLE);
	*ret_start = start;
	*ret_end = end < 0 || end > size ? size : end;
	return 1;
}

errint_t lamina_copy_data(int from, int to, off_t size, const atomic_bool *cancel)
{
	struct copy c = {
		.from = from,
		.to = to,
		.cancel = cancel,
		.by_hand = lamina_call_refused(LAMINA_CALL_COPY_FILE_RANGE),
	};
	off_t at = 0, start, end;
	errint_t err;

	if (ioctl(to, FICLONE, from) == 0)
		return ftruncate(to, size) < 0 ? -errno : 0;
	if (ftruncate(to, size) < 0)
		return -errno;
	while (at < size) {
		err = next_data(from, at, size, &start, &end);
		if (err > 0)
			err = copy_range(&c, start, end);
		else
			end = size;
		if (err < 0) {
			free(c.buffer);
			return err;
		}
		at = end;
	}
	free(c.buffer);
	return 0;
}
