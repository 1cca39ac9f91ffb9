// SPDX-License-Identifier: GPL-2.0
/*
 * Renaming, in the upper. Both ends are brought there first; a directory with lower parts is copied
 * up by the server with all in it, and made opaque (move.c). A whiteout takes the old name where
 * something would come to light, and what moves to where lower layers have something is opaque. The
 * step that moves is a single one, and the last.
 */
#include <linux/fs.h>
#include <linux/namei.h>
#include <linux/slab.h>
#include <linux/xattr.h>

#include "view.h"

/**
 * struct end - one end of a rename
 * @entry: the name
 * @inode: what has it; NULL if nothing
 * @dir: its directory in the upper
 * @lower: lower layers have something under the name
 * @held: @inode is held
 * @leftovers: a directory that is to be replaced: its part in the upper has whiteouts
 * @links: how many links @inode has
 */
struct end {
	struct dentry *entry;
	struct inode *inode;
	const struct fuse_place *dir;
	bool lower;
	bool held;
	bool leftovers;
	unsigned int links;
};

/**
 * struct fuse_rename - a rename
 * @view: the view
 * @old: what moves
 * @new: where to
 * @exchange: and the other way round
 * @restates: a filter says something else of what is in a directory that moves
 * @epoch: before filters were asked
 */
struct fuse_rename {
	struct fuse_view *view;
	struct end old;
	struct end new;
	bool exchange;
	bool restates;
	unsigned long epoch;
};

static bool is_dir(const struct end *end)
{
	return end->inode && S_ISDIR(end->inode->i_mode);
}

static bool has_lower_parts(const struct end *end)
{
	const struct fuse_stack *stack = end->inode ? fuse_inode_stack(end->inode) : NULL;

	return is_dir(end) && stack->nr > stack->upper;
}

static bool replaces(const struct fuse_rename *r)
{
	return !r->exchange && r->new.inode;
}

/* May who asks do this? */
static int access(const struct fuse_rename *r)
{
	const struct inode *old = r->old.inode, *new = r->new.inode;
	int err;

	err = fuse_view_access_other_name(r->old.entry, r->new.entry,
					  FUSE_ACCESS(REFER) | fuse_access_remove(old->i_mode));
	if (err || !new)
		return err;
	if (r->exchange)
		return fuse_view_access_other_name(r->new.entry, r->old.entry,
						   FUSE_ACCESS(REFER) |
							   fuse_access_remove(new->i_mode));
	return fuse_view_access(r->new.entry, fuse_access_remove(new->i_mode));
}

static int gate(const struct fuse_rename *r)
{
	const struct inode *old = r->old.inode, *new = r->new.inode;
	int err;

	err = fuse_gate_name(r->old.entry, FUSE_FILTER_RENAME, old->i_mode, old->i_rdev)
		      ?: fuse_gate_name(r->new.entry, FUSE_FILTER_RENAME_TO, old->i_mode,
					old->i_rdev);
	if (err || !new)
		return err;
	if (r->exchange)
		return fuse_gate_name(r->new.entry, FUSE_FILTER_RENAME, new->i_mode, new->i_rdev)
			       ?: fuse_gate_name(r->old.entry, FUSE_FILTER_RENAME_TO, new->i_mode,
						 new->i_rdev);
	return fuse_gate_name(r->new.entry,
			      S_ISDIR(new->i_mode) ? FUSE_FILTER_RMDIR : FUSE_FILTER_UNLINK,
			      new->i_mode, new->i_rdev);
}

/* May what is at @from be where @to is, as far as filters are concerned? */
static int check_filters(struct fuse_rename *r, const struct end *from, const struct end *to)
{
	return fuse_move_suits(from->entry, to->entry, has_lower_parts(from), &r->restates);
}

/* What can be done before anything is held. */
static int prepare(struct fuse_rename *r)
{
	int err;

	err = access(r) ?: fuse_names_begin(r->old.entry->d_parent) ?:
	      fuse_names_begin(r->new.entry->d_parent);
	if (!err)
		err = gate(r) ?: check_filters(r, &r->old, &r->new);
	if (!err && r->exchange)
		err = check_filters(r, &r->new, &r->old);
	if (!err && replaces(r) && is_dir(&r->new))
		err = fuse_dir_check_empty(r->new.entry, &r->new.leftovers);
	/* A directory with lower parts is copied up when it can't move otherwise. */
	if (!err && !has_lower_parts(&r->old))
		err = fuse_copy_up(r->old.entry, FUSE_COPY_ALL);
	/* A name of a lower file with several is counted by the server, as a link of the copy. */
	if (!err && r->new.inode && (r->exchange || fuse_vinode(r->new.inode)->link) &&
	    !has_lower_parts(&r->new))
		err = fuse_copy_up(r->new.entry, FUSE_COPY_ALL);
	return err;
}

