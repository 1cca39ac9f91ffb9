// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Clearing set-id bits. No locks: the kernel holds that of the inode meanwhile.
 */
#include "engine/setid.h"

#include <linux/capability.h>

#include "engine/raise.h"
#include "guard/guard.h"
#include "union/attr.h"

/*
 * Whether the caller may keep set-gid on a file of group @gid, as it is on disk, which the group may not
 * execute: it is in the group, or may set any bit.
 */
static bool may_keep_gid(const struct wire_request *r, gid_t gid)
{
	const struct lamina_fs *fs = fs_of(r);
	gid_t shown = lamina_idmap_show(&fs->options.gids, gid);
	struct lamina_caller_rights rights;

	if (r->in->gid == shown)
		return true;
	lamina_caller_look(&fs->policy.guard->callers, (pid_t)r->in->pid, shown, CAP_FSETID,
			   &rights);
	return rights.in_group || rights.has_capability;
}

errint_t setid_clear(const struct wire_request *r, struct object *o, int fd)
{
	struct statx st;
	mode_t mode;
	errint_t err = lamina_attr_read_fd(o->fs->u, 0, fd, &st);

	if (err < 0)
		return err;
	mode = st.stx_mode & 07777 & ~(mode_t)S_ISUID;
	if ((mode & S_ISGID) && ((mode & S_IXGRP) || !may_keep_gid(r, st.stx_gid)))
		mode &= ~(mode_t)S_ISGID;
	return mode == (st.stx_mode & 07777) ? 0 : lamina_attr_chmod(o->fs->u, fd, mode);
}

static errint_t clear_gid(struct object *o, int fd, const struct statx *st)
{
	return lamina_attr_chmod(o->fs->u, fd, st->stx_mode & 07777 & ~(mode_t)S_ISGID);
}

errint_t setid_clear_gid(struct object *o, int fd)
{
	struct statx st;
	errint_t err = lamina_attr_read_fd(o->fs->u, 0, fd, &st);

	return err < 0 || !(st.stx_mode & S_ISGID) ? err : clear_gid(o, fd, &st);
}

errint_t setid_at_acl_removal(struct wire_request *r, struct object *o)
{
	_cleanup_held_ struct held_file held = {0};
	struct statx st;
	errint_t err = object_hold(o, &held);

	if (err == 0)
		err = lamina_attr_read_fd(o->fs->u, held.layer, held.file->fd, &st);
	if (err < 0 || !(st.stx_mode & S_ISGID) || may_keep_gid(r, st.stx_gid))
		return err;
	held_file_done(&held);
	err = raise_object(o, RAISE_WHOLE, &r->interrupted);
	if (err == 0)
		err = object_hold(o, &held);
	return err < 0 ? err : clear_gid(o, held.file->fd, &st);
}

#define FATTR_CHANGES (FATTR_MODE | FATTR_UID | FATTR_GID | FATTR_SIZE | FATTR_ATIME | FATTR_MTIME)

/*
 * A request that sets nothing is how the kernel passes on that an fallocate, a copy_file_range or a
 * write past us must clear set-id bits (FUSE_HANDLE_KILLPRIV_V2); but also that file capabilities
 * were removed, which says nothing about set-id bits. What sets the two apart is whether the caller
 * may keep them: CAP_FSETID on the host.
 */
bool setid_asked_for(const struct wire_request *r, const struct fuse_setattr_in *in)
{
	struct lamina_caller_rights rights;

	if (in->valid & FATTR_KILL_SUIDGID)
		return true;
	if (in->valid & FATTR_CHANGES)
		return false;
	lamina_caller_look(&fs_of(r)->policy.guard->callers, (pid_t)r->in->pid, r->in->gid,
			   CAP_FSETID, &rights);
	return !(rights.has_capability && rights.is_initial);
}
