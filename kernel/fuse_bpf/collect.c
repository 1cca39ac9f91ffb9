// SPDX-License-Identifier: GPL-2.0
/*
 * Making a listing: the directories of a stack, or the one of them that is in the upper, are read,
 * the topmost first, and each name is entered once, with the places that have it. Verdicts on the
 * names of a directory are asked for when it was read, since they may take lookups in it, and its
 * lock is free again.
 */
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/jhash.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "view.h"

#define FIRST_ROOM 32 /* names; a power of two */

/* While a listing is made. */
struct build {
	struct dir_context ctx;
	struct fuse_listing *listing;
	struct fuse_asker *asker;
	const struct fuse_place *place; /* the directory that is read */
	unsigned int pos;		/* its place in the stack */
	bool last;			/* nothing is below it */
	unsigned int calls;
	struct fuse_name *pending; /* names that were found in it */
	int err;
};

static u32 name_hash(const char *name, unsigned int len)
{
	return jhash(name, len, 0);
}

static struct fuse_name *find(const struct fuse_listing *listing, const char *name,
			      unsigned int len, u32 hash)
{
	struct fuse_name *n;

	if (!listing->nr)
		return NULL;
	for (n = listing->buckets[hash & (listing->room - 1)]; n; n = n->next) {
		if (n->hash == hash && n->len == len &&
		    !memcmp(fuse_name_text(listing, n), name, len))
			return n;
	}
	return NULL;
}

/* The entry of a name in a listing, or NULL. */
struct fuse_name *fuse_listing_entry(const struct fuse_listing *listing, const struct qstr *name)
{
	return find(listing, name->name, name->len, name_hash(name->name, name->len));
}

static void link_name(struct fuse_listing *listing, struct fuse_name *n)
{
	struct fuse_name **bucket = &listing->buckets[n->hash & (listing->room - 1)];

	n->next = *bucket;
	*bucket = n;
}

/* Doubles the room for names, and spreads those there are over as many buckets. */
static int grow(struct fuse_listing *listing)
{
	u32 i, room = listing->room ? listing->room * 2 : FIRST_ROOM;
	struct fuse_name **names, **buckets;

	names = kvmalloc_array(room, sizeof(*names), GFP_KERNEL_ACCOUNT);
	buckets = kvcalloc(room, sizeof(*buckets), GFP_KERNEL_ACCOUNT);
	if (!names || !buckets) {
		kvfree(names);
		kvfree(buckets);
		return -ENOMEM;
	}
	if (listing->nr)
		memcpy(names, listing->names, listing->nr * sizeof(*names));
	kvfree(listing->names);
	kvfree(listing->buckets);
	listing->names = names;
	listing->buckets = buckets;
	listing->room = room;
	for (i = 0; i < listing->nr; i++)
		link_name(listing, names[i]);
	return 0;
}

static struct fuse_name *add(struct fuse_listing *listing, const char *name, unsigned int len,
			     u32 hash)
{
	size_t size = offsetof(struct fuse_name, where) + listing->longs * sizeof(long) + len;
	struct fuse_name *n;

	if (listing->nr == listing->room && grow(listing))
		return NULL;
	n = kzalloc(size, GFP_KERNEL_ACCOUNT);
	if (!n)
		return NULL;
	n->hash = hash;
	n->len = len;
	memcpy(fuse_name_text(listing, n), name, len);
	listing->names[listing->nr++] = n;
	link_name(listing, n);
	return n;
}

/* Enters what the directory that is read has under a name. */
static void enter(struct build *b, struct fuse_name *n, int verdict, unsigned int d_type)
{
	if (verdict == FUSE_FILTER_HIDE)
		return;
	n->closed = verdict != FUSE_FILTER_PASS || (n->present && d_type != DT_DIR);
	/* What isn't a directory is not merged with the directories above it. */
	if (!n->present || verdict == FUSE_FILTER_WHITEOUT ||
	    (verdict >= 0 && n->visible && d_type != DT_DIR))
		return;
	/* Where the verdict is an error, lookup will ask for it again, and return it. */
	__set_bit(b->pos, n->where);
	if (n->visible || (verdict < 0 && d_type == DT_UNKNOWN))
		return;
	n->visible = true;
	n->type = d_type;
	n->ino = fuse_layer_ino(b->place->layer, n->raw_ino);
}

