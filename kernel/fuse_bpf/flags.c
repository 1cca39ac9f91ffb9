// SPDX-License-Identifier: GPL-2.0
/*
 * Objects that are immutable or append-only. One of the upper must not be that itself, or it could
 * not be moved, linked or marked: as with overlayfs its flags are in an extended attribute, which
 * the server writes to a copy as well. The inode of the view has the flags, on which the VFS acts.
 */
#include <linux/fs.h>
#include <linux/fileattr.h>
#include <linux/xattr.h>

#include "view.h"

#define PROTECTION	"protattr"
#define PROTECTION_SIZE (FUSE_VIEW_OPAQUE_LEN + sizeof(PROTECTION))
#define PROTECTING	(S_APPEND | S_IMMUTABLE)
#define VALUE_MAX	32 /* as overlayfs */

/* Beside the attribute of opaque directories. False: the view has none. */
static bool attribute_name(const struct fuse_view *view, char name[PROTECTION_SIZE])
{
	const char *dot = strrchr(view->opaque, '.');

	if (!dot)
		return false;
	snprintf(name, PROTECTION_SIZE, "%.*s" PROTECTION, (int)(dot - view->opaque) + 1,
		 view->opaque);
	return true;
}

/* As overlayfs, a value with a letter that is not known means nothing. */
static unsigned int parse(const char *value, int size)
{
	unsigned int flags = 0;
	int i;

	for (i = 0; i < size; i++) {
		if (value[i] == 'a')
			flags |= S_APPEND;
		else if (value[i] == 'i')
			flags |= S_IMMUTABLE;
		else
			return 0;
	}
	return flags;
}

static unsigned int read_protection(const struct fuse_view *view, const struct fuse_place *place)
{
	char name[PROTECTION_SIZE], value[VALUE_MAX];
	int size;

	if (!attribute_name(view, name))
		return 0;
	size = fuse_place_getxattr(place, name, value, sizeof(value));
	return parse(value, size);
}

/**
 * fuse_inode_protect - give an inode the flags on which the VFS acts
 * @inode: new, or with another topmost object, or one whose flags were changed
 *
 * Context: may sleep.
 */
void fuse_inode_protect(struct inode *inode)
{
	const struct fuse_stack *stack = fuse_inode_stack(inode);
	const struct fuse_place *top = &stack->at[0];
	unsigned int flags = d_inode(top->dentry)->i_flags & PROTECTING;

	if (stack->upper && (S_ISREG(inode->i_mode) || S_ISDIR(inode->i_mode)))
		flags |= read_protection(fuse_inode_view(inode), top);
	inode_set_flags(inode, flags, PROTECTING);
}

/**
 * fuse_fileattr_protection - tell of the flags that the object itself does not have
 * @inode: of the view
 * @fa: what the object has
 */
void fuse_fileattr_protection(const struct inode *inode, struct fileattr *fa)
{
	if (inode->i_flags & S_APPEND) {
		fa->flags |= FS_APPEND_FL;
		fa->fsx_xflags |= FS_XFLAG_APPEND;
	}
	if (inode->i_flags & S_IMMUTABLE) {
		fa->flags |= FS_IMMUTABLE_FL;
		fa->fsx_xflags |= FS_XFLAG_IMMUTABLE;
	}
}

/**
 * fuse_fileattr_split - take out the flags that the object itself must not have
 * @fa: what was asked for; what is left is to be given to the object
 *
 * Return: the flags, for fuse_protection_set().
 */
unsigned int fuse_fileattr_split(struct fileattr *fa)
{
	unsigned int flags = (fa->flags & FS_APPEND_FL ? S_APPEND : 0) |
			     (fa->flags & FS_IMMUTABLE_FL ? S_IMMUTABLE : 0);

	fa->flags &= ~(FS_APPEND_FL | FS_IMMUTABLE_FL);
	fa->fsx_xflags &= ~(FS_XFLAG_APPEND | FS_XFLAG_IMMUTABLE);
	return flags;
}

/**
 * fuse_protection_set - keep what protects an object of the upper
 * @inode: of the view, whose topmost object it is
 * @flags: S_APPEND and S_IMMUTABLE
 *
 * Context: within fuse_place_begin_change(), without the object's lock.
 * Return: 0 or an error.
 */
int fuse_protection_set(const struct inode *inode, unsigned int flags)
{
	const struct fuse_place *place = fuse_inode_top(inode);
	struct mnt_idmap *idmap = mnt_idmap(place->layer->mnt);
	char name[PROTECTION_SIZE], value[2];
	int size = 0, err = 0;

	if (flags & S_APPEND)
		value[size++] = 'a';
	if (flags & S_IMMUTABLE)
		value[size++] = 'i';
	if (!attribute_name(fuse_inode_view(inode), name))
		return size ? -EPERM : 0;
	if (size)
		err = vfs_setxattr(idmap, place->dentry, name, value, size, 0);
	else if (inode->i_flags & PROTECTING)
		err = vfs_removexattr(idmap, place->dentry, name);
	return err == -ENODATA ? 0 : err;
}
