// SPDX-License-Identifier: GPL-2.0
/*
 * Files without a name, and further names for files. A new name over a whiteout is first made in
 * the work directory, and then takes the whiteout's place in one step.
 */
#include <linux/backing-file.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/namei.h>
#include <linux/sched/signal.h>

#include "view.h"

/* Puts another link of @old into a locked directory of the upper. */
static int link_into(const struct fuse_place *dir, struct dentry *old, struct dentry *new)
{
	return vfs_link(old, mnt_idmap(dir->layer->mnt), d_inode(dir->dentry), new, NULL);
}

/* An unused name in the work directory; a mount that did not end well may have left some. */
static struct dentry *work_name(const struct fuse_place *work)
{
	static atomic_t counter = ATOMIC_INIT(0);
	char text[sizeof("#12345678")];
	struct dentry *dentry;
	int n;

	for (;;) {
		n = snprintf(text, sizeof(text), "#%x", atomic_inc_return(&counter));
		dentry = fuse_upper_lookup(work, &(struct qstr)QSTR_INIT(text, n));
		if (IS_ERR(dentry) || d_is_negative(dentry))
			return dentry;
		dput(dentry);
		if (fatal_signal_pending(current))
			return ERR_PTR(-EINTR);
	}
}

static int rename_over(const struct fuse_place *work, struct dentry *from,
		       const struct fuse_place *dir, struct dentry *to)
{
	struct renamedata rd = {
		.old_mnt_idmap = mnt_idmap(work->layer->mnt),
		.old_dir = d_inode(work->dentry),
		.old_dentry = from,
		.new_mnt_idmap = mnt_idmap(dir->layer->mnt),
		.new_dir = d_inode(dir->dentry),
		.new_dentry = to,
	};

	return vfs_rename(&rd);
}

/* With the work directory and @dir locked. */
static int replace_whiteout(const struct fuse_place *work, const struct fuse_place *dir,
			    struct dentry *old, const struct qstr *name)
{
	struct dentry *temp, *whiteout = fuse_upper_lookup(dir, name);
	int err;

	if (IS_ERR(whiteout))
		return PTR_ERR(whiteout);
	temp = work_name(work);
	err = PTR_ERR_OR_ZERO(temp);
	if (err)
		goto out;
	err = fuse_is_whiteout(whiteout) ? link_into(work, old, temp) : -EEXIST;
	if (!err) {
		err = rename_over(work, temp, dir, whiteout);
		if (err)
			fuse_upper_clear(work, temp);
	}
	dput(temp);
out:
	dput(whiteout);
	return err;
}

static int link_over_whiteout(const struct fuse_view *view, const struct fuse_place *dir,
			      struct dentry *old, const struct qstr *name)
{
	struct fuse_place work = {.layer = view->upper, .dentry = view->work};
	struct dentry *trap = lock_rename(work.dentry, dir->dentry);
	int err;

	if (IS_ERR(trap))
		return PTR_ERR(trap);
	err = trap ? -EXDEV : replace_whiteout(&work, dir, old, name);
	unlock_rename(work.dentry, dir->dentry);
	return err;
}

/* Returns 0, 1 if a whiteout is in the way, or an error. */
static int link_in_upper(const struct fuse_place *dir, bool merged, struct dentry *old,
			 const struct qstr *name)
{
	struct dentry *dentry;
	int ret;

	inode_lock_nested(d_inode(dir->dentry), I_MUTEX_PARENT);
	ret = fuse_upper_vacant(dir, merged, name, &dentry);
	if (!ret) {
		ret = link_into(dir, old, dentry);
		dput(dentry);
	}
	inode_unlock(d_inode(dir->dentry));
	return ret;
}

static int link_as_upper(struct inode *inode, struct inode *dir, const struct qstr *name)
{
	const struct fuse_place *top = fuse_inode_top(inode);
	const struct fuse_stack *stack = fuse_inode_stack(dir);
	const struct fuse_view *view = fuse_inode_view(dir);
	const struct cred *old;
	int ret;

	ret = fuse_place_begin_change(top, &old);
	if (ret)
		return ret;
	if (fuse_vinode(inode)->numbered)
		ret = fuse_dir_mark_impure(view, &stack->at[0]);
	if (!ret)
		ret = link_in_upper(&stack->at[0], stack->nr > 1, top->dentry, name);
	if (ret > 0)
		ret = link_over_whiteout(view, &stack->at[0], top->dentry, name);
	fuse_place_end_change(top, old);
	return ret;
}

