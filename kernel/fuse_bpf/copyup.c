// SPDX-License-Identifier: GPL-2.0
/*
 * Bringing an object into the upper, under the name by which it is about to be changed. The server
 * copies; here it is seen whether that is needed, and what came of it. Who wants the same object
 * copied waits for its turn and then finds it done.
 */
#include <linux/jiffies.h>
#include <linux/sched/signal.h>

#include "view.h"

/* How often things may turn out to be other than they seemed, before that is an error. */
#define TRIES 16

/**
 * fuse_entry_is_up - is an object in the upper, under this name?
 * @entry: the name
 *
 * A lower file with several names may have a copy under another of them.
 */
bool fuse_entry_is_up(const struct dentry *entry)
{
	const struct inode *inode = d_inode(entry);

	if (!fuse_inode_stack(inode)->upper)
		return false;
	return !fuse_vinode(inode)->link || fuse_entry_flags(entry) & FUSE_ENTRY_UPPER;
}

/* Has the name been taken away? Then there is no place for a copy. */
static bool is_gone(const struct dentry *entry)
{
	return fuse_entry_flags(entry) & FUSE_ENTRY_GOING || d_unlinked(entry);
}

/* Of @entry and the directories that lead to it: the first from the root that the upper lacks. */
static struct dentry *first_below(struct dentry *entry)
{
	struct dentry *next = dget(entry), *parent;

	for (;;) {
		parent = dget_parent(next);
		if (parent == next || fuse_inode_stack(d_inode(parent))->upper)
			break;
		dput(next);
		next = parent;
	}
	dput(parent);
	return next;
}

/**
 * fuse_look_up_copy - see whether the upper has an object by now
 * @entry: the object
 *
 * Return: 0, whether it has or not; -ENOENT if the name means something else; or another error.
 */
int fuse_look_up_copy(struct dentry *entry)
{
	struct dentry *next;
	bool up, last;
	int ret;

	do {
		next = first_below(entry);
		ret = fuse_dentry_search(next);
		up = fuse_entry_is_up(next);
		last = next == entry;
		dput(next);
		if (ret <= 0)
			return ret ?: -ENOENT;
	} while (up && !last);
	return 0;
}

static int ask_server(struct dentry *entry, u64 size, unsigned long start, bool *ret_passed)
{
	struct inode *inode = d_inode(entry);
	struct fuse_ask ask = {
		.kind = fuse_inode_stack(inode)->upper ? FUSE_UPCALL_JOIN : FUSE_UPCALL_COPY_UP,
		.entry = entry,
		.held = {inode},
		.size = size,
		.start = start,
	};
	int ret = fuse_upcall(&ask);

	*ret_passed = ask.passed;
	return ret;
}

/* Returns enum fuse_upcall_answer, or an error. */
static int copy_up_once(struct dentry *entry, u64 size, unsigned long start, bool *ret_passed)
{
	struct fuse_view *view = fuse_inode_view(d_inode(entry));
	int ret;

	if (is_gone(entry))
		return -ENOENT;
	if (down_read_killable(&view->paths))
		return -EINTR;
	ret = fuse_look_up_copy(entry);
	if (!ret) {
		ret = FUSE_UPCALL_DONE;
		if (!fuse_entry_is_up(entry))
			ret = ask_server(entry, size, start, ret_passed);
	}
	up_read(&view->paths);
	if (ret == FUSE_UPCALL_DONE || ret == FUSE_UPCALL_RETRY) {
		int err = is_gone(entry) ? -ENOENT : fuse_look_up_copy(entry);

		ret = err ?: ret;
	}
	return ret;
}

static int copy_up_held(struct dentry *entry, u64 size, unsigned long start, bool *ret_passed)
{
	int ret = 0, i;

	for (i = 0; i < TRIES && !fuse_entry_is_up(entry); i++) {
		ret = copy_up_once(entry, size, start, ret_passed);
		if (ret < 0)
			return ret;
		if (ret == FUSE_UPCALL_DONE)
			break;
	}
	return fuse_entry_is_up(entry) ? 0 : -EIO;
}

