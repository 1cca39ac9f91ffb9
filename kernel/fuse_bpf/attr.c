// SPDX-License-Identifier: GPL-2.0
/*
 * Attributes and permissions of a view's inodes: those of the topmost backing object. Access is
 * checked in two steps: the task's credentials against what the view shows, then the layer's
 * credentials against the backing object. Parts of this run in rcu-walk.
 */
#include <linux/fs.h>
#include <linux/fileattr.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <linux/security.h>
#include <linux/stat.h>

#include "view.h"

int fuse_view_getattr(struct mnt_idmap *idmap, const struct path *path, struct kstat *stat,
		      u32 request_mask, unsigned int flags)
{
	struct inode *inode = d_inode(path->dentry);
	const struct fuse_stack *stack = fuse_inode_stack(inode);
	const struct fuse_place *place = &stack->at[0];
	struct path real = fuse_place_path(place);
	const struct cred *old;
	int err = fuse_view_enter(inode) ?: fuse_view_gate(inode, FUSE_FILTER_GETATTR) ?:
		  fuse_view_access(path->dentry, FUSE_ACCESS(SEE));

	if (!err)
		err = fuse_shown_update(inode, true);
	if (err)
		return err;
	old = fuse_place_override(place);
	if (flags & AT_GETATTR_NOSEC)
		err = vfs_getattr_nosec(&real, stat, request_mask, flags);
	else
		err = vfs_getattr(&real, stat, request_mask, flags);
	revert_creds(old);
	if (err)
		return err;

	if (fuse_filter_wanted(fuse_inode_view(inode), FUSE_FILTER_ATTR)) {
		stat->mode = inode->i_mode;
		stat->uid = vfsuid_into_kuid(i_uid_into_vfsuid(idmap, inode));
		stat->gid = vfsgid_into_kgid(i_gid_into_vfsgid(idmap, inode));
	}
	generic_fill_statx_attr(inode, stat);
	stat->dev = inode->i_sb->s_dev;
	/* What was copied up keeps the number that it had. */
	stat->ino = READ_ONCE(fuse_vinode(inode)->numbered)
			    ? get_fuse_inode(inode)->orig_ino
			    : fuse_layer_ino(place->layer, stat->ino);
	if (fuse_links_are_counted(inode))
		stat->nlink = fuse_inode_nlink(inode);
	return 0;
}

int fuse_view_permission(struct mnt_idmap *idmap, struct inode *inode, int mask)
{
	const struct fuse_place *place = fuse_inode_top(inode);
	struct inode *real = d_inode_rcu(place->dentry);
	const struct cred *old;
	int err;

	/* In rcu-walk the inode may be going. */
	if (!real)
		return -ECHILD;
	err = fuse_view_enter(inode) ?: fuse_shown_update(inode, !(mask & MAY_NOT_BLOCK));
	if (!err)
		err = generic_permission(idmap, inode, mask);
	if (err)
		return err;

	/*
	 * What is written to a pipe or a device is written there; what is in a lower layer is
	 * copied up, which takes reading it, or the view is read-only.
	 */
	if (!place->layer->upper && !special_file(real->i_mode) && mask & MAY_WRITE) {
		mask &= ~(MAY_WRITE | MAY_APPEND);
		if (fuse_inode_view(inode)->upper)
			mask |= MAY_READ;
	}
	old = fuse_place_override(place);
	err = inode_permission(mnt_idmap(place->layer->mnt), real, mask);
	revert_creds(old);
	return err;
}

const char *fuse_view_get_link(struct dentry *dentry, struct inode *inode,
			       struct delayed_call *done)
{
	const struct fuse_place *place = fuse_inode_top(inode);
	const struct cred *old;
	const char *link;
	int err;

	if (!dentry)
		return ERR_PTR(-ECHILD);
	err = fuse_view_gate(inode, FUSE_FILTER_READLINK)
		      ?: fuse_view_access(dentry, FUSE_ACCESS(SEE));
	if (err)
		return ERR_PTR(err);
	old = fuse_place_override(place);
	link = vfs_get_link(place->dentry, done);
	revert_creds(old);
	return link;
}

/* As the layer's mount shows an ACL. Takes over @acl, which others may share. */
static struct posix_acl *map_acl(const struct fuse_place *place, struct posix_acl *acl)
{
	struct user_namespace *fs_ns = i_user_ns(d_inode(place->dentry));
	struct mnt_idmap *idmap = mnt_idmap(place->layer->mnt);
	struct posix_acl *mapped;
	unsigned int i;

