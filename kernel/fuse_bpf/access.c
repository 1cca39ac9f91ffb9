// SPDX-License-Identifier: GPL-2.0
/*
 * Asking filters about what a process is about to do with what has a name. For each name they have
 * said which accesses they want to be asked about; that is kept with its dentry, so what nobody
 * governs costs one test. The question takes one step from what they said of the directory, so it
 * needs nothing of the name's own that could be out of date.
 *
 * -EAGAIN, which doesn't leave this file but for listings, means that the view has got other data
 * than those that the directory's states come from.
 */
#include <linux/fs.h>
#include <linux/slab.h>

#include "view.h"

/**
 * struct question - what is asked about an object by one of its names
 * @accesses: a bit for each
 * @flags: FUSE_FILTER_*
 * @ret_states: if not NULL: where filters may say what they have to know when it gets another name
 * @from: with COMES: what they have said then
 * @mode: with COMES: of what comes
 * @epoch: of what was asked, set by asking
 */
struct question {
	u32 accesses;
	u32 flags;
	u64 *ret_states;
	const u64 *from;
	umode_t mode;
	unsigned long epoch;
};

/* @inode may be NULL: nothing has the name. @dir is only for filters that want to know the path. */
static int ask_about(struct fuse_asker *asker, struct dentry *dir, const struct qstr *name,
		     const struct inode *inode, struct question *q)
{
	u8 whom = asker->access;
	struct fuse_call *call;

	q->epoch = asker->epoch;
	/* Who has nothing to say of the directory may have of what comes there. */
	if (q->from)
		whom = fuse_filter_wanted(asker->view, FUSE_FILTER_ACCESS);
	if (!whom || (!q->accesses && !q->ret_states && !q->from))
		return 0;
	call = fuse_asker_call(asker, FUSE_FILTER_ACCESS, name->name, name->len);
	call->ctx.flags = q->flags;
	call->ctx.access = q->accesses;
	call->ctx.mode = 0;
	call->ctx.rdev = 0;
	call->ctx.tag = 0;
	call->ctx.layer = 0;
	call->ctx.ino = 0;
	if (inode)
		fuse_ctx_describe(&call->ctx, inode);
	if (q->from)
		call->ctx.mode = q->mode;
	call->next = q->ret_states;
	call->from = q->from;
	call->dir = dir;
	call->told = NULL;
	return fuse_filter_ask(asker->view, whom, call);
}

static int ask_root(struct dentry *root, struct question *q)
{
	const struct qstr none = QSTR_INIT("", 0);
	struct fuse_asker asker;
	int err;

	err = fuse_begin_asking(&asker, root);
	if (err)
		return err;
	q->flags |= FUSE_FILTER_ROOT;
	err = ask_about(&asker, root, &none, d_inode(root), q);
	fuse_asker_done(&asker);
	return err;
}

static int ask_in(struct dentry *dir, const struct qstr *name, const struct inode *inode,
		  struct question *q)
{
	struct fuse_asker asker;
	int err;

	err = fuse_begin_asking(&asker, dir);
	if (err)
		return err;
	err = ask_about(&asker, dir, name, inode, q);
	fuse_asker_done(&asker);
	return err;
}

/* Where a dentry is, and its name there: both of one time. The caller puts the two. */
static struct dentry *take_place(struct dentry *entry, struct name_snapshot *name)
{
	struct dentry *parent;
	unsigned int seq;

	for (;;) {
		seq = read_seqcount_begin(&entry->d_seq);
		parent = dget_parent(entry);
		take_dentry_name_snapshot(name, entry);
		if (!read_seqcount_retry(&entry->d_seq, seq))
			return parent;
		release_dentry_name_snapshot(name);
		dput(parent);
	}
}

static int ask_once(struct dentry *entry, struct question *q)
{
	const struct fuse_view *view = get_fuse_conn_super(entry->d_sb)->view;
	struct name_snapshot name;
	struct dentry *parent;
	int err;

	/* What is known of a name of another epoch doesn't count: then all is asked about. */
	if (IS_ROOT(entry) || fuse_entry_is_of(entry, READ_ONCE(view->epoch)))
		q->accesses &= fuse_entry_asks(entry);
	if (!q->accesses && !q->ret_states && !q->from)
		return 0;
	if (IS_ROOT(entry))
		return ask_root(entry, q);
	if (fuse_entry_flags(entry) & FUSE_ENTRY_UNNAMED)
		q->flags |= FUSE_FILTER_UNNAMED;
	parent = take_place(entry, &name);
	err = ask_in(parent, &name.name, d_inode(entry), q);
	release_dentry_name_snapshot(&name);
	dput(parent);
	return err;
}

/**
 * fuse_filter_access - may a process do something with what has a name?
 * @entry: the name; also one that nothing has yet
 * @accesses: a bit for each enum fuse_filter_access
 * @flags: FUSE_FILTER_LISTED or 0
 *
 * Context: anything may be locked in the view, nothing in its layers.
 * Return: 0 or an error.
 */
int fuse_filter_access(struct dentry *entry, u32 accesses, u32 flags)
{
	struct question q;
	int err;

	do {
		q = (struct question){.accesses = accesses, .flags = flags};
		err = ask_once(entry, &q);
	} while (err == -EAGAIN);
	return err;
}

/**
 * fuse_filter_access_unnamed - the same for a file without a name that is to be made
 * @dir: the directory that it is made in
 * @accesses: as above
 *
 * Return: as above.
 */
int fuse_filter_access_unnamed(struct dentry *dir, u32 accesses)
{
	const struct qstr none = QSTR_INIT("", 0);
	struct question q;
	int err;

	do {
		q = (struct question){.accesses = accesses, .flags = FUSE_FILTER_UNNAMED};
		err = ask_in(dir, &none, NULL, &q);
	} while (err == -EAGAIN);
	return err;
}

/**
 * fuse_filter_access_other_name - may a process give an object another name?
 * @old: the name that it has
 * @new: the name that it is to have; its directory is locked
 * @leaves: accesses to ask about with the old name, a bit for each
 *
 * Return: as above.
 */
int fuse_filter_access_other_name(struct dentry *old, struct dentry *new, u32 leaves)
{
	u32 comes = FUSE_ACCESS(REFER) | fuse_access_make(d_inode(old)->i_mode);
	u64 states[FUSE_FILTERS_MAX];
	struct question from, to;
	int err;

	do {
		memset(states, 0, sizeof(states));
		from = (struct question){.accesses = leaves, .ret_states = states};
		err = ask_once(old, &from);
		if (err)
			continue;
		to = (struct question){
			.accesses = comes,
			.flags = FUSE_FILTER_COMES,
			.from = states,
			.mode = d_inode(old)->i_mode,
		};
		err = ask_once(new, &to);
		/* What was said of the one name must mean the same for the other. */
		if (!err && from.epoch != to.epoch)
			err = -EAGAIN;
	} while (err == -EAGAIN);
	return err;
}

/**
 * fuse_name_listed - is a name to be seen by who lists its directory?
 * @asker: who asks about the names of the directory
 * @name: one that filters want to be asked about; not terminated
 * @len: its length
 *
 * Return: 1 or 0, or -EAGAIN if the directory must be settled first.
 */
int fuse_name_listed(struct fuse_asker *asker, const char *name, unsigned int len)
{
	const struct qstr text = QSTR_INIT(name, len);
	struct question q = {.accesses = FUSE_ACCESS(SEE), .flags = FUSE_FILTER_LISTED};
	int err = ask_about(asker, NULL, &text, NULL, &q);

	return err == -EAGAIN ? err : !err;
}
