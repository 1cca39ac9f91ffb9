// SPDX-License-Identifier: GPL-2.0
/*
 * Names of a view in the dcache: whether one that was looked up still means the same. Parts of this
 * run in rcu-walk.
 *
 * With filters, a name holds for an epoch of the view. What filters said of a directory does, too,
 * so it is asked for again from the root down before names in it are asked about: who stands in a
 * directory that is hidden meanwhile finds nothing there. In writable views another epoch also
 * begins when a directory with lower parts was renamed: what is in it has lost its lower parts.
 */
#include <linux/dcache.h>
#include <linux/namei.h>
#include <linux/sched/signal.h>

#include "view.h"

static bool is_current(const struct dentry *entry)
{
	const struct fuse_view *view = get_fuse_conn_super(entry->d_sb)->view;

	return IS_ROOT(entry) || entry->d_time == READ_ONCE(view->epoch);
}

/* What a search says of a dentry's name. */
static int compare(struct dentry *entry, struct fuse_found *found)
{
	struct inode *inode = d_inode(entry);

	if (!inode)
		return !found->nr;
	/* Whoever takes the name away knows better. */
	if (fuse_entry_flags(entry) & FUSE_ENTRY_GOING)
		return 1;
	return found->nr ? fuse_inode_renew(inode, found) : 0;
}

/**
 * fuse_dentry_search - does a name still mean what its dentry says?
 * @entry: the name
 * @dir: where it is, or was
 *
 * What the inode stands for is brought up to date on the way.
 *
 * Return: 1 or 0, -EAGAIN if the directory has to be settled first, or an error that says nothing
 * about the name.
 */
int fuse_dentry_search(struct dentry *entry, struct inode *dir)
{
	struct inode *inode = d_inode(entry);
	struct name_snapshot name;
	struct fuse_asker asker;
	struct fuse_found found;
	int ret;

	ret = fuse_asker_init(&asker, dir);
	if (ret)
		return ret;
	take_dentry_name_snapshot(&name, entry);
	ret = fuse_view_search(dir, &name.name, &asker, &found);
	release_dentry_name_snapshot(&name);
	if (ret) {
		ret = ret == -ENOMEM || ret == -EINTR ? ret : 0;
		goto out;
	}
	ret = compare(entry, &found);
	if (ret > 0) {
		if (inode && S_ISDIR(inode->i_mode))
			fuse_dir_set_states(inode, &asker);
		if (found.in_upper)
			fuse_entry_set(entry, FUSE_ENTRY_UPPER);
		entry->d_time = asker.epoch;
	}
	fuse_found_drop(&found);
out:
	fuse_asker_done(&asker);
	return ret;
}

/* The first directory on the way from the root to @dir that is out of date, or @dir. */
static struct dentry *first_stale(struct dentry *dir)
{
	struct dentry *entry = dget(dir), *stale = dget(dir);

	while (!IS_ROOT(entry)) {
		struct dentry *parent = dget_parent(entry);

		dput(entry);
		entry = parent;
		if (!is_current(entry)) {
			dput(stale);
			stale = dget(entry);
		}
	}
	dput(entry);
	return stale;
}

/**
 * fuse_dentry_settle - bring what filters say of a directory up to date
 * @dir: the directory; anything may be locked in the view
 *
 * Return: 0, -ENOENT if it is not shown any more, or another error.
 */
int fuse_dentry_settle(struct dentry *dir)
{
	const struct fuse_view *view = get_fuse_conn_super(dir->d_sb)->view;
	struct dentry *stale, *parent;
	int ret = 1;

	while (!is_current(dir) && (ret > 0 || ret == -EAGAIN)) {
		if (fatal_signal_pending(current))
			return -EINTR;
		stale = first_stale(dir);
		/* What was removed can't be looked for; whoever has it open keeps it. */
		if (fuse_entry_flags(stale) & FUSE_ENTRY_GOING) {
			WRITE_ONCE(stale->d_time, READ_ONCE(view->epoch));
			dput(stale);
			continue;
		}
		parent = dget_parent(stale);
		ret = fuse_dentry_search(stale, d_inode(parent));
		dput(parent);
		dput(stale);
	}
	if (ret > 0 || ret == -EAGAIN)
		return 0;
	return ret ?: -ENOENT;
}

/**
 * fuse_dentry_check - is what is about to be opened still shown?
 * @entry: the name that it was found by, perhaps long ago
 *
 * Return: 0, -ENOENT or another error.
 */
int fuse_dentry_check(struct dentry *entry)
{
	if (likely(is_current(entry)))
		return 0;
	return fuse_dentry_settle(entry);
}

static int revalidate(struct dentry *entry, unsigned int flags)
{
	const struct fuse_view *view = get_fuse_conn_super(entry->d_sb)->view;
	struct dentry *parent;
	int ret, err;

	if (!view->remote && entry->d_time == READ_ONCE(view->epoch))
		return 1;
	if (flags & LOOKUP_RCU)
		return -ECHILD;

	parent = dget_parent(entry);
	do {
		ret = fuse_dentry_search(entry, d_inode(parent));
		if (ret != -EAGAIN)
			break;
		err = fuse_dentry_settle(parent);
		if (err)
			ret = err == -ENOENT ? 0 : err;
	} while (ret == -EAGAIN);
	dput(parent);
	return ret;
}

/* What was reached through /proc/PID/fd, or is the root of the view. */
static int weak_revalidate(struct dentry *entry, unsigned int flags)
{
	int err = fuse_dentry_check(entry);

	return err ?: 1;
}

/* Whom the kernel asks for the inode that is mapped: uprobes, IMA. */
static struct dentry *real_dentry(struct dentry *entry, enum d_real_type type)
{
	struct inode *inode = d_inode(entry);

	if (!inode || !S_ISREG(inode->i_mode))
		return entry;
	return d_real(fuse_inode_top(inode)->dentry, type);
}

/* While nothing can change, no name needs a second look. */
const struct dentry_operations fuse_view_dentry_operations = {
	.d_real = real_dentry,
};

const struct dentry_operations fuse_view_checked_dentry_operations = {
	.d_revalidate = revalidate,
	.d_weak_revalidate = weak_revalidate,
	.d_real = real_dentry,
};
