// SPDX-License-Identifier: GPL-2.0
/*
 * Names of a view in the dcache: whether one that was looked up still means the same.
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

	return IS_ROOT(entry) || fuse_entry_is_of(entry, READ_ONCE(view->epoch));
}

static unsigned long count_moves(const struct dentry *entry)
{
	return fuse_entry_flags(entry) & -FUSE_ENTRY_MOVED;
}

/*
 * Keeps what was said of the name of a dentry. @dir is where it was then, and @moves how often it
 * had moved. False if it has moved since, so that it isn't about its name any more.
 */
static bool learn(struct dentry *entry, const struct inode *dir, unsigned long moves,
		  const struct fuse_asker *asker)
{
	const unsigned long mask = (unsigned long)FUSE_ACCESS_ALL << FUSE_ENTRY_ASKS;
	unsigned long flags, said = fuse_entry_said(asker);
	bool ret;

	spin_lock(&entry->d_lock);
	ret = d_inode(entry->d_parent) == dir && count_moves(entry) == moves;
	if (ret) {
		/* Others set single bits. */
		do {
			flags = fuse_entry_flags(entry);
			if (flags & FUSE_ENTRY_UNNAMED)
				said = mask;
		} while (cmpxchg((unsigned long *)&entry->d_fsdata, flags,
				 (flags & ~mask) | said) != flags);
		/* Pairs with fuse_entry_is_of(). */
		smp_store_release(&entry->d_time, asker->epoch);
	}
	spin_unlock(&entry->d_lock);
	return ret;
}

/**
 * fuse_entry_moves - what is known of a dentry's name won't hold any more
 * @entry: it has moved in the upper, and is about to do so here
 */
void fuse_entry_moves(struct dentry *entry)
{
	const struct fuse_view *view = get_fuse_conn_super(entry->d_sb)->view;
	unsigned long flags;

	spin_lock(&entry->d_lock);
	do {
		flags = fuse_entry_flags(entry);
	} while (cmpxchg((unsigned long *)&entry->d_fsdata, flags, flags + FUSE_ENTRY_MOVED) !=
		 flags);
	/* Else nobody has said anything of it. */
	if (fuse_view_is_governed(entry->d_sb))
		WRITE_ONCE(entry->d_time, READ_ONCE(view->epoch) - 1);
	spin_unlock(&entry->d_lock);
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

/*
 * Does a name in @dir still mean what its dentry says? What the inode stands for is brought up to
 * date on the way. Returns 1 or 0, -EAGAIN if the directory has to be settled first or isn't the
 * name's any more, or an error that says nothing about the name.
 */
static int search(struct dentry *entry, struct inode *dir)
{
	unsigned long moves = count_moves(entry);
	struct inode *inode = d_inode(entry);
	struct name_snapshot name;
	struct fuse_asker asker;
	struct fuse_found found;
	int ret;

	/* Pairs with fuse_entry_moves(): it moves only after that was counted. */
	smp_rmb();

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
		if (!learn(entry, dir, moves, &asker))
			ret = -EAGAIN;
	}
	fuse_found_drop(&found);
out:
	fuse_asker_done(&asker);
	return ret;
}

/*
 * What was removed can't be searched for, and who has it open keeps it; but filters still have
 * something to say of the name that it had. Returns 1 or -EAGAIN, or an error.
 */
static int restate(struct dentry *entry, struct inode *dir)
{
	unsigned long moves = count_moves(entry);
	struct inode *inode = d_inode(entry);
	struct name_snapshot name;
	struct fuse_asker asker;
	int ret;

	ret = fuse_asker_init(&asker, dir);
	if (ret)
		return ret;
	take_dentry_name_snapshot(&name, entry);
	fuse_name_verdict(&asker, name.name.name, name.name.len);
	release_dentry_name_snapshot(&name);
	if (inode && S_ISDIR(inode->i_mode))
		fuse_dir_set_states(inode, &asker);
	ret = learn(entry, dir, moves, &asker) ? 1 : -EAGAIN;
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
	struct dentry *stale, *parent;
	int ret = 1;

	while (!is_current(dir) && (ret > 0 || ret == -EAGAIN)) {
		if (fatal_signal_pending(current))
			return -EINTR;
		stale = first_stale(dir);
		parent = dget_parent(stale);
		if (fuse_entry_flags(stale) & FUSE_ENTRY_GOING)
			ret = restate(stale, d_inode(parent));
		else
			ret = search(stale, d_inode(parent));
		dput(parent);
		dput(stale);
	}
	if (ret > 0 || ret == -EAGAIN)
		return 0;
	return ret ?: -ENOENT;
}

/**
 * fuse_dentry_search - does a name still mean what its dentry says?
 * @entry: the name
 *
 * What the inode stands for is brought up to date on the way.
 *
 * Return: 1 or 0, -ENOENT if the directory isn't shown any more, or an error that says nothing
 * about the name.
 */
int fuse_dentry_search(struct dentry *entry)
{
	struct dentry *parent;
	int ret, err = 0;

	do {
		parent = dget_parent(entry);
		ret = search(entry, d_inode(parent));
		if (ret == -EAGAIN)
			err = fuse_dentry_settle(parent);
		dput(parent);
	} while (ret == -EAGAIN && !err);
	return err ?: ret;
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

/**
 * fuse_begin_asking - be about to ask about names in a directory that may be out of date
 * @asker: filled in
 * @dir: the directory
 *
 * Return: 0, or an error; on success fuse_asker_done() ends it.
 */
int fuse_begin_asking(struct fuse_asker *asker, struct dentry *dir)
{
	int err;

	for (;;) {
		err = fuse_asker_init(asker, d_inode(dir));
		if (err != -EAGAIN)
			return err;
		err = fuse_dentry_settle(dir);
		if (err)
			return err;
	}
}
