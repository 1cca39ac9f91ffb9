// SPDX-License-Identifier: GPL-2.0
/*
 * Upcalls: what a writable view asks its server. Who asks waits for the answer, but can be killed;
 * then the upcall is taken back if no server has read it, or goes on alone and takes over what was
 * held for it. fuse_upcalls.lock guards the list of those that are not answered, and what they and
 * who waits for them tell each other.
 */
#include <linux/namei.h>
#include <linux/pid_namespace.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "view.h"

/**
 * struct fuse_upcall - an upcall
 * @count: references: of the request, and of who waits
 * @view: the view
 * @args: of the request
 * @in: what is asked
 * @out: the answer
 * @buffer: that the path is in
 * @text: the second text, or NULL
 * @req: the request, for who waits
 * @all: in the list of upcalls
 * @wait: for who waits
 * @error: if there is no answer; set before @done
 * @done: it has ended
 * @left: nobody waits for it any more
 * @held: what it lets go at its end, if nobody waits
 */
struct fuse_upcall {
	refcount_t count;
	struct fuse_view *view;
	struct fuse_args args;
	struct fuse_upcall_in in;
	struct fuse_upcall_out out;
	char *buffer;
	char *text;
	struct fuse_req *req;
	struct list_head all;
	wait_queue_head_t wait;
	int error;
	bool done;
	bool left;
	struct inode *held[2];
};

/**
 * fuse_hold - be the only one who changes what an inode stands for, or its names
 * @inode: the inode
 *
 * Return: 0, or -EINTR if a fatal signal came.
 */
int fuse_hold(struct inode *inode)
{
	unsigned long *state = &get_fuse_inode(inode)->state;

	return wait_on_bit_lock(state, FUSE_I_CHANGING, TASK_KILLABLE) ? -EINTR : 0;
}

void fuse_unhold(struct inode *inode)
{
	clear_and_wake_up_bit(FUSE_I_CHANGING, &get_fuse_inode(inode)->state);
}

/* Waits until nobody holds an inode. */
int fuse_wait_held(struct inode *inode)
{
	unsigned long *state = &get_fuse_inode(inode)->state;

	return wait_on_bit(state, FUSE_I_CHANGING, TASK_KILLABLE) ? -EINTR : 0;
}

static void upcall_put(struct fuse_upcall *u)
{
	if (!refcount_dec_and_test(&u->count))
		return;
	kvfree(u->buffer);
	kfree(u->text);
	kfree(u);
}

static void let_go(struct fuse_upcall *u)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(u->held); i++) {
		if (!u->held[i])
			continue;
		fuse_unhold(u->held[i]);
		iput(u->held[i]);
	}
}

/* It was answered, taken back, or will never be answered. */
static void upcall_end(struct fuse_mount *fm, struct fuse_args *args, int error)
{
	struct fuse_upcall *u = container_of(args, struct fuse_upcall, args);
	struct fuse_upcalls *all = &u->view->upcalls;

	spin_lock(&all->lock);
	u->error = error;
	u->done = true;
	list_del(&u->all);
	all->waiting[u->in.kind]--;
	wake_up(&u->wait);
	if (list_empty(&all->list))
		wake_up_all(&all->none);
	spin_unlock(&all->lock);
	if (u->left)
		let_go(u);
	upcall_put(u);
}

/* The path of an object in the view, without a slash before it; in @u->buffer. */
static const char *write_path(struct fuse_upcall *u, struct dentry *entry)
{
	size_t size = PATH_MAX;
	char *path;

	for (;;) {
		u->buffer = kvmalloc(size, GFP_KERNEL_ACCOUNT);
		if (!u->buffer)
			return ERR_PTR(-ENOMEM);
		path = dentry_path_raw(entry, u->buffer, size);
		if (path != ERR_PTR(-ENAMETOOLONG) || size == FUSE_UPCALL_TEXT_MAX)
			return IS_ERR(path) ? path : path + 1;
		kvfree(u->buffer);
		u->buffer = NULL;
		size = FUSE_UPCALL_TEXT_MAX;
	}
}

