// SPDX-License-Identifier: GPL-2.0
/*
 * Open directories. One with a single backing directory is read straight from there, with the
 * positions of the backing file system; one that is merged, or that holds copies whose numbers are
 * not its own, is put together (merge.c). What an open directory remembers is guarded by its file's
 * f_pos_lock. It is found out anew when the directory is read from its start.
 */
#include <linux/cred.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/slab.h>

#include "view.h"

struct dir_file {
	const struct fuse_stack *stack; /* that it was opened, or last rewound, with */
	struct file *real;		/* of the single backing directory, or NULL */
	struct fuse_merge merge;	/* else */
};

/*
 * An entry whose type alone says too little. Reading stops before it, it is looked up with nothing
 * locked, and reading goes on with what came of it.
 */
struct unsure {
	char name[NAME_MAX];
	unsigned int len; /* 0: none */
	bool settled;
	bool visible;
	unsigned int d_type;
};

/* While a single backing directory is read. */
struct stream {
	struct dir_context ctx;
	struct dir_context *out;
	struct fuse_asker *asker;
	const struct fuse_place *place;
	u64 ino, parent_ino; /* for "." and ".." */
	struct unsure *unsure;
	const struct cred *caller;
	bool outdated; /* the directory has to be settled first */
	int err;
};

static u64 view_ino(const struct inode *inode)
{
	return container_of(inode, struct fuse_inode, inode)->orig_ino;
}

static u64 parent_ino(struct file *file)
{
	struct dentry *parent = dget_parent(file->f_path.dentry);
	u64 ino = view_ino(d_inode(parent));

	dput(parent);
	return ino;
}

/* Returns 1 if names can be given out as the backing directory has them, 0 or an error. */
static int is_single(struct inode *inode, const struct fuse_stack *stack)
{
	int ret;

	if (stack->nr > 1)
		return 0;
	if (!stack->upper)
		return 1;
	ret = fuse_dir_is_impure(fuse_inode_view(inode), &stack->at[0]);
	return ret < 0 ? ret : !ret;
}

/* Gets ready to read the directory as it is now. */
static int attach(struct dir_file *df, struct inode *inode)
{
	const struct fuse_stack *stack = fuse_inode_stack(inode);
	const struct cred *old;
	struct file *real = NULL;
	int single = is_single(inode, stack);

	if (single < 0)
		return single;
	if (single) {
		old = fuse_place_override(&stack->at[0]);
		real = fuse_layer_open_dir(&stack->at[0], O_RDONLY);
		revert_creds(old);
		if (IS_ERR(real))
			return PTR_ERR(real);
	}
	if (df->real)
		fput(df->real);
	fuse_merge_drop(&df->merge);
	df->real = real;
	df->stack = stack;
	return 0;
}

static int dir_open(struct inode *inode, struct file *file)
{
	int err = fuse_view_alive(inode) ?: fuse_dentry_check(file->f_path.dentry);
	struct dir_file *df;

	if (!err && fuse_filter_wanted(fuse_inode_view(inode), FUSE_FILTER_OPENDIR))
		err = fuse_filter_open(inode, file);
	if (err)
		return err;
	df = kzalloc(sizeof(*df), GFP_KERNEL_ACCOUNT);
	if (!df)
		return -ENOMEM;
	err = attach(df, inode);
	if (err) {
		kfree(df);
		return err;
	}
	fuse_view_count(fuse_inode_view(inode), FUSE_COUNT_OPENS);
	file->private_data = df;
	return 0;
}

static int dir_release(struct inode *inode, struct file *file)
{
	struct dir_file *df = file->private_data;

	fuse_view_gate(inode, FUSE_FILTER_RELEASEDIR);
	if (df->real)
		fput(df->real);
	fuse_merge_drop(&df->merge);
	kfree(df);
	return 0;
}

static bool is_unsure(const struct stream *s, const char *name, int len)
{
	return s->unsure && s->unsure->len == len && !memcmp(s->unsure->name, name, len);
}

