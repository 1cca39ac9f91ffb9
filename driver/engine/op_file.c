// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Handlers of open files. The engine `fuse` has no use for opens, and is told of them only where a
 * policy may need it: a file is opened for the first read or write, stays in the cache, and is the
 * same for all its readers and writers, so what one writes the other reads, also across a copy-up.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/calls.h"
#include "base/limits.h"
#include "engine/passthrough.h"
#include "engine/policy.h"
#include "engine/protect.h"
#include "engine/raise.h"
#include "engine/setid.h"
#include "union/xattr.h"

static errint_t get_file(struct wire_request *r, uint64_t id, struct object *ret)
{
	errint_t err = object_get(fs_of(r), id, ret);

	if (err < 0)
		return err;
	if (S_ISREG(ret->node->type))
		return 0;
	object_done(ret);
	return -EINVAL;
}

/* What the VFS asks of who writes, by the flags of an open, if it knows that @o is protected. */
static errint_t check_protection(struct object *o, unsigned int flags)
{
	bool appends = (flags & O_APPEND) && !(flags & O_TRUNC);

	return protect_object(o, appends ? PROTECT_APPEND : PROTECT_CHANGE);
}

/*
 * The file of node @id to write to, which is in the upper. @flags: those of the open, as far as they
 * are told.
 */
static errint_t get_for_writing(struct wire_request *r, uint64_t id, unsigned int flags,
				struct object *o, struct held_file *ret)
{
	errint_t err = get_file(r, id, o);

	if (err == 0)
		err = check_protection(o, flags);
	if (err < 0)
		return err;
	err = raise_object(o, RAISE_WHOLE, &r->interrupted);
	if (err == 0)
		err = object_data(o, true, ret);
	/* One that is append-only on disk, too, as earlier versions have left them. */
	if (err == -EPERM && (flags & O_APPEND) && o->node->layer == 0)
		err = object_data_append(o, ret);
	return err;
}

/* ---- open and release ---- */

static errint_t truncate_opened(const struct wire_request *r, struct object *o,
				const struct fuse_open_in *in)
{
	_cleanup_held_ struct held_file data = {0};
	errint_t err = object_data(o, true, &data);

	if (err == 0 && ftruncate(data.file->fd, 0) < 0)
		err = -errno;
	if (err == 0 && (in->open_flags & FUSE_OPEN_KILL_SUIDGID))
		err = setid_clear(r, o, data.file->fd);
	return err;
}

bool op_open_changes(const struct wire_request *r)
{
	const struct fuse_open_in *in = r->arg;

	return (in->flags & O_ACCMODE) != O_RDONLY || (in->flags & O_TRUNC);
}

errint_t op_open(struct wire_request *r)
{
	struct lamina_fs *fs = fs_of(r);
	const struct fuse_open_in *in = r->arg;
	struct wire_open_out *out = wire_out(r, sizeof(*out));
	bool write = op_open_changes(r);
	_cleanup_object_ struct object o = {0};
	errint_t err;

	if (policy_open_bits(in->flags) & POLICY_BIT(EXECUTE))
		policy_program_starts(fs);
	if (!policy_answers_open(r))
		return -ENOSYS; /* the kernel does not ask again */
	err = get_file(r, r->in->nodeid, &o);
	if (err == 0)
		err = policy_object(r, &o, policy_open_bits(in->flags));
	if (err == 0 && write)
		err = check_protection(&o, in->flags);
	if (fs->options.engine == LAMINA_ENGINE_FUSE) {
		/* Told only for policies. All else is done when data are read or written. */
		out->open_flags = FOPEN_KEEP_CACHE;
		return err;
	}
	if (err == 0 && write)
		err = raise_object(&o, in->flags & O_TRUNC ? 0 : RAISE_WHOLE, &r->interrupted);
	if (err == 0 && (in->flags & O_TRUNC))
		err = truncate_opened(r, &o, in);
	return err < 0 ? err : passthrough_open(&o, write, out);
}

errint_t op_release(struct wire_request *r)
{
	struct lamina_fs *fs = fs_of(r);
	const struct fuse_release_in *in = r->arg;
	struct node *node = node_get(&fs->table, r->in->nodeid);

	if (!node)
		return -ESTALE;
	if (fs->options.engine == LAMINA_ENGINE_PASSTHROUGH)
		passthrough_release(fs, node, in->fh);
	node_put(&fs->table, node);
	return 0;
}

/* ---- data ---- */

