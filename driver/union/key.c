// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Making keys. As the kernel's write_key(), so that a container may change its engine.
 */
#include "union/key.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/limits.h"

/* Room for the largest handle that fits a key. */
union handle {
	struct file_handle header;
	char room[sizeof(struct file_handle) + LAMINA_HANDLE_MAX];
};

/* Returns 1, 0 (there are none here), or -errno. */
static errint_t read_handle(int dirfd, const char *name, union handle *ret)
{
	int mount_id;

	ret->header.handle_bytes = LAMINA_HANDLE_MAX;
	if (name_to_handle_at(dirfd, name, &ret->header, &mount_id, *name ? 0 : AT_EMPTY_PATH) == 0)
		return 1;
	return errno == EOPNOTSUPP || errno == EOVERFLOW ? 0 : -errno;
}

static void write_handle(const struct lamina_layer *layer, const union handle *handle,
			 char key[LAMINA_KEY_SIZE])
{
	int length =
		snprintf(key, LAMINA_KEY_SIZE, "%u-%x-", layer->dev_nr, handle->header.handle_type);

	for (unsigned int i = 0; i < handle->header.handle_bytes; i++)
		length += snprintf(key + length, LAMINA_KEY_SIZE - (size_t)length, "%02x",
				   handle->header.f_handle[i]);
}

errint_t lamina_key_of(const struct lamina_union *u, unsigned int layer, int dirfd,
		       const char *name, const struct statx *st, char key[LAMINA_KEY_SIZE])
{
	const struct lamina_layer *l = &u->layers[layer];
	union handle handle;
	errint_t found = l->fuse ? 0 : read_handle(dirfd, name, &handle);

	if (found < 0)
		return found;
	if (found > 0)
		write_handle(l, &handle, key);
	else if (l->numbers_made_up)
		key[0] = '\0';
	else
		snprintf(key, LAMINA_KEY_SIZE, "l%u-%" PRIx64, u->n_layers - layer,
			 (uint64_t)st->stx_ino);
	return 0;
}

/* FUSE puts its node id into a handle, the upper half first. */
static bool is_node_id(int fd, uint64_t number)
{
	union handle handle;
	uint32_t halves[2];

	if (read_handle(fd, "", &handle) <= 0 || handle.header.handle_bytes < sizeof(halves))
		return false;
	memcpy(halves, handle.header.f_handle, sizeof(halves));
	return ((uint64_t)halves[0] << 32 | halves[1]) == number;
}

/* One that is the same by chance is no proof: all up to the root have to be. */
bool lamina_key_numbers_made_up(int fd)
{
	_cleanup_fd_ int at = openat(fd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct stat st, above;

	if (at < 0 || fstat(at, &st) < 0)
		return false;
	for (;;) {
		_cleanup_fd_ int up = openat(at, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);

		if (!is_node_id(at, st.st_ino))
			return false;
		if (up < 0 || fstat(up, &above) < 0)
			return false;
		if (above.st_dev != st.st_dev || above.st_ino == st.st_ino)
			return true;
		st = above;
		lamina_cleanup_fd(&at);
		at = TAKE_FD(up);
	}
}
