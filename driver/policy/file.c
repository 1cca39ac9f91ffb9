// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Policies from files.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/limits.h"
#include "policy/file.h"
#include "policy/policy.h"

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

errint_t lamina_policy_read(struct lamina_policy *policy, const char *path,
			    struct lamina_error *error)
{
	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	errint_t err = lamina_policy_read_bytes(path, LAMINA_POLICY_MAX_FILE, &text, &size);

	if (err == -EFBIG) {
		lamina_error_set(error, 0, "%s: larger than %u bytes", path,
				 LAMINA_POLICY_MAX_FILE);
		return err;
	}
	if (err < 0)
		return lamina_error_set(error, err, "cannot read the policy '%s'", path);
	return lamina_policy_read_text(policy, !strcmp(path, "-") ? "standard input" : path, text,
				       size, error);
}