/* Returns NULL, or an error. */
static const char *copy_text(struct fuse_upcall *u, const char *text)
{
	if (!text)
		return NULL;
	if (strlen(text) >= FUSE_UPCALL_TEXT_MAX)
		return ERR_PTR(-ENAMETOOLONG);
	u->text = kstrdup(text, GFP_KERNEL_ACCOUNT);
	return u->text ? NULL : ERR_PTR(-ENOMEM);
}

static void describe(struct fuse_upcall *u, const struct fuse_ask *ask, struct fuse_conn *fc)
{
	const struct inode *inode = d_inode(ask->entry);
	struct fuse_upcall_in *in = &u->in;

	in->kind = ask->kind;
	in->size = ask->size;
	in->mode = ask->mode;
	if (inode) {
		const struct fuse_layer *layer = fuse_inode_top(inode)->layer;

		in->tag = layer->tag;
		in->layer = layer->pos;
		in->mode = inode->i_mode & S_IFMT;
	}
	in->flags = S_ISDIR(in->mode) ? FUSE_UPCALL_DIR : 0;
	if (ask->kind == FUSE_UPCALL_MAKE) {
		in->rdev = new_encode_dev(ask->rdev);
		in->uid = from_kuid(fc->user_ns, ask->uid);
		in->gid = from_kgid(fc->user_ns, ask->gid);
		in->umask = current_umask();
	}
	in->pid = pid_nr_ns(task_pid(current), fc->pid_ns);
}

static void fill_args(struct fuse_upcall *u, const char *path)
{
	struct fuse_args *args = &u->args;

	u->in.path_len = strlen(path) + 1;
	u->in.text_len = u->text ? strlen(u->text) + 1 : 0;
	args->opcode = FUSE_UPCALL;
	args->in_numargs = u->text ? 3 : 2;
	args->in_args[0].size = sizeof(u->in);
	args->in_args[0].value = &u->in;
	args->in_args[1].size = u->in.path_len;
	args->in_args[1].value = path;
	args->in_args[2].size = u->in.text_len;
	args->in_args[2].value = u->text;
	args->out_numargs = 1;
	args->out_args[0].size = sizeof(u->out);
	args->out_args[0].value = &u->out;
	args->end = upcall_end;
}

static struct fuse_upcall *upcall_new(const struct fuse_ask *ask, struct fuse_conn *fc)
{
	struct fuse_upcall *u = kzalloc(sizeof(*u), GFP_KERNEL_ACCOUNT);
	const char *path;

	if (!u)
		return ERR_PTR(-ENOMEM);
	refcount_set(&u->count, 1);
	u->view = fc->view;
	init_waitqueue_head(&u->wait);
	path = write_path(u, ask->entry);
	if (!IS_ERR(path))
		path = copy_text(u, ask->text) ?: path;
	if (IS_ERR(path)) {
		upcall_put(u);
		return ERR_CAST(path);
	}
	describe(u, ask, fc);
	fill_args(u, path);
	return u;
}

static int upcall_send(struct fuse_upcall *u, struct fuse_mount *fm)
{
	struct fuse_upcalls *all = &u->view->upcalls;

	spin_lock(&all->lock);
	list_add_tail(&u->all, &all->list);
	all->waiting[u->in.kind]++;
	all->sent[u->in.kind]++;
	spin_unlock(&all->lock);
	refcount_inc(&u->count);
	u->req = fuse_upcall_send(fm, &u->args);
	if (u->req)
		return 0;
	upcall_end(fm, &u->args, -ENOMEM);
	return -ENOMEM;
}

/* How long to wait, in jiffies; @start is when waiting began. */
static long time_left(const struct fuse_view *view, unsigned long start)
{
	unsigned long since = READ_ONCE(view->upcalls.since);
	u64 wait = (u64)view->wait * HZ, waited;

	if (READ_ONCE(view->upcalls.served) || view->wait == FUSE_VIEW_WAIT_FOREVER)
		return MAX_SCHEDULE_TIMEOUT;
	waited = jiffies - (time_after(since, start) ? since : start);
	return waited < wait ? min_t(u64, wait - waited, MAX_SCHEDULE_TIMEOUT - 1) : 0;
}

