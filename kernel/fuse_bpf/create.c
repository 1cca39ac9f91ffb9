// SPDX-License-Identifier: GPL-2.0
/*
 * Creating: in the upper, as whoever creates, where the layers have nothing of the name. Over a
 * whiteout the server puts the new object into its place, so that nothing of what was removed comes
 * to light.
 */
#include <linux/backing-file.h>
#include <linux/fs.h>
#include <linux/highuid.h>
#include <linux/jiffies.h>
#include <linux/namei.h>
#include <linux/security.h>

#include "view.h"

#define TRIES 16

/**
 * struct making - what is to be made
 * @idmap: of the view's mount
 * @entry: under which name
 * @mode: type and permissions
 * @rdev: of a device
 * @target: of a symbolic link
 * @asker: asks about names in the directory
 */
struct making {
	struct mnt_idmap *idmap;
	struct dentry *entry;
	umode_t mode;
	dev_t rdev;
	const char *target;
	struct fuse_asker *asker;
};

/*
 * Who has no id in the upper can own nothing. But root does the container manager's work, which is
 * to make a file and then give it to somebody in the container: until then it is nobody's, as with
 * the other engines. That is said in ids of the disk, since the upper's mount may have none for it.
 */
static struct mnt_idmap *become_nobody(const struct fuse_place *upper, struct cred *cred)
{
	struct mnt_idmap *idmap = mnt_idmap(upper->layer->mnt);
	struct user_namespace *user_ns = i_user_ns(d_inode(upper->dentry));
	kgid_t gid = from_vfsgid(idmap, user_ns, VFSGIDT_INIT(cred->fsgid));

	if (!uid_eq(cred->fsuid, GLOBAL_ROOT_UID) ||
	    uid_valid(from_vfsuid(idmap, user_ns, VFSUIDT_INIT(cred->fsuid))))
		return idmap;
	cred->fsuid = make_kuid(user_ns, DEFAULT_FS_OVERFLOWUID);
	cred->fsgid = gid_valid(gid) ? gid : make_kgid(user_ns, DEFAULT_FS_OVERFLOWGID);
	return &nop_mnt_idmap;
}

/**
 * fuse_override_create - become who creates, with the upper's rights
 * @idmap: of the view's mount
 * @entry: what is to be made
 * @mode: its type and permissions
 * @ret_upper: the mapping of the upper's ids to create with; NULL: that of its mount is the one
 * @ret_old: to be reverted to
 *
 * The file system of the upper makes the owner of what is made out of this, as its own rules say.
 *
 * Return: 0 or an error; then nothing is overridden.
 */
int fuse_override_create(struct mnt_idmap *idmap, struct dentry *entry, umode_t mode,
			 struct mnt_idmap **ret_upper, const struct cred **ret_old)
{
	struct inode *dir = d_inode(entry->d_parent);
	const struct fuse_place *upper = fuse_inode_top(dir);
	struct user_namespace *user_ns = i_user_ns(dir);
	kuid_t uid = mapped_fsuid(idmap, user_ns);
	kgid_t gid = mapped_fsgid(idmap, user_ns);
	const struct cred *old = fuse_place_override(upper);
	struct cred *cred = prepare_creds();
	int err = -ENOMEM;

	if (cred) {
		cred->fsuid = uid;
		cred->fsgid = gid;
		if (ret_upper)
			*ret_upper = become_nobody(upper, cred);
		err = security_dentry_create_files_as(entry, mode, &entry->d_name, old, cred);
	}
	if (!err) {
		put_cred(override_creds(cred));
		*ret_old = old;
	} else {
		revert_creds(old);
	}
	if (cred)
		put_cred(cred);
	return err;
}

static int make_dir(struct mnt_idmap *idmap, const struct fuse_place *dir, struct dentry **made,
		    umode_t mode)
{
	struct dentry *dentry = *made, *found;
	int err;

	err = vfs_mkdir(idmap, d_inode(dir->dentry), dentry, mode);
	if (err || likely(!d_unhashed(dentry)))
		return err;
	/* Some file systems leave it to others to look up what was made. */
	found = fuse_upper_lookup(dir, &dentry->d_name);
	if (IS_ERR(found))
		return PTR_ERR(found);
	dput(dentry);
	*made = found;
	return d_is_negative(found) ? -EIO : 0;
}

static int make(const struct making *m, struct mnt_idmap *idmap, const struct fuse_place *dir,
		struct dentry **made)
{
	struct inode *inode = d_inode(dir->dentry);

