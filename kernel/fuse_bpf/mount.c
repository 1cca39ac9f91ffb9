// SPDX-License-Identifier: GPL-2.0
/*
 * Views as mounts: the options that make one without a server, and what the mount says of itself.
 */
#include <linux/file.h>
#include <linux/fs_context.h>
#include <linux/fs_parser.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/statfs.h>
#include <uapi/linux/magic.h>

#include "view.h"

/* When fs/fuse is loaded. */
int fuse_view_init(void)
{
	return fuse_filters_init();
}

bool fuse_view_marks_valid(u32 marks)
{
	return !marks || marks == FUSE_VIEW_MARKS_TRUSTED || marks == FUSE_VIEW_MARKS_USER;
}

static const char *marks_name(u32 marks)
{
	if (!marks)
		return "none";
	return marks == FUSE_VIEW_MARKS_TRUSTED ? "trusted" : "user";
}

/* The view that a mount will have; owned by the context until the mount has it. */
static struct fuse_view *context_view(struct fuse_fs_context *ctx)
{
	if (!ctx->view)
		ctx->view = fuse_view_new();
	return ctx->view;
}

static int add_layer(struct fs_context *fsc, struct fuse_view *view, struct file *file)
{
	struct fuse_layer *layer;
	int err;

	err = fuse_layer_new(file, NULL, fsc->user_ns, FILESYSTEM_MAX_STACK_DEPTH, false, 0,
			     &layer);
	if (err)
		return err;
	err = fuse_view_add(view, layer);
	if (err < 0)
		fuse_layers_free(&layer, 1);
	return min(err, 0);
}

/**
 * fuse_view_opt_root_dir - the option root_dir: a layer, below those given before
 * @fsc: context of a mount in the making
 * @param: the parameter; has the file if it was given by FSCONFIG_SET_FD
 * @fd: the file's number otherwise
 *
 * Return: 0, or the error documented with FUSE_BPF_IOC_LAYER_ADD.
 */
int fuse_view_opt_root_dir(struct fs_context *fsc, struct fs_parameter *param, int fd)
{
	struct fuse_view *view = context_view(fsc->fs_private);
	struct file *file;
	int err;

	if (!view)
		return -ENOMEM;
	if (param->type == fs_value_is_file)
		file = get_file(param->file);
	else
		file = fget_raw(fd);
	if (!file)
		return -EBADF;
	err = add_layer(fsc, view, file);
	fput(file);
	if (err)
		errorfc(fsc, "root_dir: can't be a layer (error %d)", -err);
	return err;
}

/* The option marks: how the layers say what is removed. */
int fuse_view_opt_marks(struct fs_context *fsc, const char *value)
{
	struct fuse_fs_context *ctx = fsc->fs_private;
	u32 marks;

	if (!strcmp(value, "none"))
		marks = 0;
	else if (!strcmp(value, "trusted"))
		marks = FUSE_VIEW_MARKS_TRUSTED;
	else if (!strcmp(value, "user"))
		marks = FUSE_VIEW_MARKS_USER;
	else
		return invalfc(fsc, "marks: neither none, trusted nor user");
	ctx->marks = marks;
	return 0;
}

/**
 * fuse_view_opt_filter - the options filter and filter_link: one more filter
 * @fsc: context of a mount in the making
 * @id: the filter's name, or NULL
 * @fd: number of its link, if there is no name
 *
 * Return: 0, or the error documented with FUSE_BPF_IOC_FILTER_ADD.
 */
int fuse_view_opt_filter(struct fs_context *fsc, const char *id, int fd)
{
	struct fuse_fs_context *ctx = fsc->fs_private;
	struct fuse_view *view = context_view(ctx);
	int err;

	if (!view)
		return -ENOMEM;
	err = fuse_view_add_filter(view, id, fd, ctx->cookie);
	if (err)
		errorfc(fsc, "filter %s: can't be used (error %d)", id ?: "by link", -err);
	return err;
}

/* The option cookie: what the filters given after it know the view by. */
int fuse_view_opt_cookie(struct fs_context *fsc, const char *value)
{
	struct fuse_fs_context *ctx = fsc->fs_private;

	if (kstrtou64(value, 0, &ctx->cookie))
		return invalfc(fsc, "cookie: no number");
	return 0;
}

/*
 * Without a server there is nobody to send a request to, and nothing in a view sends one. Should
 * that be wrong it is answered at once, and seen in the count of requests.
 */
static void refuse_request(struct fuse_iqueue *fiq, struct fuse_req *req)
{
	WARN_ON_ONCE(1);
	req->in.h.unique = fuse_get_unique(fiq);
	req->out.h.error = -ENOTCONN;
	clear_bit(FR_PENDING, &req->flags);
	fuse_request_end(req);
}

static void refuse_forget(struct fuse_iqueue *fiq, struct fuse_forget_link *forget)
{
	kfree(forget);
}

