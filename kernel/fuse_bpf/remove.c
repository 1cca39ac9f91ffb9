// SPDX-License-Identifier: GPL-2.0
/*
 * Removing names. What only the upper has is removed there. Where something would come to light
 * below, the server leaves a whiteout, in one step with what the upper has.
 */
#include <linux/fs.h>
#include <linux/jiffies.h>
#include <linux/namei.h>
#include <linux/slab.h>

#include "view.h"

#define TRIES 16

/**
 * fuse_lower_has - would removing a name in the upper bring something to light?
 * @entry: the name
 *
 * Return: 1 or 0, or an error.
 */
int fuse_lower_has(struct dentry *entry)
{
	const struct inode *inode = d_inode(entry);
	struct inode *dir = d_inode(entry->d_parent);
	const struct fuse_stack *stack;
	struct fuse_asker asker;
	int ret;

	ret = fuse_begin_asking(&asker, entry->d_parent);
	if (ret)
		return ret;
	stack = fuse_inode_stack(dir);
	if (stack->nr == 1)
		ret = !stack->upper;
	else if (inode && fuse_inode_stack(inode)->nr > fuse_inode_stack(inode)->upper &&
		 S_ISDIR(inode->i_mode))
		ret = 1;
	else
		ret = fuse_search_below(dir, &entry->d_name, &asker);
	fuse_asker_done(&asker);
	return ret;
}

static int ask_server(struct dentry *entry, unsigned long start, bool *ret_passed)
{
	struct fuse_view *view = fuse_inode_view(d_inode(entry));
	struct dentry *dir = entry->d_parent;
	struct fuse_ask ask = {
		.kind = FUSE_UPCALL_WHITEOUT,
		.entry = entry,
		.held = {d_inode(entry)},
		.start = start,
	};
	int ret;

	if (down_read_killable(&view->paths))
		return -EINTR;
	/* A directory that was renamed meanwhile has another path, and no lower parts. */
	ret = FUSE_UPCALL_RETRY;
	if (IS_ROOT(dir) || READ_ONCE(dir->d_time) == READ_ONCE(view->epoch))
		ret = fuse_upcall(&ask);
	up_read(&view->paths);
	*ret_passed = ask.passed;
	return ret;
}

/* Returns 0, 1 if it is to be tried again, or an error. */
static int remove_by_server(struct dentry *entry, unsigned long start, bool *ret_passed)
{
	const struct fuse_place *dir = fuse_inode_top(d_inode(entry->d_parent));
	int answer = ask_server(entry, start, ret_passed), err;
	struct dentry *left;

	if (answer < 0)
		return answer;
	err = fuse_layer_lookup(dir, entry->d_name.name, entry->d_name.len, &left);
	if (!err) {
		err = fuse_is_whiteout(left) ? 0 : -EEXIST;
		dput(left);
	}
	if (err && err != -ENOENT && err != -EEXIST)
		return err;
	if (err)
		return answer == FUSE_UPCALL_RETRY ? 1 : -EIO;
	return 0;
}

/* With the directory locked in the upper. */
static int remove_locked(const struct fuse_place *dir, struct dentry *entry)
{
	const struct inode *real = d_inode(fuse_inode_top(d_inode(entry))->dentry);
	struct mnt_idmap *idmap = mnt_idmap(dir->layer->mnt);
	struct dentry *dentry = fuse_upper_lookup(dir, &entry->d_name);
	int err;

	if (IS_ERR(dentry))
		return PTR_ERR(dentry);
	if (d_inode(dentry) != real)
		err = -ESTALE;
	else if (d_is_dir(dentry))
		err = vfs_rmdir(idmap, d_inode(dir->dentry), dentry);
	else
		err = vfs_unlink(idmap, d_inode(dir->dentry), dentry, NULL);
	dput(dentry);
	return err;
}

static int remove_in_upper(struct dentry *entry, bool leftovers)
{
	const struct fuse_place *dir = fuse_inode_top(d_inode(entry->d_parent));
	const struct cred *old;
	int err;

	err = fuse_place_begin_change(dir, &old);
	if (err)
		return err;
	if (leftovers)
		err = fuse_upper_clear_all(fuse_inode_top(d_inode(entry)));
	if (!err) {
		inode_lock_nested(d_inode(dir->dentry), I_MUTEX_PARENT);
		err = remove_locked(dir, entry);
		inode_unlock(d_inode(dir->dentry));
	}
	fuse_place_end_change(dir, old);
	return err;
}

