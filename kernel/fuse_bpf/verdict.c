// SPDX-License-Identifier: GPL-2.0
/*
 * Verdicts: is what a layer has under a name shown, hidden, or does it remove the name? Facts are
 * collected in one place for lookup and for readdir, so that the two can't disagree, and the
 * verdict is asked for in one function. It is given by the view's marks, which read the layers as
 * overlayfs does.
 */
#include <linux/fs.h>
#include <linux/xattr.h>

#include "view.h"

#define OPAQUE "opaque"

/* The xattrs with this prefix belong to the marks; NULL if there are none. */
const char *fuse_marks_prefix(const struct fuse_view *view)
{
	if (view->marks & FUSE_VIEW_MARKS_TRUSTED)
		return XATTR_TRUSTED_PREFIX "overlay.";
	if (view->marks & FUSE_VIEW_MARKS_USER)
		return XATTR_USER_PREFIX "overlay.";
	return NULL;
}

static bool is_whiteout(const struct fuse_fact *fact)
{
	return S_ISCHR(fact->type) && fact->rdev == WHITEOUT_DEV;
}

/**
 * fuse_verdict - the verdict on one name in one layer
 * @view: whose
 * @fact: what is known
 *
 * Return: enum fuse_verdict, or an error for who looks the name up.
 */
int fuse_verdict(const struct fuse_view *view, const struct fuse_fact *fact)
{
	if (!view->marks)
		return FUSE_PASS;
	if (is_whiteout(fact))
		return FUSE_WHITEOUT;
	return fact->opaque ? FUSE_OPAQUE : FUSE_PASS;
}

/* Can readdir not know enough of a name of this type for a verdict, nor for its own caller? */
bool fuse_verdict_needs_lookup(const struct fuse_view *view, unsigned int d_type)
{
	return d_type == DT_UNKNOWN || (view->marks && d_type == DT_CHR);
}

/* Returns 1, 0, or an error: what can't be asked must not pass for a directory without the mark. */
static int is_opaque(const struct fuse_view *view, const struct fuse_place *place)
{
	const char *name = view->marks & FUSE_VIEW_MARKS_TRUSTED
				   ? XATTR_TRUSTED_PREFIX "overlay." OPAQUE
				   : XATTR_USER_PREFIX "overlay." OPAQUE;
	const struct cred *old = fuse_place_override(place);
	char value;
	int len;

	len = vfs_getxattr(mnt_idmap(place->layer->mnt), place->dentry, name, &value, 1);
	revert_creds(old);
	if (len == 1)
		return value == 'y';
	if (len >= 0 || len == -ENODATA || len == -EOPNOTSUPP || len == -ERANGE)
		return 0;
	return len;
}

/**
 * fuse_place_verdict - collect the facts about what was found, and get the verdict
 * @view: whose
 * @place: what was found
 * @name: under which name; not terminated
 * @len: its length
 * @last: nothing further down can have the name, so it doesn't matter what would be hidden there
 *
 * Return: as fuse_verdict().
 */
int fuse_place_verdict(const struct fuse_view *view, const struct fuse_place *place,
		       const char *name, unsigned int len, bool last)
{
	const struct inode *inode = d_inode(place->dentry);
	struct fuse_fact fact = {
		.layer = place->layer,
		.name = name,
		.len = len,
		.type = inode->i_mode & S_IFMT,
		.rdev = inode->i_rdev,
	};

	if (view->marks && S_ISDIR(inode->i_mode) && !last) {
		int opaque = is_opaque(view, place);

		if (opaque < 0)
			return opaque;
		fact.opaque = opaque;
	}
	return fuse_verdict(view, &fact);
}
