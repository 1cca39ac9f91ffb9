// SPDX-License-Identifier: GPL-2.0
/*
 * Changing attributes: mode, owner, times, size, ACLs and file flags. What the caller may do is
 * checked against the view's inode, as the VFS does for any file system; then the object in the
 * upper is changed with the upper's credentials.
 */
#include <linux/fs.h>
#include <linux/fileattr.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <linux/security.h>

#include "view.h"

static int gate(struct inode *inode, const struct iattr *attr)
{
	int err = fuse_view_alive(inode);

	if (!err && attr->ia_valid & ATTR_SIZE)
		err = fuse_view_gate_at(inode, FUSE_FILTER_TRUNCATE, attr->ia_size, 0);
	/* What writing strips is not the caller's wish. */
	if (!err && attr->ia_valid & ATTR_MODE &&
	    !(attr->ia_valid & (ATTR_KILL_SUID | ATTR_KILL_SGID)))
		err = fuse_view_gate(inode, FUSE_FILTER_CHMOD);
	if (!err && attr->ia_valid & (ATTR_UID | ATTR_GID))
		err = fuse_view_gate(inode, FUSE_FILTER_CHOWN);
	if (!err && attr->ia_valid & (ATTR_ATIME | ATTR_MTIME) && !(attr->ia_valid & ATTR_SIZE))
		err = fuse_view_gate(inode, FUSE_FILTER_UTIMES);
	return err;
}

static u32 accesses_of(const struct iattr *attr)
{
	u32 accesses = 0;

	/* Opening has asked already. */
	if (attr->ia_valid & ATTR_SIZE && !(attr->ia_valid & ATTR_OPEN))
		accesses |= FUSE_ACCESS(TRUNCATE);
	if (attr->ia_valid & ATTR_MODE && !(attr->ia_valid & (ATTR_KILL_SUID | ATTR_KILL_SGID)))
		accesses |= FUSE_ACCESS(CHMOD);
	if (attr->ia_valid & (ATTR_ATIME | ATTR_MTIME) && !(attr->ia_valid & ATTR_SIZE))
		accesses |= FUSE_ACCESS(CHMOD);
	if (attr->ia_valid & (ATTR_UID | ATTR_GID))
		accesses |= FUSE_ACCESS(CHOWN);
	return accesses;
}

/* Owners as the upper's mount numbers them: its id mapping is applied below. */
static void translate_owner(struct mnt_idmap *idmap, const struct inode *inode, struct iattr *attr)
{
	struct user_namespace *user_ns = i_user_ns(inode);

	if (attr->ia_valid & ATTR_UID)
		attr->ia_vfsuid = VFSUIDT_INIT(from_vfsuid(idmap, user_ns, attr->ia_vfsuid));
	if (attr->ia_valid & ATTR_GID)
		attr->ia_vfsgid = VFSGIDT_INIT(from_vfsgid(idmap, user_ns, attr->ia_vfsgid));
}

/* What the VFS has decided for the view's inode, and not for this one. */
static void prepare(struct iattr *attr)
{
	/* Which bits go is decided below once more, from what is there. */
	if (attr->ia_valid & (ATTR_KILL_SUID | ATTR_KILL_SGID))
		attr->ia_valid &= ~ATTR_MODE;
	/* The file is of the view, and was not truncated by opening the backing file. */
	attr->ia_valid &= ~(ATTR_FILE | ATTR_OPEN);
}

static int change(const struct fuse_place *place, struct iattr *attr)
{
	struct inode *real = d_inode(place->dentry);
	const struct cred *old;
	int err;

	err = fuse_place_begin_change(place, &old);
	if (err)
		return err;
	inode_lock(real);
	err = notify_change(mnt_idmap(place->layer->mnt), place->dentry, attr, NULL);
	inode_unlock(real);
	fuse_place_end_change(place, old);
	return err;
}

int fuse_view_setattr(struct mnt_idmap *idmap, struct dentry *entry, struct iattr *attr)
{
	struct inode *inode = d_inode(entry), *real;
	const struct fuse_place *place;
	int err;

	err = fuse_shown_update(inode, true) ?: setattr_prepare(idmap, entry, attr);
	if (!err)
		err = gate(inode, attr) ?: fuse_view_access(entry, accesses_of(attr));
	if (!err)
		err = fuse_copy_up(entry,
				   attr->ia_valid & ATTR_SIZE ? attr->ia_size : FUSE_COPY_ALL);
	if (err)
		return err;
	place = fuse_inode_top(inode);
	real = d_inode(place->dentry);
	if (attr->ia_valid & ATTR_SIZE) {
		err = get_write_access(real);
		if (err)
			return err;
	}
	translate_owner(idmap, inode, attr);
	prepare(attr);
	err = change(place, attr);
	if (attr->ia_valid & ATTR_SIZE)
		put_write_access(real);
	fuse_inode_refresh(inode);
	return err;
}

/* The time of access of what is in the upper; all other times are kept there alone. */
int fuse_view_update_time(struct inode *inode, int flags)
{
	const struct fuse_stack *stack = fuse_inode_stack(inode);
	struct path path = fuse_place_path(&stack->at[0]);

	if (flags & S_ATIME && stack->upper) {
		touch_atime(&path);
		inode_set_atime_to_ts(inode, inode_get_atime(d_inode(path.dentry)));
	}
	return 0;
}

