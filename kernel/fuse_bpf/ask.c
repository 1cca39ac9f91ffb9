// SPDX-License-Identifier: GPL-2.0
/*
 * Asking filters. What they answer is checked here, and nowhere else is a filter's word taken. All
 * filters are asked in the order of the view; the first error is the answer, else the answers are
 * added up: each bit of a verdict takes something away.
 */
#include <linux/bpf.h>
#include <linux/fs.h>

#include "view.h"
#include "registry.h"

typedef int (*callback_t)(struct fuse_filter_ctx *ctx);

static callback_t callback_of(const struct fuse_filter_ops *ops, u32 op)
{
	switch (op) {
	case FUSE_FILTER_LOOKUP:
		return ops->name;
	case FUSE_FILTER_ENTRY:
		return ops->entry;
	case FUSE_FILTER_OPEN:
	case FUSE_FILTER_OPENDIR:
		return ops->open;
	case FUSE_FILTER_ATTR:
		return ops->attr;
	case FUSE_FILTER_ACCESS:
		return ops->access;
	default:
		return ops->ops & BIT_ULL(op) ? ops->gate : NULL;
	}
}

/* Errors that only a refused access may have. */
static bool is_refusal(int verdict)
{
	switch (verdict) {
	case -EBUSY:
	case -EDQUOT:
	case -ENODEV:
	case -ENOSPC:
	case -ENXIO:
	case -EOPNOTSUPP:
	case -ETXTBSY:
	case -EXDEV:
		return true;
	default:
		return false;
	}
}

static bool allowed(u32 op, int verdict)
{
	switch (verdict) {
	case FUSE_FILTER_PASS:
	case -ENOENT:
	case -EACCES:
	case -EPERM:
	case -EIO:
	case -EROFS:
		return true;
	case FUSE_FILTER_HIDE:
		return op <= FUSE_FILTER_ENTRY || op == FUSE_FILTER_GETXATTR ||
		       op == FUSE_FILTER_LISTXATTR;
	case FUSE_FILTER_OPAQUE:
	case FUSE_FILTER_WHITEOUT:
		return op == FUSE_FILTER_ENTRY;
	default:
		return op == FUSE_FILTER_ACCESS && is_refusal(verdict);
	}
}

static int check(struct fuse_view *view, const struct fuse_filter_ops *ops, u32 op, int verdict)
{
	if (ops->flags & FUSE_FILTER_WATCHES)
		return FUSE_FILTER_PASS;
	if (allowed(op, verdict))
		return verdict;
	fuse_view_count(view, FUSE_COUNT_REFUSED);
	return -EIO;
}

/* What is said to filter call->which alone. False if that is nothing that it wants to hear. */
static bool tell(struct fuse_call *call)
{
	struct fuse_filter_ctx *ctx = &call->ctx;
	const struct fuse_told *told;

	ctx->state = call->states ? call->states[call->which] : 0;
	ctx->from = call->from ? call->from[call->which] : 0;
	if (!call->told)
		return true;
	told = &call->told[call->which];
	/* A layer that has no such name is only of interest to who asked for siblings. */
	if (ctx->op == FUSE_FILTER_ENTRY && !ctx->mode && !told->flags)
		return false;
	ctx->flags = told->flags;
	memcpy(ctx->marks, told->marks, sizeof(ctx->marks));
	return true;
}

/*
 * The view's data for a question about a name. Returns whether they are those that the directory's
 * state comes from. If they are not, the epoch is about to end.
 */
static bool take_data(const struct fuse_view *view, struct fuse_call *call)
{
	call->data = NULL;
	if (call->ctx.op != FUSE_FILTER_LOOKUP && call->ctx.op != FUSE_FILTER_ACCESS)
		return true;
	call->data = rcu_dereference(view->data);
	return !call->data || (long)(call->data->since - call->epoch) <= 0;
}