static void refuse_interrupt(struct fuse_iqueue *fiq, struct fuse_req *req)
{
}

static const struct fuse_iqueue_ops no_server_ops = {
	.send_forget = refuse_forget,
	.send_interrupt = refuse_interrupt,
	.send_req = refuse_request,
};

/* Owner of the connection: who mounts, if the options don't say. */
static void default_options(struct fs_context *fsc, struct fuse_fs_context *ctx)
{
	ctx->rootmode = S_IFDIR;
	if (!ctx->user_id_present)
		ctx->user_id = fsc->cred->euid;
	if (!ctx->group_id_present)
		ctx->group_id = fsc->cred->egid;
	ctx->default_permissions = true;
}

static int deepest(const struct fuse_view *view)
{
	unsigned int i;
	int depth = 0;

	for (i = 0; i < view->nr; i++)
		depth = max(depth, view->layers[i]->mnt->mnt_sb->s_stack_depth);
	return depth;
}

static int set_all(struct fuse_view *view, struct super_block *sb, u32 marks)
{
	struct fuse_bpf_view_set arg = {.nr = view->nr, .flags = marks};
	u32 *ids = kvmalloc_array(arg.nr, sizeof(*ids), GFP_KERNEL);
	unsigned int i;
	int err;

	if (!ids)
		return -ENOMEM;
	for (i = 0; i < arg.nr; i++)
		ids[i] = i + 1;
	err = fuse_view_set(view, sb, ids, &arg);
	kvfree(ids);
	return err;
}

/**
 * fuse_view_fill_super - make the superblock of a view without a server
 * @sb: new
 * @fsc: its context, with the layers
 *
 * Return: 0 or an error; then kill_sb frees what was made.
 */
int fuse_view_fill_super(struct super_block *sb, struct fs_context *fsc)
{
	struct fuse_fs_context *ctx = fsc->fs_private;
	struct fuse_conn *fc = get_fuse_conn_super(sb);
	int err;

	if (!ctx->view || ctx->fd_present)
		return invalfc(fsc, "no_daemon needs root_dir, and no fd");
	fc->view = ctx->view;
	ctx->view = NULL;
	fc->iq.ops = &no_server_ops;
	fc->max_stack_depth = deepest(fc->view) + 1;
	sb->s_stack_depth = fc->max_stack_depth;
	default_options(fsc, ctx);
	err = fuse_fill_super_common(sb, ctx);
	if (err)
		return err;
	fuse_set_initialized(fc);
	return set_all(fc->view, sb, ctx->marks);
}

/* Drops what the context of a mount that was not made has. */
void fuse_view_drop_context(struct fuse_fs_context *ctx)
{
	if (!ctx->view)
		return;
	fuse_view_close(ctx->view);
	fuse_view_free(ctx->view);
}

/* A view without an upper is read-only for good. */
int fuse_view_reconfigure(struct fs_context *fsc)
{
	struct super_block *sb = fsc->root->d_sb;
	struct fuse_view *view = get_fuse_conn_super(sb)->view;

	if (!view || view->state != FUSE_VIEW_SET || !(fsc->sb_flags_mask & SB_RDONLY))
		return 0;
	if (!view->upper)
		return fsc->sb_flags & SB_RDONLY ? 0 : -EROFS;
	/* Nothing more will be written; what was is not to be lost. */
	return fsc->sb_flags & SB_RDONLY && !sb_rdonly(sb) ? fuse_view_sync_fs(sb, 1) : 0;
}

void fuse_view_show_options(struct seq_file *m, struct dentry *root)
{
	const struct fuse_stack *stack = fuse_inode_stack(d_inode(root));
	const struct fuse_view *view;
	unsigned int i;
	const char *id;

	if (!stack)
		return;
	view = fuse_inode_view(d_inode(root));
	seq_printf(m, ",layers=%u,marks=%s", stack->nr, marks_name(view->marks));
	for (i = 0; i < view->nr_filters; i++) {
		fuse_filter_show(&view->filters[i], &id);
		seq_show_option(m, "filter", id);
	}
}

/* The file system of the topmost layer, under the name of FUSE. */
int fuse_view_statfs(struct dentry *dentry, struct kstatfs *buf)
{
	struct super_block *sb = dentry->d_sb;
	struct inode *root = d_inode(sb->s_root);
	struct path path = fuse_place_path(fuse_inode_top(root));
	int err = fuse_view_gate(root, FUSE_FILTER_STATFS);

	if (err)
		return err;
	err = vfs_statfs(&path, buf);
	if (err)
		return err;
	buf->f_type = FUSE_SUPER_MAGIC;
	buf->f_namelen = fuse_inode_view(root)->namelen;
	buf->f_fsid = u64_to_fsid(huge_encode_dev(sb->s_dev));
	return 0;
}
