// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Handlers that find objects and look at them, or change their attributes.
 */
#include <errno.h>
#include <limits.h>
#include <unistd.h>

#include "base/fd.h"
#include "engine/policy.h"
#include "engine/protect.h"
#include "engine/raise.h"
#include "engine/setid.h"
#include "engine/show.h"
#include "engine/sweep.h"
#include "union/attr.h"

errint_t op_lookup(struct wire_request *r)
{
	struct lamina_fs *fs = fs_of(r);
	struct fuse_entry_out *out = wire_out(r, sizeof(*out));
	_cleanup_object_ struct object parent = {0}, child = {0};
	struct statx st;
	errint_t err = object_get_dir(fs, r->in->nodeid, &parent);

	if (err == 0)
		err = object_lookup(&parent, r->name, &child, &st);
	if (err == -ENOENT) {
		/* Node 0: the kernel remembers that there is no such name. */
		show_timeout(fs, &out->entry_valid, &out->entry_valid_nsec);
		return 0;
	}
	if (err == 0)
		err = policy_name(r, &parent, r->name, 0);
	if (err < 0)
		return err;
	show_entry(r, &child, &st, out);
	return 0;
}

errint_t op_getattr(struct wire_request *r)
{
	const struct fuse_getattr_in *in = r->arg;
	_cleanup_object_ struct object o = {0};
	errint_t err = object_get(fs_of(r), r->in->nodeid, &o);

	/* With a handle it is no caller who asks, but the kernel: a read wants to know the size. */
	if (err == 0 && !(in->getattr_flags & FUSE_GETATTR_FH))
		err = policy_object(r, &o, 0);
	return err < 0 ? err : show_reply_attr(r, &o);
}

static struct fuse_sx_time sx_time(const struct statx_timestamp *stamp)
{
	return (struct fuse_sx_time){.tv_sec = stamp->tv_sec, .tv_nsec = stamp->tv_nsec};
}

errint_t op_statx(struct wire_request *r)
{
	struct lamina_fs *fs = fs_of(r);
	struct fuse_statx_out *out = wire_out(r, sizeof(*out));
	_cleanup_object_ struct object o = {0};
	struct statx st;
	errint_t err = object_get(fs, r->in->nodeid, &o);

	if (err == 0)
		err = policy_object(r, &o, 0);
	if (err == 0)
		err = object_stat(&o, &st);
	if (err < 0)
		return err;
	if (show_may_keep(&o))
		show_timeout(fs, &out->attr_valid, &out->attr_valid_nsec);
	out->stat = (struct fuse_statx){
		.mask = st.stx_mask & LAMINA_STATX_MASK,
		.blksize = st.stx_blksize,
		.attributes = st.stx_attributes,
		.attributes_mask = st.stx_attributes_mask,
		.nlink = st.stx_nlink,
		.uid = lamina_idmap_show(&fs->options.uids, st.stx_uid),
		.gid = lamina_idmap_show(&fs->options.gids, st.stx_gid),
		.mode = st.stx_mode,
		.ino = o.node->ino,
		.size = st.stx_size,
		.blocks = st.stx_blocks,
		.atime = sx_time(&st.stx_atime),
		.btime = sx_time(&st.stx_btime),
		.ctime = sx_time(&st.stx_ctime),
		.mtime = sx_time(&st.stx_mtime),
		.rdev_major = st.stx_rdev_major,
		.rdev_minor = st.stx_rdev_minor,
	};
	return 0;
}

/* ---- setattr ---- */

/*
 * ftruncate(2) and O_TRUNC always renew the modification time, truncate(2) only if the size
 * changes. On engine fuse O_TRUNC comes as a truncation to 0 without a handle.
 */
static errint_t set_size(struct object *o, const struct fuse_setattr_in *in)
{
	bool renew = (in->valid & FATTR_FH) ||
		     (in->size == 0 && o->fs->options.engine == LAMINA_ENGINE_FUSE);
	_cleanup_held_ struct held_file data = {0};
	char path[LAMINA_FD_PATH_SIZE];
	errint_t err = object_data(o, true, &data);

	if (err < 0)
		return err;
	lamina_fd_path(path, data.file->fd);
	if (renew)
		return ftruncate(data.file->fd, (off_t)in->size) < 0 ? -errno : 0;
	return truncate(path, (off_t)in->size) < 0 ? -errno : 0;
}

static errint_t set_owner(struct object *o, int fd, const struct fuse_setattr_in *in)
{
	const struct lamina_fs_options *options = &o->fs->options;
	uid_t uid = (uid_t)-1;
	gid_t gid = (gid_t)-1;

	/* Squashed: everything has one owner, and who asks for another is told that it worked. */
	if (options->uids.squash || options->gids.squash)
		return 0;
	if (in->valid & FATTR_UID) {
		uid = lamina_idmap_store(&options->uids, in->uid);
		if (uid == (uid_t)-1)
			return -EINVAL;
	}
	if (in->valid & FATTR_GID) {
		gid = lamina_idmap_store(&options->gids, in->gid);
		if (gid == (gid_t)-1)
			return -EINVAL;
	}
	return lamina_attr_chown(o->fs->u, fd, uid, gid);
}