static int link_free(struct dentry *old, struct dentry *new)
{
	struct inode *inode = d_inode(old), *dir = d_inode(new->d_parent);
	struct fuse_asker asker;
	int err;

	err = fuse_begin_asking(&asker, new->d_parent);
	if (err)
		return err;
	err = fuse_name_free(&asker, dir, &new->d_name, inode->i_mode & S_IFMT, inode->i_rdev)
		      ?: link_as_upper(inode, dir, &new->d_name);
	if (!err) {
		fuse_entry_know(new, asker.epoch, fuse_entry_said(&asker) | FUSE_ENTRY_UPPER);
		ihold(inode);
		d_instantiate(new, inode);
	}
	fuse_asker_done(&asker);
	return err;
}

int fuse_view_link(struct dentry *old, struct inode *dir, struct dentry *new)
{
	struct inode *inode = d_inode(old);
	int err;

	err = fuse_view_access_other_name(old, new, FUSE_ACCESS(REFER)) ?:
	      fuse_names_begin(new->d_parent) ?:
	      fuse_gate_name(new, FUSE_FILTER_LINK, inode->i_mode, inode->i_rdev) ?:
	      fuse_view_gate(inode, FUSE_FILTER_LINKED) ?:
	      fuse_copy_up(old, FUSE_COPY_ALL) ?:
	      fuse_hold(inode);
	if (err)
		return err;
	err = link_free(old, new);
	fuse_inode_refresh(inode);
	fuse_inode_refresh(dir);
	fuse_unhold(inode);
	return err;
}

/* The file is open with its inode; who opened it is done. */
static int opened(struct inode *inode, struct file *file)
{
	return 0;
}

/* Gives an unnamed file of the upper its inode in the view. */
static int instantiate(struct file *file, struct file *real)
{
	struct dentry *entry = file->f_path.dentry;
	struct fuse_view *view = get_fuse_conn_super(entry->d_sb)->view;
	struct fuse_place place = {
		.layer = view->upper,
		.dentry = dget(real->f_path.dentry),
	};
	struct fuse_found found;
	struct inode *inode;

	fuse_found_one(&found, &place);
	inode = fuse_view_iget(entry->d_sb, &found);
	fuse_found_drop(&found);
	if (IS_ERR(inode))
		return PTR_ERR(inode);
	/* There is no name that could be looked for. */
	fuse_entry_know(entry, READ_ONCE(view->epoch) - 1,
			FUSE_ENTRY_UPPER | FUSE_ENTRY_GOING | FUSE_ENTRY_UNNAMED);
	d_mark_tmpfile(file, inode);
	d_instantiate(entry, inode);
	return 0;
}

static struct file *open_unnamed(struct mnt_idmap *idmap, struct inode *dir, struct file *file,
				 umode_t mode)
{
	const struct fuse_place *place = fuse_inode_top(dir);
	int flags = file->f_flags | O_NOATIME | __FMODE_NONOTIFY;
	struct path path = fuse_place_path(place);
	const struct cred *old;
	struct file *real;
	int err;

	/* The helper takes the mapping of the mount, so root needs an id in it. */
	err = fuse_override_create(idmap, file->f_path.dentry, mode, NULL, &old);
	if (err)
		return ERR_PTR(err);
	real = backing_tmpfile_open(file, flags, &path, mode, place->layer->cred);
	revert_creds(old);
	return real;
}

static int tmpfile(struct mnt_idmap *idmap, struct inode *dir, struct file *file, umode_t mode)
{
	struct file *real = open_unnamed(idmap, dir, file, mode);
	int err;

	if (IS_ERR(real))
		return PTR_ERR(real);
	err = fuse_view_file_attach(file, real, true);
	if (err) {
		fput(real);
		return err;
	}
	err = instantiate(file, real);
	if (!err)
		err = finish_open(file, file->f_path.dentry, opened);
	/* Else the file's release does it. */
	if (!(file->f_mode & FMODE_OPENED))
		fuse_view_file_detach(file);
	return err;
}

int fuse_view_tmpfile(struct mnt_idmap *idmap, struct inode *dir, struct file *file, umode_t mode)
{
	struct dentry *parent = file->f_path.dentry->d_parent;
	struct fuse_layer *upper;
	int err;

	/* The VFS says so for everything else that is made. */
	if (IS_DEADDIR(dir))
		return -ENOENT;
	err = fuse_view_access_unnamed(parent,
				       FUSE_ACCESS(MAKE_REG) | fuse_access_open(file->f_flags)) ?:
	      fuse_names_begin(parent) ?:
	      fuse_gate_name(file->f_path.dentry, FUSE_FILTER_TMPFILE, mode, 0);
	if (err)
		return err;
	upper = fuse_inode_top(dir)->layer;
	err = fuse_layer_begin_change(upper);
	if (err)
		return err;
	err = tmpfile(idmap, dir, file, mode);
	fuse_layer_end_change(upper);
	return err;
}