static bool is_dot_or_dotdot(const char *name, int len)
{
	return name[0] == '.' && (len == 1 || (len == 2 && name[1] == '.'));
}

/* The entry of a name; NULL without memory. It is among the pending ones unless it is closed. */
static struct fuse_name *queue_name(struct build *b, const char *name, unsigned int len)
{
	u32 hash = name_hash(name, len);
	struct fuse_name *n = find(b->listing, name, len, hash) ?: add(b->listing, name, len, hash);

	if (n && !n->closed && !n->queued) {
		n->queued = true;
		n->present = false;
		n->sibling = false;
		n->pending = b->pending;
		b->pending = n;
	}
	return n;
}

static int fill_name(struct build *b, const char *name, int len, u64 ino, unsigned int d_type)
{
	u8 siblings = b->last ? 0 : b->asker->siblings;
	struct fuse_name *n = queue_name(b, name, len);
	unsigned int skip;

	if (!n)
		return -ENOMEM;
	if (n->queued) {
		n->present = true;
		n->raw_ino = ino;
		n->raw_type = d_type;
	}
	for (; siblings; siblings &= siblings - 1) {
		skip = fuse_sibling_of(b->asker->wants[__ffs(siblings)], name, len);
		if (!skip)
			continue;
		n = queue_name(b, name + skip, len - skip);
		if (!n)
			return -ENOMEM;
		n->sibling = true;
	}
	return 0;
}

static bool fill(struct dir_context *ctx, const char *name, int len, loff_t offset, u64 ino,
		 unsigned int d_type)
{
	struct build *b = container_of(ctx, struct build, ctx);

	if (!(++b->calls & 0xff) && fatal_signal_pending(current))
		b->err = -EINTR;
	else if (!is_dot_or_dotdot(name, len) && len <= NAME_MAX)
		b->err = fill_name(b, name, len, ino, d_type);
	return !b->err;
}

/* Where entries alone say too little. */
static int look_up(struct build *b, struct fuse_name *n)
{
	struct fuse_place hit = {.layer = b->place->layer};
	const char *name = fuse_name_text(b->listing, n);
	int err, verdict;

	err = fuse_layer_lookup(b->place, name, n->len, &hit.dentry);
	if (err == -ENOMEM || err == -EINTR)
		return err;
	n->present = err != -ENOENT;
	if (err && err != -ENOENT) {
		enter(b, n, err, DT_UNKNOWN);
		return 0;
	}
	verdict = fuse_place_verdict(b->asker, b->place, &hit, name, n->len, b->last);
	if (!hit.dentry) {
		enter(b, n, verdict, DT_UNKNOWN);
		return 0;
	}
	enter(b, n, verdict, fs_umode_to_dtype(d_inode(hit.dentry)->i_mode));
	dput(hit.dentry);
	return 0;
}

static int settle_name(struct build *b, struct fuse_name *n)
{
	struct fuse_fact fact = {
		.layer = b->place->layer,
		.name = fuse_name_text(b->listing, n),
		.len = n->len,
		.type = fuse_dtype_mode(n->raw_type),
	};

	if (n->sibling || fuse_verdict_needs_lookup(b->asker, n->raw_type, b->last))
		return look_up(b, n);
	enter(b, n, fuse_verdict(b->asker, &fact), n->raw_type);
	return 0;
}

/* Gets the verdicts on the names of a directory, now that it isn't locked any more. */
static int settle_names(struct build *b)
{
	struct fuse_name *n;
	int err = 0;

	while (b->pending && !err) {
		n = b->pending;
		b->pending = n->pending;
		n->queued = false;
		err = settle_name(b, n);
		if (!(++b->calls & 0xff) && fatal_signal_pending(current))
			err = -EINTR;
	}
	return err;
}