static struct timespec time_to_set(uint32_t valid, uint32_t set, uint32_t now, uint64_t seconds,
				   uint32_t nanoseconds)
{
	if (valid & now)
		return (struct timespec){.tv_nsec = UTIME_NOW};
	if (valid & set)
		return (struct timespec){.tv_sec = (time_t)seconds, .tv_nsec = nanoseconds};
	return (struct timespec){.tv_nsec = UTIME_OMIT};
}

static errint_t set_times(int fd, const struct fuse_setattr_in *in)
{
	const struct timespec times[2] = {
		time_to_set(in->valid, FATTR_ATIME, FATTR_ATIME_NOW, in->atime, in->atimensec),
		time_to_set(in->valid, FATTR_MTIME, FATTR_MTIME_NOW, in->mtime, in->mtimensec),
	};

	return lamina_attr_set_times(fd, times);
}

static errint_t set_attributes(const struct wire_request *r, struct object *o,
			       const struct fuse_setattr_in *in)
{
	_cleanup_held_ struct held_file held = {0};
	errint_t err = 0;

	if (in->valid & FATTR_SIZE)
		err = set_size(o, in);
	if (err == 0)
		err = object_hold(o, &held);
	/* Before the group changes: it is the old one that counts. */
	if (err == 0 && setid_asked_for(r, in))
		err = setid_clear(r, o, held.file->fd);
	if (err == 0 && (in->valid & (FATTR_UID | FATTR_GID)))
		err = set_owner(o, held.file->fd, in);
	if (err == 0 && (in->valid & FATTR_MODE))
		err = lamina_attr_chmod(o->fs->u, held.file->fd, in->mode);
	if (err == 0 && (in->valid & (FATTR_ATIME | FATTR_MTIME)))
		err = set_times(held.file->fd, in);
	return err;
}

/* Times and file flags have no word of their own. */
static unsigned int accesses_of(const struct fuse_setattr_in *in)
{
	unsigned int bits = 0;

	if (in->valid & FATTR_SIZE)
		bits |= POLICY_BIT(TRUNCATE);
	if (in->valid & (FATTR_MODE | FATTR_ATIME | FATTR_MTIME))
		bits |= POLICY_BIT(CHMOD);
	if (in->valid & (FATTR_UID | FATTR_GID))
		bits |= POLICY_BIT(CHOWN);
	return bits;
}

#define FATTR_OF_OBJECT (FATTR_MODE | FATTR_UID | FATTR_GID | FATTR_SIZE)

/*
 * Times of now are renewed by the end of a write, too, and so an append-only file has them. Where the
 * kernel collects writes it keeps the times, and sends those as if they had been chosen.
 */
static enum protect_against protection_from(const struct lamina_fs *fs,
					    const struct fuse_setattr_in *in)
{
	bool atime = (in->valid & FATTR_ATIME) && !(in->valid & FATTR_ATIME_NOW);
	bool mtime = (in->valid & FATTR_MTIME) && !(in->valid & FATTR_MTIME_NOW);
	bool chosen = (atime || mtime) && !fs->options.writeback;

	return (in->valid & FATTR_OF_OBJECT) || chosen ? PROTECT_CHANGE : PROTECT_APPEND;
}

errint_t op_setattr(struct wire_request *r)
{
	const struct fuse_setattr_in *in = r->arg;
	_cleanup_object_ struct object o = {0};
	errint_t err = object_get(fs_of(r), r->in->nodeid, &o);

	if (err == 0 && (in->valid & FATTR_SIZE) && in->size > INT64_MAX)
		err = -EFBIG;
	if (err == 0)
		err = policy_object(r, &o, accesses_of(in));
	if (err == 0)
		err = protect_object(&o, protection_from(o.fs, in));
	if (err == 0)
		err = raise_object(&o, in->valid & FATTR_SIZE ? (int64_t)in->size : RAISE_WHOLE,
				   &r->interrupted);
	if (err == 0)
		err = set_attributes(r, &o, in);
	return err < 0 ? err : show_reply_attr(r, &o);
}

errint_t op_readlink(struct wire_request *r)
{
	_cleanup_object_ struct object o = {0};
	_cleanup_held_ struct held_file held = {0};
	errint_t err = object_get(fs_of(r), r->in->nodeid, &o);

	if (err == 0 && !S_ISLNK(o.node->type))
		err = -EINVAL;
	if (err == 0)
		err = policy_object(r, &o, 0);
	if (err == 0)
		err = object_hold(&o, &held);
	if (err == 0)
		err = lamina_attr_read_link(held.file->fd, r->room, PATH_MAX);
	if (err < 0)
		return err;
	/* The kernel keeps targets, and gives them to any process that has the link open. */
	if (policy_hides(o.fs, o.node))
		sweep_content(o.fs, o.node->id);
	wire_payload(r, r->room, (size_t)err);
	return 0;
}
