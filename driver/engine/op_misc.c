// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Handlers of the file system as a whole, and of file flags.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/fd.h"
#include "engine/control.h"
#include "engine/policy.h"
#include "engine/protect.h"
#include "engine/raise.h"
#include "engine/show.h"
#include "guard/control.h"
#include "union/flags.h"

errint_t op_statfs(struct wire_request *r)
{
	const struct lamina_union *u = fs_of(r)->u;
	struct fuse_statfs_out *out = wire_out(r, sizeof(*out));
	struct statvfs st;

	if (fstatvfs(u->layers[0].fd, &st) < 0)
		return -errno;
	out->st = (struct fuse_kstatfs){
		.blocks = st.f_blocks,
		.bfree = st.f_bfree,
		.bavail = st.f_bavail,
		.files = st.f_files,
		.ffree = st.f_ffree,
		.bsize = (uint32_t)st.f_bsize,
		.namelen = u->writable ? u->name_max : (uint32_t)st.f_namemax,
		.frsize = (uint32_t)st.f_frsize,
	};
	return 0;
}

/* A file of @o on which ioctls work. */
static errint_t open_for_ioctl(struct object *o)
{
	_cleanup_held_ struct held_file held = {0};
	errint_t err = object_hold(o, &held);

	return err < 0 ? err : lamina_fd_reopen(held.file->fd, O_RDONLY | O_NONBLOCK);
}

/* Who may write has changed: a file that was opened before would not know. @fd is taken over. */
static void renew_file(struct object *o, int fd)
{
	struct file *file = file_new(fd, true, false);

	if (!file)
		return;
	node_set_file(&o->fs->table, o->node, file);
	file_put(&o->fs->table, file);
}

/* A value of FS_IOC_[GS]ETFLAGS or FS_IOC_FS[GS]ETXATTR, whose words for the same differ. */
struct flags_value {
	unsigned int *word;
	unsigned int immutable, append;
};

static struct flags_value value_of(unsigned int cmd, void *value)
{
	struct fsxattr *fsx = value;

	if (cmd == FS_IOC_FSGETXATTR || cmd == FS_IOC_FSSETXATTR)
		return (struct flags_value){&fsx->fsx_xflags, FS_XFLAG_IMMUTABLE, FS_XFLAG_APPEND};
	return (struct flags_value){value, FS_IMMUTABLE_FL, FS_APPEND_FL};
}

static errint_t get_flags(struct object *o, unsigned int cmd, void *value)
{
	struct flags_value flags = value_of(cmd, value);
	_cleanup_fd_ int fd = open_for_ioctl(o);
	errint_t protection = protect_flags(o);

	if (fd < 0 || protection < 0)
		return fd < 0 ? fd : protection;
	if (ioctl(fd, cmd, value) < 0)
		return -errno;
	*flags.word |= (protection & FS_IMMUTABLE_FL ? flags.immutable : 0) |
		       (protection & FS_APPEND_FL ? flags.append : 0);
	return 0;
}

/* Who may change what is protected the VFS has asked. What protects is kept in an attribute. */
static errint_t set_flags(struct object *o, unsigned int cmd, void *value)
{
	struct flags_value flags = value_of(cmd, value);
	unsigned int protection = (*flags.word & flags.immutable ? FS_IMMUTABLE_FL : 0) |
				  (*flags.word & flags.append ? FS_APPEND_FL : 0);
	_cleanup_fd_ int fd = open_for_ioctl(o);
	errint_t err;

	if (fd < 0)
		return fd;
	*flags.word &= ~(flags.immutable | flags.append);
	if (ioctl(fd, cmd, value) < 0)
		return -errno;
	err = lamina_flags_protect(o->fs->u, fd, protection);
	if (err < 0)
		return err;
	protect_note(o, protection);
	renew_file(o, TAKE_FD(fd));
	return 0;
}

static errint_t flags_ioctl(struct wire_request *r, struct object *o, bool set, size_t size)
{
	const struct fuse_ioctl_in *in = r->arg;
	struct fuse_ioctl_out *out = wire_out(r, sizeof(*out));
	errint_t err;

	if (set ? r->data_size < size : in->out_size < size)
		return -EINVAL;
	if (set) {
		err = raise_object(o, RAISE_WHOLE, &r->interrupted);
		if (err < 0)
			return err;
		memcpy(r->room, r->data, size);
		return set_flags(o, in->cmd, r->room);
	}
	err = get_flags(o, in->cmd, r->room);
	if (err < 0)
		return err;
	out->result = 0;
	wire_payload(r, r->room, size);
	return 0;
}

static bool is_flag_change(unsigned int cmd)
{
	return cmd == (unsigned int)FS_IOC_SETFLAGS || cmd == FS_IOC_FSSETXATTR;
}

bool op_ioctl_changes(const struct wire_request *r)
{
	const struct fuse_ioctl_in *in = r->arg;

	return is_flag_change(in->cmd);
}

errint_t op_ioctl(struct wire_request *r)
{
	const struct fuse_ioctl_in *in = r->arg;
	_cleanup_object_ struct object o = {0};
	errint_t err = object_get(fs_of(r), r->in->nodeid, &o);

	if (err < 0)
		return err;
	if (!S_ISREG(o.node->type) && !S_ISDIR(o.node->type))
		return -ENOTTY;
	if (in->cmd == (uint32_t)LAMINA_IOC_CONTROL)
		return control_request(r, &o);
	err = policy_object(r, &o, is_flag_change(in->cmd) ? POLICY_BIT(CHMOD) : 0);
	if (err < 0)
		return err;
	/* Only what means the same on any file system; everything else would reach a layer's own. */
	switch (in->cmd) {
	case FS_IOC_GETFLAGS:
		return flags_ioctl(r, &o, false, sizeof(unsigned int));
	case FS_IOC_SETFLAGS:
		return flags_ioctl(r, &o, true, sizeof(unsigned int));
	case FS_IOC_FSGETXATTR:
		return flags_ioctl(r, &o, false, sizeof(struct fsxattr));
	case FS_IOC_FSSETXATTR:
		return flags_ioctl(r, &o, true, sizeof(struct fsxattr));
	default:
		return -ENOTTY;
	}
}
