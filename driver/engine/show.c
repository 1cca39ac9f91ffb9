// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Filling replies. No locks.
 */
#include "engine/show.h"

#include <sys/sysmacros.h>

#include "engine/passthrough.h"
#include "engine/policy.h"

/* A block size that suits who reads with it; st_blksize of the layers may be anything. */
#define BLKSIZE_DEFAULT 4096

void show_attr(struct object *o, const struct statx *st, struct fuse_attr *ret)
{
	const struct lamina_fs_options *options = &o->fs->options;

	*ret = (struct fuse_attr){
		.ino = o->node->ino,
		.size = st->stx_size,
		.blocks = st->stx_blocks,
		.atime = (uint64_t)st->stx_atime.tv_sec,
		.mtime = (uint64_t)st->stx_mtime.tv_sec,
		.ctime = (uint64_t)st->stx_ctime.tv_sec,
		.atimensec = st->stx_atime.tv_nsec,
		.mtimensec = st->stx_mtime.tv_nsec,
		.ctimensec = st->stx_ctime.tv_nsec,
		.mode = st->stx_mode,
		.nlink = st->stx_nlink,
		.uid = lamina_idmap_show(&options->uids, st->stx_uid),
		.gid = lamina_idmap_show(&options->gids, st->stx_gid),
		.rdev = (uint32_t)makedev(st->stx_rdev_major, st->stx_rdev_minor),
		.blksize = st->stx_blksize ? st->stx_blksize : BLKSIZE_DEFAULT,
	};
}

void show_timeout(const struct lamina_fs *fs, uint64_t *ret_seconds, uint32_t *ret_nanoseconds)
{
	double timeout = fs->options.timeout;

	*ret_seconds = (uint64_t)timeout;
	*ret_nanoseconds = (uint32_t)((timeout - (double)*ret_seconds) * 1e9);
}

bool show_may_keep(struct object *o)
{
	return !passthrough_attr_volatile(o->fs, o->node) && !policy_hides(o->fs, o->node);
}

void show_entry(struct wire_request *r, struct object *o, const struct statx *st,
		struct fuse_entry_out *ret)
{
	node_remember(&o->fs->table, o->node);
	if (r)
		r->lost_node = o->node->id;
	*ret = (struct fuse_entry_out){.nodeid = o->node->id};
	if (!policy_hides(o->fs, o->node))
		show_timeout(o->fs, &ret->entry_valid, &ret->entry_valid_nsec);
	if (show_may_keep(o))
		show_timeout(o->fs, &ret->attr_valid, &ret->attr_valid_nsec);
	show_attr(o, st, &ret->attr);
}

errint_t show_reply_attr(struct wire_request *r, struct object *o)
{
	struct fuse_attr_out *out = wire_out(r, sizeof(*out));
	struct statx st;
	errint_t err = object_stat(o, &st);

	if (err < 0)
		return err;
	if (show_may_keep(o))
		show_timeout(o->fs, &out->attr_valid, &out->attr_valid_nsec);
	show_attr(o, &st, &out->attr);
	return 0;
}