static int hold_end(struct end *end)
{
	int err = end->inode ? fuse_hold(end->inode) : 0;

	end->held = end->inode && !err;
	return err;
}

static void unhold(struct fuse_rename *r)
{
	if (r->old.held)
		fuse_unhold(r->old.inode);
	if (r->new.held)
		fuse_unhold(r->new.inode);
}

/* Two that rename in directories of their own may mean the same files, by other names. */
static int hold(struct fuse_rename *r)
{
	bool swapped = r->new.inode && r->new.inode < r->old.inode;

	return hold_end(swapped ? &r->new : &r->old) ?: hold_end(swapped ? &r->old : &r->new);
}

static int find_lower(struct end *end)
{
	int ret = fuse_lower_has(end->entry);

	end->lower = ret > 0;
	return min(ret, 0);
}

static int make_opaque(const struct fuse_view *view, const struct inode *dir)
{
	const struct fuse_place *place = fuse_inode_top(dir);
	int err;

	err = vfs_setxattr(mnt_idmap(place->layer->mnt), place->dentry, view->opaque, "y", 1, 0);
	return err == -EOPNOTSUPP ? -EXDEV : err;
}

/* The directory that is replaced must be empty in the upper, too. */
static int clear_replaced(const struct fuse_rename *r)
{
	const struct fuse_stack *stack = fuse_inode_stack(r->new.inode);
	int err = 0;

	if (!stack->upper || !r->new.leftovers)
		return 0;
	if (stack->nr > 1)
		err = make_opaque(r->view, r->new.inode);
	return err ?: fuse_upper_clear_all(&stack->at[0]);
}

/* Nothing may come to light, and numbers must stay what they are, where things are going to be. */
static int make_ready(const struct fuse_rename *r)
{
	int err = 0;

	if (is_dir(&r->old) && r->new.lower)
		err = make_opaque(r->view, r->old.inode);
	if (!err && r->exchange && is_dir(&r->new) && r->old.lower)
		err = make_opaque(r->view, r->new.inode);
	if (!err && replaces(r) && is_dir(&r->new))
		err = clear_replaced(r);
	if (!err && fuse_vinode(r->old.inode)->numbered)
		err = fuse_dir_mark_impure(r->view, r->new.dir);
	if (!err && r->exchange && fuse_vinode(r->new.inode)->numbered)
		err = fuse_dir_mark_impure(r->view, r->old.dir);
	return err;
}

/* Is what the upper has under the new name what the view has there? */
static int check_new(const struct fuse_rename *r, const struct dentry *new)
{
	const struct fuse_stack *stack;

	if (r->new.inode) {
		stack = fuse_inode_stack(r->new.inode);
		if (stack->upper && fuse_entry_flags(r->new.entry) & FUSE_ENTRY_UPPER)
			return d_inode(new) == d_inode(stack->at[0].dentry) ? 0 : -ESTALE;
	}
	return d_is_negative(new) || fuse_is_whiteout(new) ? 0 : -ESTALE;
}

/* How to rename in the upper; *ret_clear if what was at the new name then has to go. */
static unsigned int choose_flags(const struct fuse_rename *r, const struct dentry *new,
				 bool *ret_clear)
{
	*ret_clear = false;
	if (r->exchange)
		return RENAME_EXCHANGE;
	if (r->old.lower)
		return fuse_is_whiteout(new) ? RENAME_EXCHANGE : RENAME_WHITEOUT;
	if (!is_dir(&r->old) || !fuse_is_whiteout(new))
		return 0;
	*ret_clear = true;
	return RENAME_EXCHANGE;
}

static int rename_dentries(const struct fuse_rename *r, struct dentry *old, struct dentry *new,
			   const struct dentry *trap)
{
	struct renamedata rd = {
		.old_mnt_idmap = mnt_idmap(r->old.dir->layer->mnt),
		.old_dir = d_inode(r->old.dir->dentry),
		.old_dentry = old,
		.new_mnt_idmap = mnt_idmap(r->new.dir->layer->mnt),
		.new_dir = d_inode(r->new.dir->dentry),
		.new_dentry = new,
	};
	bool clear;
	int err;

	if (d_inode(old) != d_inode(fuse_inode_top(r->old.inode)->dentry) || old == trap ||
	    new == trap)
		return -ESTALE;
	err = check_new(r, new);
	if (err)
		return err;
	rd.flags = choose_flags(r, new, &clear);
	err = vfs_rename(&rd);
	/* The whiteout has changed places with the directory. */
	if (!err && clear)
		fuse_upper_clear(r->old.dir, new);
	return err;
}

