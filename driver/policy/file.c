// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Files in memory.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "policy/file.h"

errint_t lamina_policy_read_bytes(const char *path, size_t max, char **ret, size_t *ret_size)
{
	bool standard_input = !strcmp(path, "-");
	_cleanup_fd_ int opened = standard_input ? -1 : open(path, O_RDONLY | O_CLOEXEC);
	int fd = standard_input ? STDIN_FILENO : opened;
	_cleanup_free_ char *bytes = NULL;
	size_t size = 0, room = 0;

	if (fd < 0)
		return -errno;
	for (;;) {
		ssize_t n;

		if (size == room) {
			char *bigger = realloc(bytes, room ? room * 2 : 65536);

			if (!bigger)
				return -ENOMEM;
			bytes = bigger;
			room = room ? room * 2 : 65536;
		}
		n = read(fd, bytes + size, room - size);
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		size += (size_t)n;
		if (size > max)
			return -EFBIG;
	}
	*ret = TAKE_PTR(bytes);
	*ret_size = size;
	return 0;
}