static int stop_at(struct stream *s, const char *name, int len)
{
	if (!s->unsure)
		s->unsure = kmalloc(sizeof(*s->unsure), GFP_KERNEL);
	if (!s->unsure)
		return -ENOMEM;
	memcpy(s->unsure->name, name, len);
	s->unsure->len = len;
	s->unsure->settled = false;
	return 0;
}

/*
 * What a filter answers with an error is for who looks the name up. A filter that is gone must not
 * show what it would have hidden.
 */
static int judge_error(const struct stream *s)
{
	int err = READ_ONCE(s->asker->view->error);

	return err ?: 1;
}

/* May who reads see a name that was just asked about? Filters are to find who it is. */
static int may_see(struct stream *s, const char *name, int len)
{
	const struct cred *layers;
	int ret;

	if (likely(!(s->asker->asks & FUSE_ACCESS(SEE))))
		return 1;
	layers = override_creds(s->caller);
	ret = fuse_name_listed(s->asker, name, len);
	revert_creds(layers);
	s->outdated = ret < 0;
	return ret;
}

/* Returns 1 if an entry is given out, 0 if not, -EAGAIN if it must be looked up, or an error. */
static int judge(struct stream *s, const char *name, int len, unsigned int *d_type)
{
	struct fuse_fact fact = {
		.layer = s->place->layer,
		.name = name,
		.len = len,
		.type = fuse_dtype_mode(*d_type),
	};
	int verdict;

	verdict = fuse_name_verdict(s->asker, name, len);
	if (verdict == FUSE_FILTER_HIDE)
		return 0;
	if (verdict < 0)
		return judge_error(s);
	verdict = may_see(s, name, len);
	if (verdict <= 0)
		return verdict;
	if (fuse_verdict_needs_lookup(s->asker, *d_type, true) && len <= NAME_MAX) {
		if (!is_unsure(s, name, len) || !s->unsure->settled)
			return stop_at(s, name, len) ?: -EAGAIN;
		*d_type = s->unsure->d_type;
		return s->unsure->visible;
	}
	verdict = fuse_verdict(s->asker, &fact);
	return verdict < 0 ? judge_error(s) : !(verdict & FUSE_FILTER_HIDE);
}

static bool stream_fill(struct dir_context *ctx, const char *name, int len, loff_t offset, u64 ino,
			unsigned int d_type)
{
	struct stream *s = container_of(ctx, struct stream, ctx);
	int show = 1;

	if (len == 1 && name[0] == '.') {
		ino = s->ino;
	} else if (len == 2 && name[0] == '.' && name[1] == '.') {
		ino = s->parent_ino;
	} else {
		show = judge(s, name, len, &d_type);
		ino = fuse_layer_ino(s->place->layer, ino);
	}
	if (show < 0) {
		s->err = show;
		return false;
	}
	return !show || s->out->actor(s->out, name, len, offset, ino, d_type);
}

static int settle(struct stream *s)
{
	struct unsure *unsure = s->unsure;
	struct fuse_place hit = {.layer = s->place->layer};
	int err, verdict;

	err = fuse_layer_lookup(s->place, unsure->name, unsure->len, &hit.dentry);
	if (err == -ENOMEM || err == -EINTR)
		return err;
	unsure->settled = true;
	unsure->visible = false;
	if (err)
		return 0;
	verdict = fuse_place_verdict(s->asker, s->place, &hit, unsure->name, unsure->len, true);
	unsure->visible = verdict < 0 || !(verdict & FUSE_FILTER_HIDE);
	unsure->d_type = fs_umode_to_dtype(d_inode(hit.dentry)->i_mode);
	dput(hit.dentry);
	return verdict < 0 ? min(judge_error(s), 0) : 0;
}