	switch (m->mode & S_IFMT) {
	case S_IFREG:
		return vfs_create(idmap, inode, *made, m->mode, true);
	case S_IFDIR:
		return make_dir(idmap, dir, made, m->mode);
	case S_IFLNK:
		return vfs_symlink(idmap, inode, *made, m->target);
	default:
		return vfs_mknod(idmap, inode, *made, m->mode, m->rdev);
	}
}

static void unmake(struct mnt_idmap *idmap, const struct fuse_place *dir, struct dentry *made)
{
	if (d_is_dir(made))
		vfs_rmdir(idmap, d_inode(dir->dentry), made);
	else
		vfs_unlink(idmap, d_inode(dir->dentry), made, NULL);
}

/* The name in the view becomes what was made in the upper. */
static int instantiate(const struct making *m, struct dentry *made)
{
	struct fuse_place place = {.layer = m->asker->view->upper, .dentry = dget(made)};
	struct fuse_found found;
	struct inode *inode;

	fuse_found_one(&found, &place);
	inode = fuse_view_iget(m->entry->d_sb, &found);
	fuse_found_drop(&found);
	if (IS_ERR(inode))
		return PTR_ERR(inode);
	if (S_ISDIR(inode->i_mode))
		fuse_dir_set_states(inode, m->asker);
	set_bit(FUSE_I_WHOLE, &get_fuse_inode(inode)->state);
	fuse_entry_know(m->entry, m->asker->epoch, fuse_entry_said(m->asker) | FUSE_ENTRY_UPPER);
	d_instantiate(m->entry, inode);
	return 0;
}

/* With the directory locked in the upper. Returns as fuse_upper_vacant(). */
static int make_locked(const struct making *m, const struct fuse_place *dir, bool merged)
{
	const struct cred *old = fuse_place_override(dir);
	struct mnt_idmap *idmap;
	struct dentry *made;
	int ret;

	ret = fuse_upper_vacant(dir, merged, &m->entry->d_name, &made);
	revert_creds(old);
	if (ret)
		return ret;
	ret = fuse_override_create(m->idmap, m->entry, m->mode, &idmap, &old);
	if (!ret) {
		ret = make(m, idmap, dir, &made);
		revert_creds(old);
	}
	if (!ret) {
		ret = instantiate(m, made);
		old = fuse_place_override(dir);
		if (ret)
			unmake(idmap, dir, made);
		revert_creds(old);
	}
	dput(made);
	return ret;
}

static int make_in_upper(const struct making *m)
{
	const struct fuse_stack *stack = fuse_inode_stack(d_inode(m->entry->d_parent));
	const struct fuse_place *dir = &stack->at[0];
	int ret = fuse_layer_begin_change(dir->layer);

	if (ret)
		return ret;
	inode_lock_nested(d_inode(dir->dentry), I_MUTEX_PARENT);
	ret = make_locked(m, dir, stack->nr > 1);
	inode_unlock(d_inode(dir->dentry));
	fuse_layer_end_change(dir->layer);
	return ret;
}

static int ask_server(const struct making *m, unsigned long start)
{
	struct inode *dir = d_inode(m->entry->d_parent);
	struct user_namespace *user_ns = i_user_ns(dir);
	struct fuse_view *view = m->asker->view;
	struct fuse_ask ask = {
		.kind = FUSE_UPCALL_MAKE,
		.entry = m->entry,
		.held = {dir},
		.mode = m->mode,
		.rdev = m->rdev,
		.uid = mapped_fsuid(m->idmap, user_ns),
		.gid = mapped_fsgid(m->idmap, user_ns),
		.text = m->target,
		.start = start,
	};
	int ret = fuse_hold(dir);

	if (ret)
		return ret;
	ret = -EINTR;
	if (!down_read_killable(&view->paths)) {
		/* A directory that was renamed meanwhile has another path, and no lower parts. */
		ret = FUSE_UPCALL_RETRY;
		if (m->asker->epoch == READ_ONCE(view->epoch))
			ret = fuse_upcall(&ask);
		up_read(&view->paths);
	}
	if (!ask.passed)
		fuse_unhold(dir);
	return ret;
}

/* What the server has made. Returns 0, 1 if it is still a whiteout, or an error. */
static int take_made(const struct making *m)
{
	const struct fuse_place *dir = fuse_inode_top(d_inode(m->entry->d_parent));
	const struct qstr *name = &m->entry->d_name;
	struct dentry *made;
	int ret;

	ret = fuse_layer_lookup(dir, name->name, name->len, &made);
	if (ret)
		return ret == -ENOENT ? 1 : ret;
	ret = 1;
	if (!fuse_is_whiteout(made)) {
		ret = -EEXIST;
		if ((d_inode(made)->i_mode & S_IFMT) == (m->mode & S_IFMT))
			ret = instantiate(m, made);
	}
	dput(made);
	return ret;
}

