// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Decoding requests: a table says what follows the header for each opcode, and nothing is handed
 * on that was not found within the bytes that were read. No locks and no state.
 */
#include "wire/request.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

/* What follows the fixed struct. */
enum tail {
	TAIL_NONE,
	TAIL_NAME,
	TAIL_TWO_NAMES,
	TAIL_NAME_TEXT, /* SYMLINK: name, target */
	TAIL_TEXT,	/* GETXATTR, REMOVEXATTR: attribute */
	TAIL_TEXT_DATA, /* SETXATTR: attribute, value */
	TAIL_DATA,
};

struct shape {
	bool known;
	enum tail tail;
	size_t arg_size;
};

#define SHAPE(opcode, size, what) [opcode] = {true, what, size}

static const struct shape shapes[WIRE_OPCODES] = {
	SHAPE(FUSE_LOOKUP, 0, TAIL_NAME),
	SHAPE(FUSE_FORGET, sizeof(struct fuse_forget_in), TAIL_NONE),
	SHAPE(FUSE_GETATTR, sizeof(struct fuse_getattr_in), TAIL_NONE),
	SHAPE(FUSE_SETATTR, sizeof(struct fuse_setattr_in), TAIL_NONE),
	SHAPE(FUSE_READLINK, 0, TAIL_NONE),
	SHAPE(FUSE_SYMLINK, 0, TAIL_NAME_TEXT),
	SHAPE(FUSE_MKNOD, sizeof(struct fuse_mknod_in), TAIL_NAME),
	SHAPE(FUSE_MKDIR, sizeof(struct fuse_mkdir_in), TAIL_NAME),
	SHAPE(FUSE_UNLINK, 0, TAIL_NAME),
	SHAPE(FUSE_RMDIR, 0, TAIL_NAME),
	SHAPE(FUSE_RENAME, sizeof(struct fuse_rename_in), TAIL_TWO_NAMES),
	SHAPE(FUSE_LINK, sizeof(struct fuse_link_in), TAIL_NAME),
	SHAPE(FUSE_OPEN, sizeof(struct fuse_open_in), TAIL_NONE),
	SHAPE(FUSE_READ, sizeof(struct fuse_read_in), TAIL_NONE),
	SHAPE(FUSE_WRITE, sizeof(struct fuse_write_in), TAIL_DATA),
	SHAPE(FUSE_STATFS, 0, TAIL_NONE),
	SHAPE(FUSE_RELEASE, sizeof(struct fuse_release_in), TAIL_NONE),
	SHAPE(FUSE_FSYNC, sizeof(struct fuse_fsync_in), TAIL_NONE),
	SHAPE(FUSE_SETXATTR, sizeof(struct fuse_setxattr_in), TAIL_TEXT_DATA),
	SHAPE(FUSE_GETXATTR, sizeof(struct fuse_getxattr_in), TAIL_TEXT),
	SHAPE(FUSE_LISTXATTR, sizeof(struct fuse_getxattr_in), TAIL_NONE),
	SHAPE(FUSE_REMOVEXATTR, 0, TAIL_TEXT),
	SHAPE(FUSE_FLUSH, sizeof(struct fuse_flush_in), TAIL_NONE),
	SHAPE(FUSE_INIT, 2 * sizeof(uint32_t), TAIL_DATA),
	SHAPE(FUSE_OPENDIR, sizeof(struct fuse_open_in), TAIL_NONE),
	SHAPE(FUSE_READDIR, sizeof(struct fuse_read_in), TAIL_NONE),
	SHAPE(FUSE_RELEASEDIR, sizeof(struct fuse_release_in), TAIL_NONE),
	SHAPE(FUSE_FSYNCDIR, sizeof(struct fuse_fsync_in), TAIL_NONE),
	SHAPE(FUSE_ACCESS, sizeof(struct fuse_access_in), TAIL_NONE),
	SHAPE(FUSE_CREATE, sizeof(struct fuse_create_in), TAIL_NAME),
	SHAPE(FUSE_INTERRUPT, sizeof(struct fuse_interrupt_in), TAIL_NONE),
	SHAPE(FUSE_DESTROY, 0, TAIL_NONE),
	SHAPE(FUSE_IOCTL, sizeof(struct fuse_ioctl_in), TAIL_DATA),
	SHAPE(FUSE_BATCH_FORGET, sizeof(struct fuse_batch_forget_in), TAIL_DATA),
	SHAPE(FUSE_FALLOCATE, sizeof(struct fuse_fallocate_in), TAIL_NONE),
	SHAPE(FUSE_READDIRPLUS, sizeof(struct fuse_read_in), TAIL_NONE),
	SHAPE(FUSE_RENAME2, sizeof(struct fuse_rename2_in), TAIL_TWO_NAMES),
	SHAPE(FUSE_LSEEK, sizeof(struct fuse_lseek_in), TAIL_NONE),
	SHAPE(FUSE_COPY_FILE_RANGE, sizeof(struct fuse_copy_file_range_in), TAIL_NONE),
	SHAPE(FUSE_SYNCFS, sizeof(struct fuse_syncfs_in), TAIL_NONE),
	SHAPE(FUSE_TMPFILE, sizeof(struct fuse_create_in), TAIL_DATA),
	SHAPE(FUSE_STATX, sizeof(struct fuse_statx_in), TAIL_NONE),
};