static int read_names(struct build *b)
{
	const struct cred *old = fuse_place_override(b->place);
	struct file *file = fuse_layer_open_dir(b->place, O_RDONLY);
	int err = PTR_ERR_OR_ZERO(file);
	unsigned int before;

	if (!err) {
		b->ctx.pos = 0;
		do {
			before = b->calls;
			err = iterate_dir(file, &b->ctx) ?: b->err;
		} while (!err && b->calls != before);
		fput(file);
	}
	revert_creds(old);
	return err ?: settle_names(b);
}

static void listing_free(struct fuse_listing *listing)
{
	u32 i;

	for (i = 0; i < listing->nr; i++) {
		kfree(listing->names[i]);
		cond_resched();
	}
	kvfree(listing->names);
	kvfree(listing->buckets);
	kfree(listing);
}

void fuse_listing_put(struct fuse_listing *listing)
{
	if (listing && refcount_dec_and_test(&listing->count))
		listing_free(listing);
}

static void hide_name(struct build *b, struct fuse_name *n)
{
	int verdict = fuse_name_verdict(b->asker, fuse_name_text(b->listing, n), n->len);

	n->visible = verdict != FUSE_FILTER_HIDE;
	n->governed = n->visible && b->asker->asks & FUSE_ACCESS(SEE);
	/* Of a directory they say more than can be kept. */
	n->said = verdict == FUSE_FILTER_PASS && n->type != DT_DIR;
	n->asks = b->asker->asks;
}

/* Takes out what filters hide whatever layers have it, and notes what they may hide from some. */
static void hide_names(struct build *b)
{
	u32 i;

	if (!b->asker->names)
		return;
	for (i = 0; i < b->listing->nr; i++) {
		if (b->listing->names[i]->visible)
			hide_name(b, b->listing->names[i]);
		cond_resched();
	}
}

/* Reads the places of the stack from @first on, up to @end. */
static int read_all(struct build *b, const struct fuse_stack *stack, unsigned int first,
		    unsigned int end)
{
	int err = 0;

	b->listing->places = end - first;
	b->listing->longs = BITS_TO_LONGS(end - first);
	for (b->pos = 0; first + b->pos < end && !err; b->pos++) {
		b->place = &stack->at[first + b->pos];
		b->last = first + b->pos + 1 == stack->nr;
		err = read_names(b);
	}
	return err;
}

/**
 * fuse_listing_new - sort out the names of a directory
 * @dir: the directory
 * @upper: those of its part in the upper, which it has; else those of its lower parts
 *
 * Return: a listing, or an error; -EAGAIN if the directory has to be settled first.
 */
struct fuse_listing *fuse_listing_new(struct inode *dir, bool upper)
{
	const struct fuse_stack *stack = fuse_inode_stack(dir);
	struct fuse_listing *listing;
	struct fuse_asker asker;
	struct build b = {.ctx.actor = fill, .asker = &asker};
	int err = fuse_asker_init_listing(&asker, dir);

	if (err)
		return ERR_PTR(err);
	listing = kzalloc(sizeof(*listing), GFP_KERNEL_ACCOUNT);
	if (!listing) {
		fuse_asker_done(&asker);
		return ERR_PTR(-ENOMEM);
	}
	refcount_set(&listing->count, 1);
	listing->epoch = asker.epoch;
	b.listing = listing;
	if (upper)
		err = read_all(&b, stack, 0, 1);
	else
		err = read_all(&b, stack, stack->upper, stack->nr);
	if (!err)
		hide_names(&b);
	/* Filters that went meanwhile hid nothing. */
	if (!err)
		err = fuse_view_alive(dir);
	fuse_asker_done(&asker);
	if (err) {
		listing_free(listing);
		return ERR_PTR(err);
	}
	fuse_view_count(asker.view, FUSE_COUNT_LISTINGS);
	return listing;
}
