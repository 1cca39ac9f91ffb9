// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What is in the way of a view. No state.
 */
#include "mount/fit.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/proc.h"

/* The inode number of the initial user namespace: PROC_USER_INIT_INO of <linux/proc_ns.h>. Its uid_map
 * says nothing, as another namespace may map all ids to themselves. */
#define INITIAL_USER_NS 0xEFFFFFFDu

bool lamina_mount_is_real_root(void)
{
	_cleanup_fd_ int ns = -1;
	struct stat st;

	if (geteuid() != 0)
		return false;
	ns = lamina_proc_open("self/ns/user", O_RDONLY);
	return ns >= 0 && fstat(ns, &st) == 0 && st.st_ino == INITIAL_USER_NS;
}

/* NULL: nothing that was asked for is in the way. */
static const char *options_in_the_way(const struct lamina_mount_options *o)
{
	if (o->fs.uids.squash || o->fs.gids.squash)
		return "squash_to_* shows many owners as one, which no id mapping of the kernel "
		       "does";
	if (o->xattr_permissions)
		return "xattr_permissions keeps owners in attributes, which the kernel does not "
		       "read";
	if (!o->fs.xattrs)
		return "the kernel always shows extended attributes, and noxattrs was given";
	if (!o->fs.acl)
		return "the kernel always heeds ACLs, and noacl was given";
	if (o->fs.static_nlink)
		return "the kernel counts links of directories, and static_nlink was given";
	if (o->fs.writeback)
		return "the kernel writes to the upper itself, and writeback was given";
	if (!strncmp(o->mountpoint, "/dev/fd/", 8))
		return "the mount was made by mount.fuse3 already";
	return NULL;
}

static errint_t layers_in_the_way(const struct lamina_union *u, struct lamina_error *why)
{
	for (unsigned int i = 0; i < u->n_root; i++) {
		const struct lamina_layer *l = &u->layers[i];

		if (l->override != LAMINA_OVERRIDE_NONE)
			return lamina_error_say(why, -EOPNOTSUPP,
						"the layer '%s' keeps owners in attributes "
						"(override_stat), which the kernel does not read",
						l->path);
		if (l->numbers_made_up)
			return lamina_error_say(why, -EOPNOTSUPP,
						"the layer '%s' is on a FUSE file system whose "
						"inode numbers change from mount to mount",
						l->path);
		if (l->xwhiteouts)
			return lamina_error_say(why, -EOPNOTSUPP,
						"the layer '%s' has whiteouts in attributes, which "
						"the kernel does not read",
						l->path);
	}
	return 0;
}

static const char *upper_in_the_way(const struct lamina_union *u)
{
	if (!u->writable)
		return NULL;
	if (u->whiteout_form == LAMINA_WHITEOUT_DOT)
		return "the upper gets whiteouts named .wh., which the kernel does not write";
	if (u->whiteout_form == LAMINA_WHITEOUT_MARKED)
		return "the upper gets whiteouts in attributes, which the kernel does not write";
	if (u->keys_by_number)
		return "the upper's index knows files by their numbers (name_to_handle_at(2) was "
		       "refused to the one who mounted it first), the kernel by their handles";
	if (!u->xattr_ns)
		return "the upper's file system has no extended attributes, so a directory cannot "
		       "be "
		       "made opaque there";
	return NULL;
}

errint_t lamina_mount_fits_view(const struct lamina_mount_options *o, const struct lamina_union *u,
				struct lamina_error *why)
{
	const char *reason = lamina_mount_is_real_root() ? options_in_the_way(o)
							 : "only the real root makes views";

	if (!reason)
		reason = upper_in_the_way(u);
	return reason ? lamina_error_say(why, -EOPNOTSUPP, "%s", reason)
		      : layers_in_the_way(u, why);
}