static unsigned int count_names(struct inode *inode)
{
	struct dentry *name;
	unsigned int nr = 0;

	spin_lock(&inode->i_lock);
	hlist_for_each_entry(name, &inode->i_dentry, d_u.d_alias)
		nr++;
	spin_unlock(&inode->i_lock);
	return nr;
}

/* Those of an inode's names that it isn't in the upper under; not more than there is room for. */
static unsigned int get_names_below(struct inode *inode, struct dentry **names, unsigned int room)
{
	struct dentry *name;
	unsigned int nr = 0;

	spin_lock(&inode->i_lock);
	hlist_for_each_entry(name, &inode->i_dentry, d_u.d_alias) {
		spin_lock(&name->d_lock);
		if (nr < room && !d_unhashed(name) && !(fuse_entry_flags(name) & FUSE_ENTRY_UPPER))
			names[nr++] = dget_dlock(name);
		spin_unlock(&name->d_lock);
	}
	spin_unlock(&inode->i_lock);
	return nr;
}

/*
 * A copy of a file with several names gets those that are known: who packs the upper finds what was
 * changed under each. What has another meaning by now is left alone.
 */
static int join_known_names(struct inode *inode, unsigned long start, bool *ret_passed)
{
	unsigned int room = count_names(inode), nr, i;
	struct dentry **names;
	int err = 0;

	if (room < 2)
		return 0;
	names = kvmalloc_array(room, sizeof(*names), GFP_KERNEL_ACCOUNT);
	if (!names)
		return -ENOMEM;
	nr = get_names_below(inode, names, room);
	for (i = 0; i < nr; i++) {
		if (!err)
			err = copy_up_held(names[i], FUSE_COPY_ALL, start, ret_passed);
		if (err == -ENOENT)
			err = 0;
		dput(names[i]);
	}
	kvfree(names);
	return err;
}

/* An overlayfs may have left a file without its data: they are in a layer below, wherever. */
#define ELSEWHERE "trusted.overlay.metacopy"

/**
 * fuse_check_whole - does a file have its own data?
 * @inode: of a regular file
 *
 * Return: 0, -EIO if what would be read is not what was written, or another error.
 */
int fuse_check_whole(struct inode *inode)
{
	unsigned long *state = &get_fuse_inode(inode)->state;
	int ret;

	if (likely(test_bit(FUSE_I_WHOLE, state)))
		return 0;
	ret = fuse_place_getxattr(fuse_inode_top(inode), ELSEWHERE, NULL, 0);
	if (ret >= 0)
		return -EIO;
	if (ret != -ENODATA && ret != -EOPNOTSUPP)
		return ret;
	set_bit(FUSE_I_WHOLE, state);
	return 0;
}

/**
 * fuse_copy_up - bring an object into the upper
 * @entry: the object, under the name by which it is to be changed
 * @size: of a regular file: how much of it is needed
 *
 * Context: the VFS' locks are held, nothing of the upper is. May wait for the server.
 * Return: 0, or an error; -ETIMEDOUT if there is no server.
 */
int fuse_copy_up(struct dentry *entry, u64 size)
{
	struct inode *inode = d_inode(entry);
	unsigned long start = jiffies;
	bool passed = false;
	int err;

	if (likely(fuse_entry_is_up(entry)))
		return 0;
	if (!fuse_inode_view(inode)->upper)
		return -EROFS;
	err = S_ISREG(inode->i_mode) ? fuse_check_whole(inode) : 0;
	if (!err)
		err = fuse_hold(inode);
	if (err)
		return err;
	err = copy_up_held(entry, size, start, &passed);
	if (!err && fuse_vinode(inode)->link)
		err = join_known_names(inode, start, &passed);
	if (!passed)
		fuse_unhold(inode);
	return err;
}