/* Waits for the end. Returns 0, -EINTR, or -ETIMEDOUT if no server came in time. */
static int wait_for_end(struct fuse_upcall *u, unsigned long start)
{
	DEFINE_WAIT(wait);
	long left = 1;
	int ret = 0;

	for (;;) {
		prepare_to_wait(&u->wait, &wait, TASK_KILLABLE);
		if (READ_ONCE(u->done))
			break;
		ret = -EINTR;
		if (fatal_signal_pending(current))
			break;
		ret = -ETIMEDOUT;
		left = time_left(u->view, start);
		if (!left)
			break;
		ret = 0;
		schedule_timeout(left);
	}
	finish_wait(&u->wait, &wait);
	return ret;
}

/* Nobody waits any more. Returns false if it has ended, else it has taken over what is held. */
static bool leave(struct fuse_upcall *u, const struct fuse_ask *ask)
{
	struct fuse_upcalls *all = &u->view->upcalls;
	unsigned int i;
	bool ret;

	spin_lock(&all->lock);
	ret = !u->done;
	for (i = 0; i < ARRAY_SIZE(u->held) && ret; i++) {
		u->held[i] = ask->held[i];
		if (u->held[i])
			ihold(u->held[i]);
	}
	u->left = ret;
	spin_unlock(&all->lock);
	return ret;
}

static int answer_of(const struct fuse_upcall *u)
{
	switch (u->error) {
	case 0:
		if (u->out.answer == FUSE_UPCALL_DONE || u->out.answer == FUSE_UPCALL_RETRY)
			return u->out.answer;
		return -EIO;
	case -ECONNABORTED:
		return -ENOTCONN;
	case -ENOSYS:
		return -EOPNOTSUPP;
	case -ECHILD: /* means something else to who walks a path */
		return -EIO;
	default:
		return u->error;
	}
}

static int upcall_wait(struct fuse_upcall *u, struct fuse_ask *ask)
{
	int err = wait_for_end(u, ask->start);

	if (!err)
		return answer_of(u);
	if (fuse_upcall_recall(u->req))
		return err;
	ask->passed = leave(u, ask);
	return ask->passed ? err : answer_of(u);
}

/**
 * fuse_upcall - have the server do something, and wait until it has
 * @ask: what
 *
 * Context: fuse_view.paths is held. Nothing of the upper is.
 * Return: enum fuse_upcall_answer, or an error; -ETIMEDOUT if there is no server and none came,
 * -EINTR if a fatal signal came. Then what is held may be the upcall's: @ask->passed.
 */
int fuse_upcall(struct fuse_ask *ask)
{
	struct fuse_mount *fm = get_fuse_mount_super(ask->entry->d_sb);
	struct fuse_upcall *u = upcall_new(ask, fm->fc);
	int ret;

	if (IS_ERR(u))
		return PTR_ERR(u);
	ret = upcall_send(u, fm);
	if (!ret) {
		ret = upcall_wait(u, ask);
		fuse_upcall_put(u->req);
	}
	upcall_put(u);
	return ret;
}

/* A server came or went. */
void fuse_upcalls_wake(struct fuse_view *view)
{
	struct fuse_upcall *u;

	spin_lock(&view->upcalls.lock);
	list_for_each_entry(u, &view->upcalls.list, all)
		wake_up(&u->wait);
	spin_unlock(&view->upcalls.lock);
}

void fuse_upcalls_init(struct fuse_upcalls *all)
{
	spin_lock_init(&all->lock);
	INIT_LIST_HEAD(&all->list);
	init_waitqueue_head(&all->none);
}

/* Waits until no upcall is under way. Who holds fuse_view.paths alone starts no other. */
int fuse_upcalls_drain(struct fuse_view *view)
{
	return wait_event_killable(view->upcalls.none, list_empty_careful(&view->upcalls.list))
		       ? -EINTR
		       : 0;
}
