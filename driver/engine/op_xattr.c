// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Handlers of extended attributes, ACLs among them.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "engine/policy.h"
#include "engine/protect.h"
#include "engine/raise.h"
#include "engine/setid.h"
#include "engine/show.h"
#include "union/attr.h"
#include "union/xattr.h"

#define ACL_ACCESS  "system.posix_acl_access"
#define ACL_DEFAULT "system.posix_acl_default"

static bool is_acl(const char *name)
{
	return !strcmp(name, ACL_ACCESS) || !strcmp(name, ACL_DEFAULT);
}

/* Whether @name can be asked for at all: 0 or -errno. */
static errint_t check_name(const struct lamina_fs *fs, const char *name)
{
	if (!fs->options.xattrs)
		return -ENOSYS;
	if (strlen(name) > XATTR_NAME_MAX)
		return -ERANGE;
	return is_acl(name) && !fs->options.acl ? -EOPNOTSUPP : 0;
}

static bool has_mapped_ids(const struct lamina_fs *fs, const char *name)
{
	return is_acl(name) &&
	       (lamina_idmap_active(&fs->options.uids) || lamina_idmap_active(&fs->options.gids));
}

/* An access ACL is the mode as well. */
static unsigned int accesses_of_change(const char *name)
{
	return strcmp(name, ACL_ACCESS) ? POLICY_BIT(XATTR) : POLICY_BIT(XATTR) | POLICY_BIT(CHMOD);
}

/* Reply with a value or list of @n bytes in the thread's room; with its size if that was asked. */
static errint_t reply_bytes(struct wire_request *r, ssize_t n)
{
	const struct fuse_getxattr_in *in = r->arg;

	if (n < 0)
		return (errint_t)n;
	if (in->size == 0) {
		struct fuse_getxattr_out *out = wire_out(r, sizeof(*out));

		out->size = (uint32_t)n;
		return 0;
	}
	if ((size_t)n > in->size)
		return -ERANGE;
	wire_payload(r, r->room, (size_t)n);
	return 0;
}

errint_t op_getxattr(struct wire_request *r)
{
	struct lamina_fs *fs = fs_of(r);
	_cleanup_object_ struct object o = {0};
	_cleanup_held_ struct held_file held = {0};
	errint_t err = check_name(fs, r->text);
	ssize_t n;

	if (err == 0)
		err = object_get(fs, r->in->nodeid, &o);
	if (err == 0)
		err = policy_object(r, &o, 0);
	if (err == 0)
		err = object_hold(&o, &held);
	if (err < 0)
		return err;
	n = lamina_xattr_outer_get(fs->u, held.layer, held.file->fd, r->text, r->room,
				   LAMINA_XATTR_MAX);
	if (n > 0 && has_mapped_ids(fs, r->text)) {
		err = lamina_idmap_acl(&fs->options.uids, &fs->options.gids, r->room, (size_t)n,
				       false);
		if (err < 0)
			return err;
	}
	return reply_bytes(r, n);
}

errint_t op_listxattr(struct wire_request *r)
{
	struct lamina_fs *fs = fs_of(r);
	_cleanup_object_ struct object o = {0};
	_cleanup_held_ struct held_file held = {0};
	errint_t err = fs->options.xattrs ? object_get(fs, r->in->nodeid, &o) : -ENOSYS;

	if (err == 0)
		err = policy_object(r, &o, 0);
	if (err == 0)
		err = object_hold(&o, &held);
	if (err < 0)
		return err;
	/* CAP_SYS_ADMIN is what counts, but of the caller only the user is told. */
	return reply_bytes(r, lamina_xattr_outer_list(fs->u, held.layer, held.file->fd,
						      r->in->uid == 0, r->room, LAMINA_XATTR_MAX));
}

/* The value to store, with the ids of the layers; in the thread's room if it had to change. */
static errint_t value_to_store(struct wire_request *r, const void **value, size_t size)
{
	struct lamina_fs *fs = fs_of(r);

	if (!has_mapped_ids(fs, r->text) || size == 0)
		return 0;
	memcpy(r->room, *value, size);
	*value = r->room;
	return lamina_idmap_acl(&fs->options.uids, &fs->options.gids, r->room, size, true);
}

errint_t op_setxattr(struct wire_request *r)
{
	struct lamina_fs *fs = fs_of(r);
	const struct fuse_setxattr_in *in = r->arg;
	_cleanup_object_ struct object o = {0};
	_cleanup_held_ struct held_file held = {0};
	const void *value = r->data;
	errint_t err = check_name(fs, r->text);

	if (err == 0 && (in->size > r->data_size || in->size > LAMINA_XATTR_MAX))
		err = -EINVAL;
	if (err == 0)
		err = value_to_store(r, &value, in->size);
	if (err == 0)
		err = object_get(fs, r->in->nodeid, &o);
	if (err == 0)
		err = policy_object(r, &o, accesses_of_change(r->text));
	if (err == 0)
		err = protect_object(&o, PROTECT_CHANGE);
	if (err == 0)
		err = raise_object(&o, RAISE_WHOLE, &r->interrupted);
	if (err == 0)
		err = object_hold(&o, &held);
	if (err == 0)
		err = lamina_xattr_outer_set(fs->u, held.file->fd, r->text, value, in->size,
					     (int)in->flags);
	/* The kernel says so of default ACLs, too, which mean nothing to the mode. */
	if (err == 0 && (in->setxattr_flags & FUSE_SETXATTR_ACL_KILL_SGID) &&
	    !strcmp(r->text, ACL_ACCESS))
		err = setid_clear_gid(&o, held.file->fd);
	return err;
}

/*
 * A write takes file capabilities, and the kernel asks us to remove them as if the caller had: that must
 * not fail for a write at the end of an append-only file.
 */
static enum protect_against kind_of_removal(const char *name)
{
	return strcmp(name, LAMINA_XATTR_CAPABILITY) ? PROTECT_CHANGE : PROTECT_APPEND;
}

errint_t op_removexattr(struct wire_request *r)
{
	struct lamina_fs *fs = fs_of(r);
	_cleanup_object_ struct object o = {0};
	_cleanup_held_ struct held_file held = {0};
	errint_t err = check_name(fs, r->text);
	bool absent;
	ssize_t n;

	if (err == 0)
		err = object_get(fs, r->in->nodeid, &o);
	if (err == 0)
		err = policy_object(r, &o, accesses_of_change(r->text));
	if (err == 0)
		err = protect_object(&o, kind_of_removal(r->text));
	if (err == 0)
		err = object_hold(&o, &held);
	if (err < 0)
		return err;
	/* Not worth a copy-up if there is nothing to remove. */
	n = lamina_xattr_outer_get(fs->u, held.layer, held.file->fd, r->text, NULL, 0);
	absent = n == -ENODATA && is_acl(r->text);
	if (n < 0 && !absent)
		return (errint_t)n;
	if (!strcmp(r->text, ACL_ACCESS)) {
		err = setid_at_acl_removal(r, &o);
		if (err < 0)
			return err;
	}
	if (absent)
		return 0; /* as other file systems answer */
	held_file_done(&held);
	err = raise_object(&o, RAISE_WHOLE, &r->interrupted);
	if (err == 0)
		err = object_hold(&o, &held);
	if (err == 0)
		err = lamina_xattr_outer_remove(fs->u, held.file->fd, r->text);
	return err;
}