static int rename_locked(const struct fuse_rename *r, const struct dentry *trap)
{
	struct dentry *old, *new;
	int err;

	old = fuse_upper_lookup(r->old.dir, &r->old.entry->d_name);
	if (IS_ERR(old))
		return PTR_ERR(old);
	new = fuse_upper_lookup(r->new.dir, &r->new.entry->d_name);
	err = PTR_ERR_OR_ZERO(new);
	if (!err) {
		err = rename_dentries(r, old, new, trap);
		dput(new);
	}
	dput(old);
	return err;
}

static int rename_in_upper(const struct fuse_rename *r)
{
	const struct cred *old;
	struct dentry *trap;
	int err;

	err = fuse_place_begin_change(r->old.dir, &old);
	if (err)
		return err;
	err = make_ready(r);
	if (!err) {
		trap = lock_rename(r->new.dir->dentry, r->old.dir->dentry);
		err = PTR_ERR_OR_ZERO(trap);
	}
	if (!err) {
		err = rename_locked(r, trap);
		unlock_rename(r->new.dir->dentry, r->old.dir->dentry);
	}
	fuse_place_end_change(r->old.dir, old);
	return err;
}

static int move(struct fuse_rename *r)
{
	int err;

	r->old.dir = fuse_inode_top(d_inode(r->old.entry->d_parent));
	r->new.dir = fuse_inode_top(d_inode(r->new.entry->d_parent));
	if (replaces(r)) {
		r->new.links = fuse_inode_nlink(r->new.inode);
		fuse_entry_set(r->new.entry, FUSE_ENTRY_GOING);
	}
	err = find_lower(&r->old) ?: find_lower(&r->new) ?: rename_in_upper(r);
	if (err && replaces(r))
		fuse_entry_clear(r->new.entry, FUSE_ENTRY_GOING);
	return err;
}

/* Directories with lower parts move alone: paths of what is in them are good until then. */
static int move_alone(struct fuse_rename *r)
{
	bool passed = false;
	int err;

	if (down_write_killable(&r->view->paths))
		return -EINTR;
	err = fuse_upcalls_drain(r->view);
	if (!err && has_lower_parts(&r->old)) {
		err = fuse_raise_tree(r->old.entry, r->new.entry, &passed);
		r->old.held &= !passed;
	}
	if (!err && r->exchange && has_lower_parts(&r->new)) {
		err = fuse_raise_tree(r->new.entry, r->old.entry, &passed);
		r->new.held &= !passed;
	}
	if (!err)
		err = move(r);
	up_write(&r->view->paths);
	return err;
}

static int rename_held(struct fuse_rename *r)
{
	if (has_lower_parts(&r->old) || (r->exchange && has_lower_parts(&r->new)))
		return move_alone(r);
	return move(r);
}

/* The VFS moves the dentries when this is over. */
static void finish(const struct fuse_rename *r)
{
	fuse_entry_set(r->old.entry, FUSE_ENTRY_UPPER);
	fuse_entry_moves(r->old.entry);
	if (r->exchange) {
		fuse_entry_set(r->new.entry, FUSE_ENTRY_UPPER);
		fuse_entry_moves(r->new.entry);
	}
	/* What was found out since by the old path, or by what filters said before, is void. */
	if (r->restates || ((is_dir(&r->old) || is_dir(&r->new)) && r->view->nr_filters &&
			    r->epoch != READ_ONCE(r->view->epoch)))
		fuse_view_new_epoch(r->view);
	if (replaces(r))
		fuse_inode_lost_name(r->new.inode, r->new.links);
	else if (r->new.inode)
		fuse_inode_refresh(r->new.inode);
	fuse_inode_refresh(r->old.inode);
	fuse_inode_refresh(d_inode(r->old.entry->d_parent));
	fuse_inode_refresh(d_inode(r->new.entry->d_parent));
}

int fuse_view_rename(struct mnt_idmap *idmap, struct inode *old_dir, struct dentry *old,
		     struct inode *new_dir, struct dentry *new, unsigned int flags)
{
	struct fuse_rename r = {
		.view = fuse_inode_view(old_dir),
		.old = {.entry = old, .inode = d_inode(old)},
		.new = {.entry = new, .inode = d_inode(new)},
		.exchange = !!(flags & RENAME_EXCHANGE),
		.epoch = READ_ONCE(fuse_inode_view(old_dir)->epoch),
	};
	int err;

	if (flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE))
		return -EINVAL;
	err = prepare(&r);
	if (err)
		return err;
	err = hold(&r);
	if (!err)
		err = rename_held(&r);
	if (!err)
		finish(&r);
	unhold(&r);
	return err;
}
