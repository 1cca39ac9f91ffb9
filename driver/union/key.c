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

#include "base/calls.h"
#include "base/cleanup.h"
#include "base/fd.h"
#include "base/limits.h"

/* In the index: its keys are of the second kind. No key has a dot. */
#define BY_NUMBER ".by-number"

/* Room for the largest handle that fits a key. */
union handle {
	struct file_handle header;
	char room[sizeof(struct file_handle) + LAMINA_HANDLE_MAX];
};

/* Returns 1, 0 (there are none here), or -errno. */
static errint_t read_handle(int dirfd, const char *name, union handle *ret)
{
	errint_t err;

	ret->header.handle_bytes = LAMINA_HANDLE_MAX;
	err = lamina_call_handle(dirfd, name, &ret->header);
	if (err == 0)
		return 1;
	return err == -EOPNOTSUPP || err == -EOVERFLOW ? 0 : err;
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
	errint_t found = l->fuse || u->keys_by_number ? 0 : read_handle(dirfd, name, &handle);

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

/* What the index holds. */
enum content { NOTHING, BY_NUMBER_ALONE, KEYS, KEYS_BY_NUMBER };

/* Returns it or -errno. */
static errint_t look_into(int index_fd)
{
	_cleanup_dir_ DIR *dir = NULL;
	errint_t err = lamina_fd_read_dir(index_fd, &dir);
	bool marked = false, keys = false;
	const struct dirent *d;

	if (err < 0)
		return err;
	while ((d = readdir(dir))) {
		bool is_mark = !strcmp(d->d_name, BY_NUMBER);

		marked |= is_mark;
		keys |= !is_mark && lamina_name_valid(d->d_name);
	}
	if (marked)
		return keys ? KEYS_BY_NUMBER : BY_NUMBER_ALONE;
	return keys ? KEYS : NOTHING;
}

errint_t lamina_keys_choose(struct lamina_union *u, struct lamina_error *error)
{
	bool refused = lamina_call_refused(LAMINA_CALL_NAME_TO_HANDLE_AT);
	errint_t content = u->writable ? look_into(u->index_fd) : NOTHING;

	if (content < 0)
		return lamina_error_set(error, content, "cannot read the index directory");
	u->keys_by_number = refused || content == KEYS_BY_NUMBER;
	if (!refused && content == BY_NUMBER_ALONE)
		(void)unlinkat(u->index_fd, BY_NUMBER, 0);
	if (!refused || !u->writable || content == BY_NUMBER_ALONE || content == KEYS_BY_NUMBER)
		return 0;
	if (content == KEYS)
		return lamina_error_say(
			error, -EPERM,
			"name_to_handle_at(2) is refused here, and by file handles the work "
			"directory knows the hard links that were changed; allow the call in the "
			"sandbox, or use another upper");
	if (symlinkat("-", u->index_fd, BY_NUMBER) < 0)
		return lamina_error_set(error, -errno, "cannot write to the index directory");
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
