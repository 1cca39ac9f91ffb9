// SPDX-License-Identifier: GPL-2.0
/*
 * Verdicts: is what a layer has under a name shown, hidden, or does it remove the name? Facts are
 * collected in one place for lookup and for readdir, so that the two can't disagree, and the
 * verdict is asked for in one function. It is given by the view's marks, which read the layers as
 * overlayfs does, and by its filters.
 */
#include <linux/fs.h>
#include <linux/xattr.h>

#include "view.h"

#define OPAQUE "opaque"

static int ask_about_name(struct fuse_asker *asker, u8 whom, const char *name, unsigned int len)
{
	struct fuse_call *call;

	if (!whom)
		return FUSE_FILTER_PASS;
	call = fuse_asker_call(asker, FUSE_FILTER_LOOKUP, name, len);
	call->ctx.mode = 0;
	call->ctx.rdev = 0;
	call->ctx.tag = 0;
	call->ctx.layer = 0;
	call->next = asker->next;
	call->asks = &asker->asks;
	call->told = NULL;
	return fuse_filter_ask(asker->view, whom, call);
}

/**
 * fuse_name_verdict - the filters' verdict on a name, whatever layers have it
 * @asker: who asks; @asker->next and @asker->asks are set
 * @name: the name; not terminated
 * @len: its length
 *
 * Return: PASS, HIDE, or an error for who looks the name up.
 */
int fuse_name_verdict(struct fuse_asker *asker, const char *name, unsigned int len)
{
	if (asker->names) {
		memset(asker->next, 0, sizeof(asker->next));
		asker->asks = 0;
	}
	return ask_about_name(asker, asker->names, name, len);
}

/**
 * fuse_name_recall - the same for a name that filters have passed in this epoch
 * @asker: who asks; @asker->asks is set, @asker->next is not
 * @name: the name; not terminated
 * @len: its length
 * @asks: accesses that they want to be asked about
 *
 * Only who watches, and so isn't asked for a listing, is asked.
 *
 * Return: PASS, or what the view was closed with.
 */
int fuse_name_recall(struct fuse_asker *asker, const char *name, unsigned int len, u32 asks)
{
	u8 watching = READ_ONCE(asker->view->listeners.watching);
	int verdict = ask_about_name(asker, asker->names & watching, name, len);

	asker->asks = asks;
	return verdict;
}

/* Is there a fact that the filter asked for? See FUSE_FILTER_BY_FACTS. */
static bool has_fact(const struct fuse_asker *asker, unsigned int which,
		     const struct fuse_fact *fact)
{
	const struct fuse_wants *wants = fuse_wants_of(asker, which);

	/* It only just made the promise. */
	if (!wants)
		return true;
	if (fact->told &&
	    (fact->told[which].flags || memchr_inv(fact->told[which].marks, 0, FUSE_FILTER_MARKS)))
		return true;
	if (wants->facts & FUSE_FILTER_WANT_RDEV && (S_ISCHR(fact->type) || S_ISBLK(fact->type)))
		return true;
	if (fuse_is_sibling(wants, fact->name, fact->len))
		return true;
	return wants->child_len && wants->child_len == fact->len &&
	       !memcmp(fact->name, wants->child, fact->len);
}

/* The filters that have something to say of what a layer has. */
static u8 concerned_ones(const struct fuse_asker *asker, const struct fuse_fact *fact)
{
	u8 whom = asker->entries, check = asker->entries & asker->factual;

	for (; check; check &= check - 1) {
		if (!has_fact(asker, __ffs(check), fact))
			whom &= ~(check & -check);
	}
	return whom;
}

static int ask_filters(struct fuse_asker *asker, u8 whom, const struct fuse_fact *fact)
{
	struct fuse_call *call = fuse_asker_call(asker, FUSE_FILTER_ENTRY, fact->name, fact->len);

	call->ctx.mode = fact->type;
	/* Without having asked for it, a listing wouldn't know it. */
	call->ctx.rdev = fact->rdev && asker->rdev ? new_encode_dev(fact->rdev) : 0;
	call->ctx.tag = fact->layer->tag;
	call->ctx.layer = fact->layer->pos;
	call->next = NULL;
	call->told = fact->told;
	return fuse_filter_ask(asker->view, whom, call);
}

/* Is a device 0:0 a whiteout, and are there opaque directories, whatever filters say? */
static bool has_marks(const struct fuse_view *view, const struct fuse_layer *layer)
{
	return view->marks || layer->upper;
}

static int ask_marks(const struct fuse_view *view, const struct fuse_fact *fact)
{
	if (!has_marks(view, fact->layer))
		return FUSE_FILTER_PASS;
	if (S_ISCHR(fact->type) && fact->rdev == WHITEOUT_DEV)
		return FUSE_FILTER_WHITEOUT;
	return fact->opaque ? FUSE_FILTER_OPAQUE : FUSE_FILTER_PASS;
}

/**
 * fuse_verdict - the verdict on one name in one layer
 * @asker: who asks
 * @fact: what is known
 *
 * Return: enum fuse_filter_verdict, or an error for who looks the name up.
 */
int fuse_verdict(struct fuse_asker *asker, const struct fuse_fact *fact)
{
	int verdict = ask_marks(asker->view, fact), filters;
	u8 whom = asker->entries ? concerned_ones(asker, fact) : 0;

	if (!whom)
		return verdict;
	filters = ask_filters(asker, whom, fact);
	return filters < 0 ? filters : verdict | filters;
}

/**
 * fuse_verdict_needs_lookup - can readdir not know enough of a name for a verdict, or its caller?
 * @asker: who asks
 * @d_type: type of the entry
 * @last: nothing further down can have the name
 *
 * Return: true if it must be looked up.
 */
