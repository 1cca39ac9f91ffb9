// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Handlers of the file system as a whole, and of file flags.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/fd.h"
#include "engine/control.h"
#include "engine/policy.h"
#include "engine/raise.h"
#include "engine/show.h"
#include "guard/control.h"

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

static errint_t flags_ioctl(struct wire_request *r, struct object *o, bool set, size_t size)
{
	const struct fuse_ioctl_in *in = r->arg;
	struct fuse_ioctl_out *out = wire_out(r, sizeof(*out));
	union {
		unsigned int flags;
		struct fsxattr fsx;
	} *value = (void *)r->room;
	_cleanup_fd_ int fd = -1;
	errint_t err = 0;

	if (set)
		err = r->data_size < size ? -EINVAL : raise_object(o, RAISE_WHOLE, &r->interrupted);
	else if (in->out_size < size)
		err = -EINVAL;
	if (err < 0)
		return err;
	fd = open_for_ioctl(o);
	if (fd < 0)
		return fd;
	if (set) {
		if (ioctl(fd, in->cmd, r->data) < 0)
			return -errno;
		renew_file(o, TAKE_FD(fd));
		return 0;
	}
	if (ioctl(fd, in->cmd, value) < 0)
		return -errno;
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