	if (IS_ERR_OR_NULL(acl) || !is_idmapped_mnt(place->layer->mnt))
		return acl;
	mapped = posix_acl_clone(acl, GFP_KERNEL);
	posix_acl_release(acl);
	if (!mapped)
		return ERR_PTR(-ENOMEM);
	for (i = 0; i < mapped->a_count; i++) {
		struct posix_acl_entry *e = &mapped->a_entries[i];

		if (e->e_tag == ACL_USER)
			e->e_uid = vfsuid_into_kuid(make_vfsuid(idmap, fs_ns, e->e_uid));
		else if (e->e_tag == ACL_GROUP)
			e->e_gid = vfsgid_into_kgid(make_vfsgid(idmap, fs_ns, e->e_gid));
	}
	return mapped;
}

/* For permission checks. */
struct posix_acl *fuse_view_get_inode_acl(struct inode *inode, int type, bool rcu)
{
	const struct fuse_place *place = fuse_inode_top(inode);
	struct inode *real = d_inode_rcu(place->dentry);
	struct posix_acl *acl;
	const struct cred *old;

	if (!real)
		return ERR_PTR(-ECHILD);
	/* What a filter made of owner and mode has nothing to do with the layer's ACL. */
	if (!IS_POSIXACL(real) || fuse_vinode(inode)->shown_changed)
		return NULL;
	if (rcu) {
		/* A mapped ACL would have to be allocated. */
		if (is_idmapped_mnt(place->layer->mnt))
			return ERR_PTR(-ECHILD);
		return get_cached_acl_rcu(real, type);
	}
	old = fuse_place_override(place);
	acl = map_acl(place, get_inode_acl(real, type));
	revert_creds(old);
	return acl;
}

/* For getxattr(2). */
struct posix_acl *fuse_view_get_acl(struct mnt_idmap *idmap, struct dentry *dentry, int type)
{
	struct inode *inode = d_inode(dentry);
	const struct fuse_place *place = fuse_inode_top(inode);
	struct posix_acl *acl;
	const struct cred *old;
	int err = fuse_view_gate(inode, FUSE_FILTER_GETACL)
			  ?: fuse_view_access(dentry, FUSE_ACCESS(SEE));

	if (err)
		return ERR_PTR(err);
	if (!IS_POSIXACL(d_inode(place->dentry)) || fuse_vinode(inode)->shown_changed)
		return NULL;
	old = fuse_place_override(place);
	acl = vfs_get_acl(mnt_idmap(place->layer->mnt), place->dentry, posix_acl_xattr_name(type));
	acl = map_acl(place, acl);
	revert_creds(old);
	return acl;
}

/* lsattr(1). The security hook of this wants a file. */
int fuse_view_fileattr_get(struct dentry *dentry, struct fileattr *fa)
{
	struct inode *inode = d_inode(dentry);
	const struct fuse_place *place = fuse_inode_top(inode);
	unsigned int cmd = fa->fsx_valid ? FS_IOC_FSGETXATTR : FS_IOC_GETFLAGS;
	struct path real = fuse_place_path(place);
	const struct cred *old;
	struct file *file;
	int err = fuse_view_gate(inode, FUSE_FILTER_FILEATTR)
			  ?: fuse_view_access(dentry, FUSE_ACCESS(SEE));

	if (err)
		return err;
	old = fuse_place_override(place);
	file = dentry_open(&real, O_RDONLY | O_LARGEFILE | __FMODE_NONOTIFY, current_cred());
	err = PTR_ERR_OR_ZERO(file);
	if (!err) {
		err = security_file_ioctl(file, cmd, 0);
		fput(file);
	}
	if (!err)
		err = vfs_fileattr_get(place->dentry, fa);
	revert_creds(old);
	fuse_fileattr_protection(inode, fa);
	return err == -ENOIOCTLCMD ? -ENOTTY : err;
}

int fuse_view_fiemap(struct inode *inode, struct fiemap_extent_info *info, u64 start, u64 len)
{
	const struct fuse_place *place = fuse_inode_top(inode);
	struct inode *real = d_inode(place->dentry);
	const struct cred *old;
	int err = fuse_view_gate(inode, FUSE_FILTER_FIEMAP);

	if (err)
		return err;
	if (!real->i_op->fiemap)
		return -EOPNOTSUPP;
	old = fuse_place_override(place);
	err = real->i_op->fiemap(real, info, start, len);
	revert_creds(old);
	return err;
}