/* Returns 0, 1 if it is to be tried again, or an error. */
static int make_by_server(const struct making *m, unsigned long start)
{
	int answer = ask_server(m, start), ret;

	if (answer < 0)
		return answer;
	ret = take_made(m);
	return ret > 0 && answer == FUSE_UPCALL_DONE ? -EIO : ret;
}

static int make_once(struct making *m, unsigned long start)
{
	struct inode *dir = d_inode(m->entry->d_parent);
	struct fuse_asker asker;
	int ret;

	m->asker = &asker;
	ret = fuse_begin_asking(&asker, m->entry->d_parent);
	if (ret)
		return ret;
	ret = fuse_name_free(&asker, dir, &m->entry->d_name, m->mode & S_IFMT, m->rdev);
	if (!ret)
		ret = make_in_upper(m);
	if (ret > 0)
		ret = make_by_server(m, start);
	fuse_asker_done(&asker);
	return ret;
}

/* @accesses is what this is for who asks. */
static int create(struct making *m, enum fuse_filter_op op, u32 accesses)
{
	struct dentry *dir = m->entry->d_parent;
	unsigned long start = jiffies;
	int err, i;

	err = fuse_view_access(m->entry, accesses) ?: fuse_names_begin(dir) ?:
	      fuse_gate_name(m->entry, op, m->mode, m->rdev);
	if (err)
		return err;
	for (i = 0; i < TRIES; i++) {
		err = make_once(m, start);
		if (err <= 0)
			break;
	}
	fuse_inode_refresh(d_inode(dir));
	return err > 0 ? -EIO : err;
}

int fuse_view_create(struct mnt_idmap *idmap, struct inode *dir, struct dentry *entry, umode_t mode,
		     bool excl)
{
	struct making m = {.idmap = idmap, .entry = entry, .mode = (mode & S_IALLUGO) | S_IFREG};

	return create(&m, FUSE_FILTER_CREATE, FUSE_ACCESS(MAKE_REG));
}

/**
 * fuse_view_atomic_open - look a name up to open it, and create it if it isn't there
 * @dir: where; locked, alone if something may be created
 * @entry: the name, which is not known or known not to be there
 * @file: to be opened; the VFS does so afterwards
 * @flags: of open(2)
 * @mode: of what is created
 *
 * Creating alone isn't told what a file is opened for, and what may not be opened isn't to be made.
 *
 * Return: 0 or an error.
 */
int fuse_view_atomic_open(struct inode *dir, struct dentry *entry, struct file *file,
			  unsigned int flags, umode_t mode)
{
	struct dentry *other = NULL;
	int err = 0;

	if (d_in_lookup(entry)) {
		other = fuse_view_lookup(dir, entry, 0);
		if (IS_ERR(other))
			return PTR_ERR(other);
	}
	if (flags & O_CREAT && !other && d_really_is_negative(entry)) {
		struct making m = {
			.idmap = file_mnt_idmap(file),
			.entry = entry,
			.mode = (mode & S_IALLUGO) | S_IFREG,
		};

		err = create(&m, FUSE_FILTER_CREATE,
			     FUSE_ACCESS(MAKE_REG) | fuse_access_open(flags));
		if (!err)
			file->f_mode |= FMODE_CREATED;
	}
	return err ?: finish_no_open(file, other);
}

int fuse_view_mkdir(struct mnt_idmap *idmap, struct inode *dir, struct dentry *entry, umode_t mode)
{
	struct making m = {.idmap = idmap, .entry = entry, .mode = (mode & S_IALLUGO) | S_IFDIR};

	return create(&m, FUSE_FILTER_MKDIR, FUSE_ACCESS(MAKE_DIR));
}

int fuse_view_mknod(struct mnt_idmap *idmap, struct inode *dir, struct dentry *entry, umode_t mode,
		    dev_t rdev)
{
	struct making m = {.idmap = idmap, .entry = entry, .mode = mode, .rdev = rdev};

	/* It would be a whiteout. */
	if (S_ISCHR(mode) && rdev == WHITEOUT_DEV)
		return -EPERM;
	return create(&m, FUSE_FILTER_MKNOD, fuse_access_make(mode));
}

int fuse_view_symlink(struct mnt_idmap *idmap, struct inode *dir, struct dentry *entry,
		      const char *target)
{
	struct making m = {
		.idmap = idmap,
		.entry = entry,
		.mode = S_IFLNK | 0777,
		.target = target,
	};

	return create(&m, FUSE_FILTER_SYMLINK, FUSE_ACCESS(MAKE_SYM));
}