/* Its texts are of sizes that its struct says: see upcall/decode.c. */
static const struct shape upcall_shape = {true, TAIL_DATA, sizeof(struct fuse_upcall_in)};

static const struct shape *shape_of(uint32_t opcode)
{
	if (opcode == FUSE_UPCALL)
		return &upcall_shape;
	return opcode < WIRE_OPCODES && shapes[opcode].known ? &shapes[opcode] : NULL;
}

struct cursor {
	const char *at, *end;
};

static const void *take(struct cursor *c, size_t size)
{
	const void *taken = c->at;

	if ((size_t)(c->end - c->at) < size)
		return NULL;
	c->at += size;
	return taken;
}

/* A NUL-terminated string of at least one character. */
static const char *take_text(struct cursor *c)
{
	size_t length = strnlen(c->at, (size_t)(c->end - c->at));

	if (length == 0 || c->at + length == c->end)
		return NULL;
	return take(c, length + 1);
}

static errint_t take_name(struct cursor *c, const char **ret)
{
	const char *name = take_text(c);

	if (!name || strchr(name, '/') || !strcmp(name, ".") || !strcmp(name, ".."))
		return -EINVAL;
	if (strlen(name) > NAME_MAX) /* FUSE's own limit is 1024 */
		return -ENAMETOOLONG;
	*ret = name;
	return 0;
}

static errint_t decode_tail(struct wire_request *r, enum tail tail, struct cursor *c)
{
	errint_t err;

	switch (tail) {
	case TAIL_NONE:
		return 0;
	case TAIL_NAME:
		return take_name(c, &r->name);
	case TAIL_TWO_NAMES:
		err = take_name(c, &r->name);
		return err < 0 ? err : take_name(c, &r->name2);
	case TAIL_NAME_TEXT:
		err = take_name(c, &r->name);
		if (err < 0)
			return err;
		r->text = take_text(c);
		return r->text ? 0 : -EINVAL;
	case TAIL_TEXT:
		r->text = take_text(c);
		return r->text ? 0 : -EINVAL;
	case TAIL_TEXT_DATA:
		r->text = take_text(c);
		r->data = c->at;
		r->data_size = (size_t)(c->end - c->at);
		return r->text ? 0 : -EINVAL;
	case TAIL_DATA:
		r->data = c->at;
		r->data_size = (size_t)(c->end - c->at);
		return 0;
	}
	return -EINVAL;
}

errint_t wire_decode(struct wire_request *r, const void *buffer, size_t size)
{
	struct cursor c = {buffer, (const char *)buffer + size};
	const struct shape *shape;

	r->in = take(&c, sizeof(*r->in));
	if (!r->in || r->in->len != size)
		return -EBADMSG;
	shape = shape_of(r->in->opcode);
	if (!shape)
		return -ENOSYS;
	r->arg = take(&c, shape->arg_size);
	if (!r->arg)
		return -EINVAL;
	return decode_tail(r, shape->tail, &c);
}