static int list_single(struct file *file, struct dir_context *ctx)
{
	struct dir_file *df = file->private_data;
	struct inode *inode = file_inode(file);
	struct fuse_asker asker;
	struct stream s = {
		.ctx.actor = stream_fill,
		.out = ctx,
		.asker = &asker,
		.place = &df->stack->at[0],
		.ino = view_ino(inode),
		.parent_ino = parent_ino(file),
	};
	int err = fuse_asker_init_listing(&asker, inode);

	if (err)
		return err;
	do {
		s.err = 0;
		s.caller = fuse_place_override(s.place);
		err = iterate_dir(df->real, &s.ctx);
		revert_creds(s.caller);
		ctx->pos = s.ctx.pos;
		if (!err && s.outdated)
			err = -EAGAIN;
		else if (!err && s.err == -EAGAIN)
			err = settle(&s);
		else if (!err)
			err = s.err;
	} while (!err && s.err);
	kfree(s.unsure);
	fuse_asker_done(&asker);
	return err;
}

/* Is it to be read in another way than when it was opened? */
static bool is_outdated(const struct dir_file *df, struct inode *inode)
{
	return df->stack != fuse_inode_stack(inode) ||
	       (df->real && df->stack->upper && is_single(inode, df->stack) != 1);
}

static int dir_iterate(struct file *file, struct dir_context *ctx)
{
	struct dir_file *df = file->private_data;
	struct inode *inode = file_inode(file);
	int err = fuse_view_gate_at(inode, FUSE_FILTER_READDIR, ctx->pos, 0);

	if (!err && fuse_view_is_governed(inode->i_sb))
		err = fuse_filter_access(file->f_path.dentry, FUSE_ACCESS(READ_DIR),
					 ctx->pos ? FUSE_FILTER_LISTED : 0);
	if (err)
		return err;
	/* A directory may have been hidden since it was opened. */
	do {
		err = fuse_dentry_check(file->f_path.dentry);
		if (!err && !ctx->pos && is_outdated(df, inode))
			err = attach(df, inode);
		if (!err)
			err = df->real ? list_single(file, ctx)
				       : fuse_merge_read(&df->merge, inode, ctx, view_ino(inode),
							 parent_ino(file));
	} while (err == -EAGAIN);
	return err;
}

static loff_t dir_llseek(struct file *file, loff_t offset, int whence)
{
	struct dir_file *df = file->private_data;
	loff_t pos;

	int err = fuse_view_gate_at(file_inode(file), FUSE_FILTER_LSEEK, offset, 0);

	if (err)
		return err;
	if (df->real) {
		df->real->f_pos = file->f_pos;
		pos = vfs_llseek(df->real, offset, whence);
		file->f_pos = df->real->f_pos;
		return pos;
	}
	if (whence == SEEK_CUR)
		offset += file->f_pos;
	else if (whence != SEEK_SET)
		return -EINVAL;
	return vfs_setpos(file, offset, S64_MAX);
}

/* What a lower layer holds doesn't change, so there is nothing to write back. */
static int dir_fsync(struct file *file, loff_t start, loff_t end, int datasync)
{
	struct inode *inode = file_inode(file);
	int err = fuse_view_gate(inode, FUSE_FILTER_FSYNC);
	const struct fuse_stack *stack = fuse_inode_stack(inode);
	const struct cred *old;
	struct file *real;

	if (err || !stack->upper)
		return err;
	old = fuse_place_override(&stack->at[0]);
	real = fuse_layer_open_dir(&stack->at[0], O_RDONLY);
	err = PTR_ERR_OR_ZERO(real);
	if (!err) {
		err = vfs_fsync_range(real, start, end, datasync);
		fput(real);
	}
	revert_creds(old);
	return err;
}

const struct file_operations fuse_view_dir_operations = {
	.open = dir_open,
	.release = dir_release,
	.read = generic_read_dir,
	.iterate_shared = dir_iterate,
	.llseek = dir_llseek,
	.fsync = dir_fsync,
	.unlocked_ioctl = fuse_view_dir_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};