/*
 * Setting an ACL clears setgid where the caller could not have set it; below it is done with more
 * rights.
 */
static int strip_sgid(struct mnt_idmap *idmap, struct dentry *entry, int type)
{
	struct iattr attr = {.ia_valid = ATTR_KILL_SGID};
	struct inode *inode = d_inode(entry);

	if (likely(!(inode->i_mode & S_ISGID)) || type != ACL_TYPE_ACCESS ||
	    vfsgid_in_group_p(i_gid_into_vfsgid(idmap, inode)) ||
	    capable_wrt_inode_uidgid(idmap, inode, CAP_FSETID))
		return 0;
	return fuse_view_setattr(idmap, entry, &attr);
}

/* Is there an ACL to be removed? If not, there is nothing to be copied up for. */
static int has_acl(const struct fuse_place *place, const char *name)
{
	const struct cred *old = fuse_place_override(place);
	struct posix_acl *acl = vfs_get_acl(mnt_idmap(place->layer->mnt), place->dentry, name);

	revert_creds(old);
	if (IS_ERR(acl))
		return PTR_ERR(acl);
	posix_acl_release(acl);
	return 0;
}

static int change_acl(const struct fuse_place *place, const char *name, struct posix_acl *acl)
{
	struct mnt_idmap *idmap = mnt_idmap(place->layer->mnt);
	const struct cred *old;
	int err;

	err = fuse_place_begin_change(place, &old);
	if (err)
		return err;
	if (acl)
		err = vfs_set_acl(idmap, place->dentry, name, acl);
	else
		err = vfs_remove_acl(idmap, place->dentry, name);
	fuse_place_end_change(place, old);
	return err;
}

int fuse_view_set_acl(struct mnt_idmap *idmap, struct dentry *entry, struct posix_acl *acl,
		      int type)
{
	struct inode *inode = d_inode(entry);
	const struct fuse_place *top = fuse_inode_top(inode);
	const struct fuse_view *view = fuse_inode_view(inode);
	const char *name = posix_acl_xattr_name(type);
	u32 accesses;
	int err;

	if (!view->upper)
		return -EROFS;
	if (!IS_POSIXACL(d_inode(view->upper->mnt->mnt_root)) ||
	    !d_inode(top->dentry)->i_op->set_acl)
		return -EOPNOTSUPP;
	if (type == ACL_TYPE_DEFAULT && !S_ISDIR(inode->i_mode))
		return acl ? -EACCES : 0;
	if (!inode_owner_or_capable(idmap, inode))
		return -EPERM;
	/* An access ACL has the bits of the mode in it. */
	accesses = FUSE_ACCESS(XATTR) | (type == ACL_TYPE_ACCESS ? FUSE_ACCESS(CHMOD) : 0);
	err = fuse_view_gate(inode, FUSE_FILTER_SETACL) ?: fuse_view_access(entry, accesses) ?:
	      strip_sgid(idmap, entry, type);
	if (!err && !acl && !top->layer->upper)
		err = has_acl(top, name);
	if (!err)
		err = fuse_copy_up(entry, FUSE_COPY_ALL);
	if (err)
		return err;
	err = change_acl(fuse_inode_top(inode), name, acl);
	fuse_inode_refresh(inode);
	return err;
}

/* The security hook of this wants a file. */
static int may_change_flags(const struct path *path, const struct fileattr *fa)
{
	unsigned int cmd = fa->fsx_valid ? FS_IOC_FSSETXATTR : FS_IOC_SETFLAGS;
	struct file *file;
	int err;

	file = dentry_open(path, O_RDONLY | O_LARGEFILE | __FMODE_NONOTIFY, current_cred());
	if (IS_ERR(file))
		return PTR_ERR(file);
	err = security_file_ioctl(file, cmd, 0);
	fput(file);
	return err;
}

/* chattr(1) */
int fuse_view_fileattr_set(struct mnt_idmap *idmap, struct dentry *entry, struct fileattr *fa)
{
	struct inode *inode = d_inode(entry);
	const struct fuse_place *place;
	unsigned int protection;
	const struct cred *old;
	struct path path;
	int err;

	err = fuse_view_gate(inode, FUSE_FILTER_SETFILEATTR) ?:
	      fuse_view_access(entry, FUSE_ACCESS(CHMOD)) ?: fuse_copy_up(entry, FUSE_COPY_ALL);
	if (err)
		return err;
	place = fuse_inode_top(inode);
	path = fuse_place_path(place);
	err = fuse_place_begin_change(place, &old);
	if (err)
		return err;
	err = may_change_flags(&path, fa);
	protection = fuse_fileattr_split(fa);
	if (!err)
		err = vfs_fileattr_set(mnt_idmap(path.mnt), path.dentry, fa);
	/* One that was protected itself, by an earlier kernel, takes an attribute from now on. */
	if (!err)
		err = fuse_protection_set(inode, protection);
	fuse_place_end_change(place, old);
	fuse_inode_protect(inode);
	fuse_inode_refresh(inode);
	return err == -ENOIOCTLCMD ? -ENOTTY : err;
}
