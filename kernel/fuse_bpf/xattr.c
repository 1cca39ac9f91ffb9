// SPDX-License-Identifier: GPL-2.0
/*
 * Extended attributes of a view's inodes: those of the topmost backing object, but for the ones
 * that the view's marks are made of. A layer that is itself the upper directory of another stack
 * has its marks under the prefix twice; a view shows them with one level less, as overlayfs does.
 */
#include <linux/capability.h>
#include <linux/slab.h>
#include <linux/xattr.h>

#include "view.h"

#define NESTED "overlay."

static bool has_prefix(const char *name, const char *prefix)
{
	return prefix && !strncmp(name, prefix, strlen(prefix));
}

static int get_from(const struct fuse_place *place, const char *name, void *value, size_t size)
{
	const struct cred *old = fuse_place_override(place);
	int ret;

	ret = vfs_getxattr(mnt_idmap(place->layer->mnt), place->dentry, name, value, size);
	revert_creds(old);
	return ret;
}

/**
 * fuse_view_getxattr - get an extended attribute
 * @dentry: in a view; the caller's right to it was checked
 * @name: with its prefix
 * @value: buffer, or NULL to ask for the size
 * @size: of the buffer
 *
 * Return: the size of the value, or an error.
 */
int fuse_view_getxattr(struct dentry *dentry, const char *name, void *value, size_t size)
{
	struct inode *inode = d_inode(dentry);
	const char *prefix = fuse_marks_prefix(fuse_inode_view(inode));
	char *nested;
	int ret = fuse_view_alive(inode);

	if (!ret)
		ret = fuse_view_gate_xattr(inode, FUSE_FILTER_GETXATTR, name);
	if (ret)
		return ret > 0 ? -ENODATA : ret;
	if (!has_prefix(name, prefix))
		return get_from(fuse_inode_top(inode), name, value, size);

	nested = kasprintf(GFP_KERNEL, "%s" NESTED "%s", prefix, name + strlen(prefix));
	if (!nested)
		return -ENOMEM;
	if (strlen(nested) > XATTR_NAME_MAX)
		ret = -EOPNOTSUPP;
	else
		ret = get_from(fuse_inode_top(inode), nested, value, size);
	kfree(nested);
	return ret;
}

/* How many bytes at the start of @prefix's rest to leave out of a name; -1 for all of the name. */
static int hidden_part(const char *name, const char *prefix)
{
	if (has_prefix(name, prefix)) {
		if (!has_prefix(name + strlen(prefix), NESTED))
			return -1;
		return strlen(NESTED);
	}
	/* The layer's credentials may see more than the caller's. */
	if (has_prefix(name, XATTR_TRUSTED_PREFIX) &&
	    !ns_capable_noaudit(&init_user_ns, CAP_SYS_ADMIN))
		return -1;
	return 0;
}

/* Leaves out of a list of names what isn't shown. Returns its new length. */
static ssize_t edit_list(char *list, ssize_t len, const char *prefix)
{
	char *from = list, *to = list, *end = list + len;

	while (from < end) {
		size_t n = strnlen(from, end - from) + 1;
		int hidden;

		if (WARN_ON_ONCE(n > end - from))
			return -EIO;
		hidden = hidden_part(from, prefix);
		if (hidden > 0) {
			size_t keep = strlen(prefix);

			memmove(to, from, keep);
			memmove(to + keep, from + keep + hidden, n - keep - hidden);
			to += n - hidden;
		} else if (!hidden) {
			memmove(to, from, n);
			to += n;
		}
		from += n;
	}
	return to - list;
}

/* Leaves out of a list of names what filters hide. */
static ssize_t filter_list(struct inode *inode, char *list, ssize_t len)
{
	char *from = list, *to = list, *end = list + len;

	while (from < end) {
		size_t n = strnlen(from, end - from) + 1;
		int verdict = fuse_view_gate_xattr(inode, FUSE_FILTER_LISTXATTR, from);

		if (verdict < 0)
			return verdict;
		if (!verdict) {
			memmove(to, from, n);
			to += n;
		}
		from += n;
	}
	return to - list;
}

ssize_t fuse_view_listxattr(struct dentry *dentry, char *list, size_t size)
{
	struct inode *inode = d_inode(dentry);
	const struct fuse_place *place = fuse_inode_top(inode);
	const struct cred *old;
	ssize_t len = fuse_view_enter(inode);

	if (len)
		return len;
	old = fuse_place_override(place);
	len = vfs_listxattr(place->dentry, list, size);
	revert_creds(old);
	if (len <= 0 || !size)
		return len;
	len = edit_list(list, len, fuse_marks_prefix(fuse_inode_view(inode)));
	if (len > 0 && fuse_filter_wanted(fuse_inode_view(inode), FUSE_FILTER_LISTXATTR))
		len = filter_list(inode, list, len);
	return len;
}
