// SPDX-License-Identifier: GPL-2.0
/*
 * Listings: the names of a merged directory, sorted out once. readdir gives them out, and lookup
 * takes from them which layers have a name, so that a lookup doesn't cost more with every layer.
 *
 * The inode holds one listing, guarded by fuse_inode.mutex; open files hold references of their
 * own. Lookups read the inode's under RCU, and a grace period passes before it is replaced.
 */
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/jhash.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "view.h"

/*
 * What making a listing costs, with the lookup of one name in one layer as the unit: opening a
 * directory is worth about four, and a unit buys eight names of 32 bytes in a directory.
 */
#define PRICE_OPEN     4
#define BYTES_FOR_UNIT 256
#define PRICE_NEVER    INT_MAX

#define FIRST_ROOM 32 /* names; a power of two */

/* While a listing is made. */
struct build {
	struct dir_context ctx;
	struct fuse_listing *listing;
	const struct fuse_view *view;
	const struct fuse_place *place; /* the directory that is read */
	unsigned int pos;		/* its place in the stack */
	unsigned int calls;
	struct fuse_name *unsure; /* names whose type alone says too little */
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
static void enter(struct build *b, struct fuse_name *n, int verdict, unsigned int d_type, u64 ino)
{
	if (verdict == FUSE_HIDE)
		return;
	n->closed = verdict != FUSE_PASS || d_type != DT_DIR;
	/* What isn't a directory is not merged with the directories above it. */
	if (verdict == FUSE_WHITEOUT || (verdict >= 0 && n->visible && d_type != DT_DIR))
		return;
	/* Where the verdict is an error, lookup will ask for it again, and return it. */
	__set_bit(b->pos, n->where);
	if (verdict < 0 || n->visible)
		return;
	n->visible = true;
	n->type = d_type;
	n->ino = fuse_layer_ino(b->place->layer, ino);
}

static bool is_dot_or_dotdot(const char *name, int len)
{
	return name[0] == '.' && (len == 1 || (len == 2 && name[1] == '.'));
}

static int fill_name(struct build *b, const char *name, int len, u64 ino, unsigned int d_type)
{
	u32 hash = name_hash(name, len);
	struct fuse_name *n = find(b->listing, name, len, hash) ?: add(b->listing, name, len, hash);
	struct fuse_fact fact = {
		.layer = b->place->layer,
		.name = name,
		.len = len,
		.type = fuse_dtype_mode(d_type),
	};

	if (!n)
		return -ENOMEM;
	if (n->closed)
		return 0;
	if (!fuse_verdict_needs_lookup(b->view, d_type)) {
		enter(b, n, fuse_verdict(b->view, &fact), d_type, ino);
		return 0;
	}
	if (!n->queued) {
		n->queued = true;
		n->raw_ino = ino;
		n->unsure = b->unsure;
		b->unsure = n;
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

/* Looks up the names that the directory's entries left open, now that it isn't locked any more. */
static int settle_unsure(struct build *b)
{
	struct fuse_place hit = {.layer = b->place->layer};
	struct fuse_name *n;
	int err, verdict;

	while (b->unsure) {
		n = b->unsure;
		b->unsure = n->unsure;
		n->queued = false;
		err = fuse_layer_lookup(b->place, fuse_name_text(b->listing, n), n->len,
					&hit.dentry);
		if (err == -ENOENT)
			continue;
		if (err == -ENOMEM || err == -EINTR)
			return err;
		if (err) {
			enter(b, n, err, DT_UNKNOWN, 0);
			continue;
		}
		verdict = fuse_place_verdict(b->view, &hit, fuse_name_text(b->listing, n), n->len,
					     true);
		enter(b, n, verdict, fs_umode_to_dtype(d_inode(hit.dentry)->i_mode), n->raw_ino);
		dput(hit.dentry);
	}
	return 0;
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
	return err ?: settle_unsure(b);
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

static struct fuse_listing *listing_new(struct inode *dir)
{
	struct fuse_view *view = fuse_inode_view(dir);
	struct fuse_stack *stack = fuse_inode_stack(dir);
	struct fuse_listing *listing = kzalloc(sizeof(*listing), GFP_KERNEL_ACCOUNT);
	struct build b = {.ctx.actor = fill, .view = view, .listing = listing};
	int err;

	if (!listing)
		return ERR_PTR(-ENOMEM);
	refcount_set(&listing->count, 1);
	listing->epoch = READ_ONCE(view->epoch);
	listing->longs = BITS_TO_LONGS(stack->nr);
	for (b.pos = 0; b.pos < stack->nr; b.pos++) {
		b.place = &stack->at[b.pos];
		err = read_names(&b);
		if (err) {
			listing_free(listing);
			return ERR_PTR(err);
		}
	}
	fuse_view_count(view, FUSE_COUNT_LISTINGS);
	return listing;
}

static bool is_current(const struct inode *dir, const struct fuse_listing *listing)
{
	return listing && listing->epoch == READ_ONCE(fuse_inode_view(dir)->epoch);
}

/* Makes a new listing the directory's. Needs its fuse_inode.mutex. */
static int refresh(struct inode *dir)
{
	struct fuse_view_dir *vdir = &get_fuse_inode(dir)->vdir;
	struct fuse_listing *listing, *old;

	listing = listing_new(dir);
	if (IS_ERR(listing))
		return PTR_ERR(listing);
	old = rcu_replace_pointer(vdir->listing, listing,
				  lockdep_is_held(&get_fuse_inode(dir)->mutex));
	if (old) {
		synchronize_rcu();
		fuse_listing_put(old);
	}
	return 0;
}

/**
 * fuse_listing_get - the listing of a merged directory
 * @dir: the directory
 *
 * Makes it if there is none, or none of this epoch. What is on a remote file system may change, so
 * there everybody gets a new one.
 *
 * Return: a reference, or an error; -EINTR if a fatal signal came.
 */
struct fuse_listing *fuse_listing_get(struct inode *dir)
{
	struct fuse_inode *fi = get_fuse_inode(dir);
	struct fuse_listing *listing;
	int err = 0;

	if (fuse_inode_stack(dir)->remote)
		return listing_new(dir);
	if (mutex_lock_killable(&fi->mutex))
		return ERR_PTR(-EINTR);
	listing = rcu_dereference_protected(fi->vdir.listing, lockdep_is_held(&fi->mutex));
	if (!is_current(dir, listing)) {
		err = refresh(dir);
		listing = rcu_dereference_protected(fi->vdir.listing, lockdep_is_held(&fi->mutex));
	}
	if (!err)
		refcount_inc(&listing->count);
	mutex_unlock(&fi->mutex);
	return err ? ERR_PTR(err) : listing;
}

/**
 * fuse_listing_find - which places of a directory's stack have a name
 * @dir: the directory
 * @name: the name
 * @where: bitmap with a bit for each place; set on success, all zero if none has the name
 *
 * Return: false if there is no listing to tell.
 */
bool fuse_listing_find(struct inode *dir, const struct qstr *name, unsigned long *where)
{
	struct fuse_listing *listing;
	struct fuse_name *n;
	bool ret;

	rcu_read_lock();
	listing = rcu_dereference(get_fuse_inode(dir)->vdir.listing);
	ret = is_current(dir, listing);
	if (ret) {
		unsigned int nr = fuse_inode_stack(dir)->nr;

		n = find(listing, name->name, name->len, name_hash(name->name, name->len));
		if (n)
			bitmap_copy(where, n->where, nr);
		else
			bitmap_zero(where, nr);
	}
	rcu_read_unlock();
	return ret;
}

static int price(const struct fuse_stack *stack)
{
	u64 sum = 0;
	unsigned int i;

	for (i = 0; i < stack->nr; i++)
		sum += PRICE_OPEN + i_size_read(d_inode(stack->at[i].dentry)) / BYTES_FOR_UNIT;
	return min_t(u64, sum, PRICE_NEVER - 1);
}

/**
 * fuse_listing_consider - account for a lookup that had no listing, and make one if it pays
 * @dir: the directory
 * @asked: layers that were asked
 *
 * A listing pays when as much was spent without it as it costs: whatever follows, this is never
 * more than twice the price of the best choice.
 */
void fuse_listing_consider(struct inode *dir, unsigned int asked)
{
	struct fuse_inode *fi = get_fuse_inode(dir);
	struct fuse_view_dir *vdir = &fi->vdir;

	if (fuse_inode_stack(dir)->remote)
		return;
	if (!READ_ONCE(vdir->price))
		WRITE_ONCE(vdir->price, price(fuse_inode_stack(dir)));
	if (atomic_add_return(asked, &vdir->spent) < READ_ONCE(vdir->price))
		return;
	/* If another makes it, there is no need to wait. */
	if (!mutex_trylock(&fi->mutex))
		return;
	if (!is_current(dir, rcu_access_pointer(vdir->listing)) && refresh(dir))
		WRITE_ONCE(vdir->price, PRICE_NEVER);
	atomic_set(&vdir->spent, 0);
	mutex_unlock(&fi->mutex);
}