/* @named: it is about a name, so each filter may be told something else. */
static __always_inline int ask_one(struct fuse_view *view, struct fuse_call *call, bool named)
{
	const struct fuse_view_filter *vf = &view->filters[call->which];
	const struct fuse_filter_ops *ops = rcu_dereference(vf->filter->ops);
	callback_t callback;
	int verdict;

	/* Detached: what it would have hidden must stay so. */
	if (unlikely(!ops)) {
		/* Pairs with close_view(). */
		smp_rmb();
		return -EIO;
	}
	callback = callback_of(ops, call->ctx.op);
	if (unlikely(!callback))
		return FUSE_FILTER_PASS;
	call->ctx.cookie = vf->cookie;
	if (named && !tell(call))
		return FUSE_FILTER_PASS;
	fuse_view_count(view, FUSE_COUNT_ASKED);
	verdict = callback(&call->ctx);
	return likely(!verdict) ? FUSE_FILTER_PASS : check(view, ops, call->ctx.op, verdict);
}

static __always_inline int ask(struct fuse_view *view, u8 whom, struct fuse_call *call, bool named)
{
	int verdict = FUSE_FILTER_PASS, one = 0;

	call->ctx.view = view->dev;
	call->ctx.layers = view->shown;
	rcu_read_lock();
	if (named && unlikely(!take_data(view, call))) {
		if (call->ctx.op == FUSE_FILTER_ACCESS) {
			rcu_read_unlock();
			return -EAGAIN;
		}
		*call->asks = FUSE_ACCESS_ALL;
	}
	for (; whom && one >= 0; whom &= whom - 1) {
		call->which = __ffs(whom);
		one = ask_one(view, call, named);
		verdict |= one;
	}
	rcu_read_unlock();
	return one < 0 ? one : verdict;
}

/**
 * fuse_filter_ask - ask filters of a view about a name, or about attributes
 * @view: the view
 * @whom: which, a bit for each
 * @call: about what
 *
 * Return: enum fuse_filter_verdict, or one of the errors that a filter may give; -EAGAIN if an
 * access has to be asked about with newer states.
 */
int fuse_filter_ask(struct fuse_view *view, u8 whom, struct fuse_call *call)
{
	return ask(view, whom, call, true);
}

static void describe(struct fuse_filter_ctx *ctx, const struct inode *inode)
{
	fuse_ctx_describe(ctx, inode);
	ctx->rdev = new_encode_dev(inode->i_rdev);
}

/**
 * fuse_filter_gate - ask about an operation
 * @inode: of what
 * @op: which
 * @name: of an extended attribute, or NULL
 * @pos: where in the file
 * @len: how much of it
 *
 * Return: as fuse_filter_ask().
 */
int fuse_filter_gate(struct inode *inode, enum fuse_filter_op op, const char *name, loff_t pos,
		     size_t len)
{
	struct fuse_view *view = fuse_inode_view(inode);
	struct fuse_call call = {
		.ctx.op = op,
		.ctx.pos = pos,
		.ctx.len = len,
		.name = name,
	};

	if (name) {
		call.ctx.name_len = strlen(name);
		memcpy(&call.ctx.head, name, min_t(u32, call.ctx.name_len, sizeof(call.ctx.head)));
	}
	describe(&call.ctx, inode);
	return ask(view, fuse_filter_wanted(view, op), &call, false);
}

/* May the file be opened? */
int fuse_filter_open(struct inode *inode, const struct file *file)
{
	struct fuse_view *view = fuse_inode_view(inode);
	struct fuse_call call = {
		.ctx.op = FUSE_FILTER_OPEN,
		.ctx.open_flags = file->f_flags & ~__FMODE_EXEC,
	};

	if (S_ISDIR(inode->i_mode))
		call.ctx.op = FUSE_FILTER_OPENDIR;
	if (file->f_flags & __FMODE_EXEC)
		call.ctx.flags = FUSE_FILTER_EXEC;
	describe(&call.ctx, inode);
	return ask(view, fuse_filter_wanted(view, call.ctx.op), &call, false);
}