static int remove_held(struct dentry *entry, bool leftovers, bool *ret_passed)
{
	unsigned long start = jiffies;
	int ret = 1, i;

	for (i = 0; i < TRIES && ret > 0; i++) {
		ret = fuse_lower_has(entry);
		if (ret < 0)
			return ret;
		ret = ret ? remove_by_server(entry, start, ret_passed)
			  : remove_in_upper(entry, leftovers);
	}
	return ret > 0 ? -EIO : ret;
}

static int remove(struct dentry *entry, bool leftovers)
{
	struct inode *inode = d_inode(entry);
	unsigned int links;
	bool passed = false;
	int err = fuse_hold(inode);

	if (err)
		return err;
	links = fuse_inode_nlink(inode);
	fuse_entry_set(entry, FUSE_ENTRY_GOING);
	err = remove_held(entry, leftovers, &passed);
	if (err)
		fuse_entry_clear(entry, FUSE_ENTRY_GOING);
	else
		fuse_inode_lost_name(inode, links);
	fuse_inode_refresh(d_inode(entry->d_parent));
	if (!passed)
		fuse_unhold(inode);
	return err;
}

int fuse_view_unlink(struct inode *dir, struct dentry *entry)
{
	struct inode *inode = d_inode(entry);
	int err;

	err = fuse_view_access(entry, FUSE_ACCESS(REMOVE_FILE)) ?:
	      fuse_names_begin(entry->d_parent) ?:
	      fuse_gate_name(entry, FUSE_FILTER_UNLINK, inode->i_mode, inode->i_rdev);
	return err ?: remove(entry, false);
}

int fuse_view_rmdir(struct inode *dir, struct dentry *entry)
{
	struct inode *inode = d_inode(entry);
	bool leftovers;
	int err;

	err = fuse_view_access(entry, FUSE_ACCESS(REMOVE_DIR)) ?:
	      fuse_names_begin(entry->d_parent) ?:
	      fuse_gate_name(entry, FUSE_FILTER_RMDIR, inode->i_mode, 0) ?:
	      fuse_dir_check_empty(entry, &leftovers);
	return err ?: remove(entry, leftovers);
}

static int index_unlink(const struct fuse_place *index, const char *name)
{
	const struct qstr text = QSTR_INIT(name, strlen(name));
	struct dentry *dentry = fuse_upper_lookup(index, &text);
	int err;

	if (IS_ERR(dentry))
		return PTR_ERR(dentry);
	err = d_is_positive(dentry) ? fuse_upper_clear(index, dentry) : 0;
	dput(dentry);
	return err;
}

/*
 * Nothing is left of a lower file with several names. What stays in the index after an error leads
 * nowhere; the next server to start removes it, by the count that is the last to go.
 */
static void drop_from_index(const struct fuse_view *view, const char *key)
{
	struct fuse_place index = {.layer = view->upper, .dentry = view->index};
	char *count = kasprintf(GFP_KERNEL, "%s.n", key);
	const struct cred *old;

	if (!count || fuse_place_begin_change(&index, &old))
		goto out;
	inode_lock_nested(d_inode(index.dentry), I_MUTEX_PARENT);
	if (!index_unlink(&index, key))
		index_unlink(&index, count);
	inode_unlock(d_inode(index.dentry));
	fuse_place_end_change(&index, old);
out:
	kfree(count);
}

/**
 * fuse_inode_lost_name - one of an inode's names is no more
 * @inode: held by who took it away
 * @links: how many it had
 */
void fuse_inode_lost_name(struct inode *inode, unsigned int links)
{
	const char *link = fuse_vinode(inode)->link;

	if (S_ISDIR(inode->i_mode)) {
		clear_nlink(inode);
		return;
	}
	/* The lower file has as many names as ever; none of them can be seen. */
	if (link ? links <= 1 : !fuse_inode_stack(inode)->upper)
		set_bit(FUSE_I_NAMELESS, &get_fuse_inode(inode)->state);
	if (link && links <= 1)
		drop_from_index(fuse_inode_view(inode), link);
	fuse_inode_refresh(inode);
}
