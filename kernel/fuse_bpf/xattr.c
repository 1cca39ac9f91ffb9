// SPDX-License-Identifier: GPL-2.0
/*
 * Extended attributes of a view's inodes: those of the topmost backing object, but for the ones
 * that marks are made of, and the server's own. A layer that is itself the upper directory of
 * another stack has its marks under the prefix twice; a view shows them with one level less, as
 * overlayfs does, and adds one to those that are set. In a writable view that is so for all marks,
 * whoever reads them, and filters are not asked: a container may have such a stack in it.
 */
#include <linux/capability.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/xattr.h>

#include "view.h"

#define NESTED "overlay."

static bool has_prefix(const char *name, const char *prefix)
{
	return prefix && !strncmp(name, prefix, strlen(prefix));
}

/* The prefix of a name that is kept one level further down, or NULL. */
static const char *nested_prefix(const struct fuse_view *view, const char *name)
{
	if ((view->upper || view->marks & FUSE_VIEW_MARKS_TRUSTED) &&
	    has_prefix(name, XATTR_TRUSTED_PREFIX NESTED))
		return XATTR_TRUSTED_PREFIX NESTED;
	if ((view->upper || view->marks & FUSE_VIEW_MARKS_USER) &&
	    has_prefix(name, XATTR_USER_PREFIX NESTED))
		return XATTR_USER_PREFIX NESTED;
	return NULL;
}

/* Is it one that the server and the kernel keep for themselves? */
static bool is_own(const struct fuse_view *view, const char *name)
{
	if (!view->upper || nested_prefix(view, name))
		return false;
	return has_prefix(name, view->own) || !strcmp(name, view->opaque);
}

/* Have the filters a say in an attribute of this name? As fuse_view_gate_xattr(). */
static int ask_filters(struct inode *inode, enum fuse_filter_op op, const char *name)
{
	const struct fuse_view *view = fuse_inode_view(inode);

	if (view->upper && nested_prefix(view, name))
		return 0;
	return fuse_view_gate_xattr(inode, op, name);
}

/* The name under which the layer has an attribute; the caller frees *ret_nested. */
static const char *layer_name(const struct fuse_view *view, const char *name, char **ret_nested)
{
	const char *prefix = nested_prefix(view, name);

	*ret_nested = NULL;
	if (!prefix)
		return name;
	*ret_nested = kasprintf(GFP_KERNEL, "%s" NESTED "%s", prefix, name + strlen(prefix));
	if (!*ret_nested)
		return ERR_PTR(-ENOMEM);
	return strlen(*ret_nested) > XATTR_NAME_MAX ? ERR_PTR(-EOPNOTSUPP) : *ret_nested;
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
	struct fuse_view *view = fuse_inode_view(inode);
	int ret = fuse_view_alive(inode);
	const char *inner;
	char *nested;

	if (!ret)
		ret = fuse_view_access(dentry, FUSE_ACCESS(SEE))
			      ?: ask_filters(inode, FUSE_FILTER_GETXATTR, name);
	if (ret < 0)
		return ret;
	if (ret || is_own(view, name))
		return -ENODATA;
	inner = layer_name(view, name, &nested);
	ret = PTR_ERR_OR_ZERO(inner);
	if (!ret)
		ret = fuse_place_getxattr(fuse_inode_top(inode), inner, value, size);
	kfree(nested);
	return ret;
}

static int change(const struct fuse_place *place, const char *name, const void *value, size_t size,
		  int flags)
{
	struct mnt_idmap *idmap = mnt_idmap(place->layer->mnt);
	const struct cred *old;
	int err;

	err = fuse_place_begin_change(place, &old);
	if (err)
		return err;
	if (value)
		err = vfs_setxattr(idmap, place->dentry, name, value, size, flags);
	else
		err = vfs_removexattr(idmap, place->dentry, name);
	fuse_place_end_change(place, old);
	return err;
}

/**
 * fuse_view_setxattr - set or remove an extended attribute
 * @dentry: in a view; the caller's right to do so was checked
 * @name: with its prefix
 * @value: NULL to remove it
 * @size: of the value
 * @flags: XATTR_CREATE, XATTR_REPLACE
 *
 * Return: 0 or an error.
 */
