// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Checking upcalls: every text ends where its length says, and every path is one that can only lead
 * down. No locks and no state.
 */
#include "upcall/decode.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* The text of @length bytes at @at, which has its NUL at the end and nowhere else; or NULL. */
static const char *text_of(const char *at, uint32_t length)
{
	return length > 0 && strnlen(at, length) == length - 1 ? at : NULL;
}

/* Names of one component each, with one "/" between them. */
static bool path_valid(const char *path)
{
	while (*path) {
		size_t length = strcspn(path, "/");

		if (length == 0 || length > NAME_MAX || (length == 1 && path[0] == '.') ||
		    (length == 2 && path[0] == '.' && path[1] == '.'))
			return false;
		path += length;
		if (*path == '/' && !*++path)
			return false;
	}
	return true;
}

static bool kind_known(uint32_t kind)
{
	return kind >= FUSE_UPCALL_COPY_UP && kind <= FUSE_UPCALL_JOIN;
}

static errint_t split(struct lamina_upcall *u)
{
	const char *slash = strrchr(u->path, '/');

	u->name = slash ? slash + 1 : u->path;
	if (!slash) {
		u->dir = "";
		return 0;
	}
	u->owned = strndup(u->path, (size_t)(slash - u->path));
	u->dir = u->owned;
	return u->owned ? 0 : -ENOMEM;
}

errint_t lamina_upcall_decode(const struct wire_request *r, struct lamina_upcall *ret)
{
	const struct fuse_upcall_in *in = r->arg;
	struct lamina_upcall u = {.in = in, .again = r->in->unique & FUSE_UNIQUE_RESEND};
	const char *data = r->data;
	errint_t err;

	if (in->path_len > FUSE_UPCALL_TEXT_MAX || in->text_len > FUSE_UPCALL_TEXT_MAX ||
	    (size_t)in->path_len + in->text_len > r->data_size)
		return -EINVAL;
	if (!kind_known(in->kind))
		return -ENOSYS;
	u.path = text_of(data, in->path_len);
	u.text = text_of(data + in->path_len, in->text_len);
	if (!u.path || !*u.path || !path_valid(u.path) || (in->text_len && !u.text))
		return -EINVAL;
	err = split(&u);
	if (err < 0)
		return err;
	*ret = u;
	return 0;
}

void lamina_upcall_done(struct lamina_upcall *upcall)
{
	free(upcall->owned);
	upcall->owned = NULL;
}