bool fuse_verdict_needs_lookup(const struct fuse_asker *asker, unsigned int d_type, bool last)
{
	switch (d_type) {
	case DT_UNKNOWN:
		return true;
	case DT_CHR:
		return asker->view->marks || asker->view->upper || asker->rdev;
	case DT_BLK:
		return asker->rdev;
	case DT_DIR:
		return !last && asker->inside;
	default:
		return false;
	}
}

/* Returns 1, 0, or an error: what can't be asked must not pass for a directory without the mark. */
static int is_opaque(const struct fuse_view *view, const struct fuse_place *place)
{
	const char *name = view->marks & FUSE_VIEW_MARKS_TRUSTED
				   ? XATTR_TRUSTED_PREFIX "overlay." OPAQUE
				   : XATTR_USER_PREFIX "overlay." OPAQUE;
	char value;
	int len = fuse_place_getxattr(place, place->layer->upper ? view->opaque : name, &value, 1);

	if (len == 1)
		return value == 'y';
	if (len >= 0 || len == -ENODATA || len == -EOPNOTSUPP || len == -ERANGE)
		return 0;
	return len;
}

static int tell_mark(const struct fuse_place *place, const char *name, u8 *ret_mark)
{
	char value;
	int len = fuse_place_getxattr(place, name, &value, 1);

	if (len == 1)
		*ret_mark = value ? value : 0xff;
	else if (len >= 0 || len == -ERANGE)
		*ret_mark = 0xff;
	else if (len != -ENODATA && len != -EOPNOTSUPP)
		return len;
	return 0;
}

/* Is there such a name? Returns 1, 0 or an error. */
static int has_name(const struct fuse_place *dir, const char *name, unsigned int len)
{
	struct dentry *dentry;
	int err;

	err = fuse_layer_lookup(dir, name, len, &dentry);
	if (err)
		return err == -ENOENT ? 0 : err;
	dput(dentry);
	return 1;
}

static int has_sibling(const struct fuse_place *dir, const char *prefix, unsigned int n,
		       const char *name, unsigned int len)
{
	char text[FUSE_FILTER_WORD_LEN + NAME_MAX];

	/* A longer name can't be. */
	if (n + len > NAME_MAX)
		return 0;
	memcpy(text, prefix, n);
	memcpy(text + n, name, len);
	return has_name(dir, text, n + len);
}

/* What one filter wants to be told; @place has no dentry if the layer has no such name. */
static int tell(const struct fuse_wants *wants, const struct fuse_place *dir,
		const struct fuse_place *place, const struct fuse_fact *fact,
		struct fuse_told *told)
{
	int i, has, err;

	if (wants->sibling_len) {
		has = has_sibling(dir, wants->sibling, wants->sibling_len, fact->name, fact->len);
		if (has < 0)
			return has;
		told->flags |= has ? FUSE_FILTER_HAS_SIBLING : 0;
	}
	if (!S_ISDIR(fact->type))
		return 0;
	if (wants->child_len) {
		has = has_name(place, wants->child, wants->child_len);
		if (has < 0)
			return has;
		told->flags |= has ? FUSE_FILTER_HAS_CHILD : 0;
	}
	for (i = 0; i < FUSE_FILTER_MARKS; i++) {
		err = wants->marks[i][0] ? tell_mark(place, wants->marks[i], &told->marks[i]) : 0;
		if (err)
			return err;
	}
	return 0;
}

static int tell_all(struct fuse_asker *asker, const struct fuse_place *dir,
		    const struct fuse_place *place, struct fuse_fact *fact, struct fuse_told *told,
		    bool *ret_any)
{
	unsigned int i;
	int err;

	for (i = 0; i < asker->view->nr_filters; i++) {
		const struct fuse_wants *wants = fuse_wants_of(asker, i);

		memset(&told[i], 0, sizeof(told[i]));
		err = wants ? tell(wants, dir, place, fact, &told[i]) : 0;
		if (err)
			return err;
		*ret_any |= told[i].flags;
	}
	return 0;
}

/**
 * fuse_place_verdict - collect the facts about what a layer has, and get the verdict
 * @asker: who asks
 * @dir: the directory in the layer
 * @place: what was found there; without a dentry if nothing was
 * @name: under which name; not terminated
 * @len: its length
 * @last: nothing further down can have the name, so it doesn't matter what would be hidden there
 *
 * Return: as fuse_verdict(); PASS if nothing was found, and nothing removes the name.
 */
int fuse_place_verdict(struct fuse_asker *asker, const struct fuse_place *dir,
		       const struct fuse_place *place, const char *name, unsigned int len,
		       bool last)
{
	const struct inode *inode = place->dentry ? d_inode(place->dentry) : NULL;
	struct fuse_view *view = asker->view;
	struct fuse_fact fact = {.layer = place->layer, .name = name, .len = len};
	struct fuse_told told[FUSE_FILTERS_MAX];
	bool any = false;
	int err;

	if (inode) {
		fact.type = inode->i_mode & S_IFMT;
		if (has_marks(view, place->layer) || asker->rdev)
			fact.rdev = inode->i_rdev;
	}
	if (has_marks(view, place->layer) && S_ISDIR(fact.type) && !last) {
		int opaque = is_opaque(view, place);

		if (opaque < 0)
			return opaque;
		fact.opaque = opaque;
	}
	if (asker->facts && !last) {
		err = tell_all(asker, dir, place, &fact, told, &any);
		if (err)
			return err;
		fact.told = told;
	}
	if (!inode && !any)
		return FUSE_FILTER_PASS;
	return fuse_verdict(asker, &fact);
}