int fuse_view_setxattr(struct dentry *dentry, const char *name, const void *value, size_t size,
		       int flags)
{
	struct inode *inode = d_inode(dentry);
	enum fuse_filter_op op = value ? FUSE_FILTER_SETXATTR : FUSE_FILTER_REMOVEXATTR;
	struct fuse_view *view = fuse_inode_view(inode);
	int err = fuse_view_alive(inode);
	const char *inner;
	char *nested;

	if (!err)
		err = ask_filters(inode, op, name) ?: fuse_view_access(dentry, FUSE_ACCESS(XATTR));
	if (err)
		return err;
	if (is_own(view, name))
		return -EPERM;
	inner = layer_name(view, name, &nested);
	err = PTR_ERR_OR_ZERO(inner);
	/* What isn't there needs no copy to be removed from. */
	if (!err && !value)
		err = min(fuse_place_getxattr(fuse_inode_top(inode), inner, NULL, 0), 0);
	if (!err)
		err = fuse_copy_up(dentry, FUSE_COPY_ALL);
	if (!err) {
		err = change(fuse_inode_top(inode), inner, value, size, flags);
		fuse_inode_refresh(inode);
	}
	kfree(nested);
	return err;
}

/* How many bytes after the marks' prefix to leave out of a name; -1 for all of the name. */
static int hidden_part(const struct fuse_view *view, const char *name)
{
	const char *prefix = nested_prefix(view, name);

	if (is_own(view, name))
		return -1;
	/* The layer's credentials may see more than the caller's. */
	if (has_prefix(name, XATTR_TRUSTED_PREFIX) &&
	    !ns_capable_noaudit(&init_user_ns, CAP_SYS_ADMIN))
		return -1;
	if (!prefix)
		return 0;
	return has_prefix(name + strlen(prefix), NESTED) ? strlen(NESTED) : -1;
}

/* Leaves out of a list of names what isn't shown. Returns its new length. */
static ssize_t edit_list(const struct fuse_view *view, char *list, ssize_t len)
{
	char *from = list, *to = list, *end = list + len;

	while (from < end) {
		size_t n = strnlen(from, end - from) + 1;
		int hidden;

		if (WARN_ON_ONCE(n > end - from))
			return -EIO;
		hidden = hidden_part(view, from);
		if (hidden > 0) {
			size_t keep = strlen(nested_prefix(view, from));

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
		int verdict = ask_filters(inode, FUSE_FILTER_LISTXATTR, from);

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

static ssize_t read_list(const struct fuse_place *place, char *list, size_t size)
{
	const struct cred *old = fuse_place_override(place);
	ssize_t len = vfs_listxattr(place->dentry, list, size);

	revert_creds(old);
	return len;
}

static ssize_t show_list(struct inode *inode, char *list, ssize_t len)
{
	len = edit_list(fuse_inode_view(inode), list, len);
	if (len > 0 && fuse_filter_wanted(fuse_inode_view(inode), FUSE_FILTER_LISTXATTR))
		len = filter_list(inode, list, len);
	return len;
}

/* All that there are, in memory that the caller frees, which is NULL if there are none. */
static ssize_t read_whole_list(const struct fuse_place *place, char **ret_list)
{
	ssize_t len, size;
	char *list;

	*ret_list = NULL;
	do {
		size = read_list(place, NULL, 0);
		if (size <= 0)
			return size;
		if (size > XATTR_LIST_MAX)
			return -E2BIG;
		list = kvmalloc(size, GFP_KERNEL);
		if (!list)
			return -ENOMEM;
		len = read_list(place, list, size);
		if (len > 0)
			*ret_list = list;
		else
			kvfree(list);
		/* It has grown meanwhile. */
	} while (len == -ERANGE && !fatal_signal_pending(current));
	return len;
}

/* What is shown may fit where what there is doesn't, and its length is what is asked for. */
static ssize_t list_aside(struct inode *inode, char *ret_list, size_t size)
{
	char *list;
	ssize_t len = read_whole_list(fuse_inode_top(inode), &list);

	if (len > 0)
		len = show_list(inode, list, len);
	if (len > 0 && size) {
		if (len > size)
			len = -ERANGE;
		else
			memcpy(ret_list, list, len);
	}
	kvfree(list);
	return len;
}

/**
 * fuse_view_listxattr - list the names of extended attributes
 * @dentry: in a view
 * @list: buffer
 * @size: of the buffer; 0 to ask for the length
 *
 * Return: the length of the list, or an error.
 */
ssize_t fuse_view_listxattr(struct dentry *dentry, char *list, size_t size)
{
	struct inode *inode = d_inode(dentry);
	ssize_t len = fuse_view_enter(inode) ?: fuse_view_access(dentry, FUSE_ACCESS(SEE));

	if (len)
		return len;
	if (size) {
		len = read_list(fuse_inode_top(inode), list, size);
		if (len != -ERANGE)
			return len > 0 ? show_list(inode, list, len) : len;
	}
	return list_aside(inode, list, size);
}