errint_t op_read(struct wire_request *r)
{
	const struct fuse_read_in *in = r->arg;
	size_t size = in->size < LAMINA_MAX_IO ? in->size : LAMINA_MAX_IO, done = 0;
	_cleanup_object_ struct object o = {0};
	_cleanup_held_ struct held_file data = {0};
	errint_t err = get_file(r, r->in->nodeid, &o);

	if (err == 0)
		err = object_data(&o, false, &data);
	if (err < 0)
		return err;
	/* The kernel takes a short reply for the end of the file. */
	while (done < size) {
		ssize_t n = pread(data.file->fd, r->room + done, size - done,
				  (off_t)(in->offset + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	wire_payload(r, r->room, done);
	return 0;
}

static errint_t write_all(int fd, const char *data, size_t size, off_t at)
{
	size_t done = 0;

	while (done < size) {
		ssize_t n = pwrite(fd, data + done, size - done, at + (off_t)done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return done > 0 ? (errint_t)done : -errno;
		done += (size_t)n;
	}
	return (errint_t)done;
}

#define CAPABILITY_SIZE 64 /* struct vfs_ns_cap_data and to spare */

/*
 * What was written through a mapping: unlike write(2) that takes no file capability away, but our
 * pwrite() would.
 */
static errint_t write_mapped(int fd, const char *data, size_t size, off_t at)
{
	char value[CAPABILITY_SIZE];
	ssize_t n = lamina_xattr_get_fd(fd, LAMINA_XATTR_CAPABILITY, value, sizeof(value));
	errint_t written = write_all(fd, data, size, at);
	errint_t err;

	if (n <= 0 || written < 0)
		return written;
	err = lamina_xattr_set_fd(fd, LAMINA_XATTR_CAPABILITY, value, (size_t)n, 0);
	return err < 0 ? err : written;
}

errint_t op_write(struct wire_request *r)
{
	const struct fuse_write_in *in = r->arg;
	struct fuse_write_out *out = wire_out(r, sizeof(*out));
	_cleanup_object_ struct object o = {0};
	_cleanup_held_ struct held_file data = {0};
	/* Collected writes come in the same way, but those were write(2) once. */
	bool mapped = (in->write_flags & FUSE_WRITE_CACHE) && !fs_of(r)->options.writeback;
	errint_t err;

	if (in->size > r->data_size)
		return -EINVAL;
	err = get_for_writing(r, r->in->nodeid, in->flags, &o, &data);
	if (err == 0 && (in->write_flags & FUSE_WRITE_KILL_SUIDGID))
		err = setid_clear(r, &o, data.file->fd);
	if (err == 0)
		err = mapped ? write_mapped(data.file->fd, r->data, in->size, (off_t)in->offset)
			     : write_all(data.file->fd, r->data, in->size, (off_t)in->offset);
	if (err < 0)
		return err;
	out->size = (uint32_t)err;
	return 0;
}

errint_t op_fsync(struct wire_request *r)
{
	struct lamina_fs *fs = fs_of(r);
	const struct fuse_fsync_in *in = r->arg;
	_cleanup_object_ struct object o = {0};
	_cleanup_held_ struct held_file data = {0};
	errint_t err;

	if (!fs->options.sync)
		return -ENOSYS; /* volatile: the kernel says "done" by itself from now on */
	err = get_file(r, r->in->nodeid, &o);
	if (err < 0)
		return err;
	if (!fs->u->writable || o.node->layer != 0)
		return 0; /* a layer does not change */
	err = object_data(&o, false, &data);
	if (err < 0)
		return err;
	wire_session_block_ahead(r->session);
	err = in->fsync_flags & FUSE_FSYNC_FDATASYNC ? fdatasync(data.file->fd)
						     : fsync(data.file->fd);
	return err < 0 ? -errno : 0;
}

errint_t op_lseek(struct wire_request *r)
{
	const struct fuse_lseek_in *in = r->arg;
	struct fuse_lseek_out *out = wire_out(r, sizeof(*out));
	_cleanup_object_ struct object o = {0};
	_cleanup_held_ struct held_file data = {0};
	errint_t err;
	off_t at;

	/* What the kernel has not written yet looks like a hole: let it see data everywhere. */
	if (fs_of(r)->options.writeback)
		return -ENOSYS;
	err = get_file(r, r->in->nodeid, &o);
	if (err == 0 && in->whence != SEEK_DATA && in->whence != SEEK_HOLE)
		err = -EINVAL;
	if (err == 0)
		err = object_data(&o, false, &data);
	if (err < 0)
		return err;
	at = lseek(data.file->fd, (off_t)in->offset, (int)in->whence);
	if (at < 0)
		return -errno;
	out->offset = (uint64_t)at;
	return 0;
}

errint_t op_fallocate(struct wire_request *r)
{
	const struct fuse_fallocate_in *in = r->arg;
	_cleanup_object_ struct object o = {0};
	_cleanup_held_ struct held_file data = {0};
	/* Growing is all that may be done with a file that only grows. */
	unsigned int flags = in->mode & ~(uint32_t)FALLOC_FL_KEEP_SIZE ? 0 : O_APPEND;
	errint_t err = get_for_writing(r, r->in->nodeid, flags, &o, &data);

	if (err == 0 &&
	    fallocate(data.file->fd, (int)in->mode, (off_t)in->offset, (off_t)in->length) < 0)
		err = -errno;
	return err;
}

errint_t op_copy_file_range(struct wire_request *r)
{
	const struct fuse_copy_file_range_in *in = r->arg;
	struct fuse_write_out *out = wire_out(r, sizeof(*out));
	_cleanup_object_ struct object from = {0}, to = {0};
	_cleanup_held_ struct held_file from_data = {0}, to_data = {0};
	off_t from_at = (off_t)in->off_in, to_at = (off_t)in->off_out;
	size_t size = in->len < INT32_MAX ? (size_t)in->len : INT32_MAX;
	errint_t err = get_file(r, r->in->nodeid, &from);
	ssize_t n;

	if (err == 0)
		err = get_for_writing(r, in->nodeid_out, 0, &to, &to_data);
	if (err == 0)
		err = object_data(&from, false, &from_data);
	if (err < 0)
		return err;
	if (lamina_call_refused(LAMINA_CALL_COPY_FILE_RANGE))
		return -ENOSYS; /* the kernel reads and writes */
	wire_session_block_ahead(r->session);
	n = copy_file_range(from_data.file->fd, &from_at, to_data.file->fd, &to_at, size, 0);
	if (n < 0)
		return -errno;
	out->size = (uint32_t)n;
	return 0;
}
