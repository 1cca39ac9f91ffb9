// SPDX-License-Identifier: GPL-2.0
/*
 * Listings: the names of a directory's lower parts, sorted out once. readdir gives them out, and
 * lookup takes from them which layers have a name, so that a lookup doesn't cost more with every
 * layer. What the upper has is not in them: it changes.
 *
 * The inode holds one listing, guarded by fuse_inode.mutex; open files hold references of their
 * own. Lookups read the inode's under RCU, and a grace period passes before it is replaced.
 */
#include <linux/fs.h>
#include <linux/slab.h>

#include "view.h"

/*
 * What making a listing costs, with the lookup of one name in one layer as the unit: opening a
 * directory is worth about four, and a unit buys eight names of 32 bytes in a directory.
 */
#define PRICE_OPEN     4
#define BYTES_FOR_UNIT 256
#define PRICE_NEVER    INT_MAX

static bool is_current(const struct inode *dir, const struct fuse_listing *listing)
{
	return listing && listing->epoch == READ_ONCE(fuse_inode_view(dir)->epoch);
}

/* Makes a new listing the directory's. Needs its fuse_inode.mutex. */
static int refresh(struct inode *dir)
{
	struct fuse_view_dir *vdir = &get_fuse_inode(dir)->vdir;
	struct fuse_listing *listing, *old;

	listing = fuse_listing_new(dir, false);
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
 * fuse_listing_get - the listing of a directory's lower parts
 * @dir: the directory; has some
 *
 * Makes it if there is none, or none of this epoch. What is on a remote file system may change, so
 * there everybody gets a new one.
 *
 * Return: a reference, or an error; -EINTR if a fatal signal came, -EAGAIN if the directory has to
 * be settled first.
 */
struct fuse_listing *fuse_listing_get(struct inode *dir)
{
	struct fuse_inode *fi = get_fuse_inode(dir);
	struct fuse_listing *listing;
	int err = 0;

	if (fuse_inode_stack(dir)->remote)
		return fuse_listing_new(dir, false);
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

/* @n is NULL for a name that no lower place has. */
static void describe(const struct fuse_name *n, unsigned int places, struct fuse_listed *ret)
{
	ret->said = n && n->said;
	ret->asks = n ? n->asks : 0;
	if (n)
		bitmap_copy(ret->where, n->where, places);
	else
		bitmap_zero(ret->where, places);
}

/**
 * fuse_listing_find - which lower places of a directory's stack have a name
 * @dir: the directory
 * @stack: its stack
 * @epoch: for which the answer is to hold
 * @name: the name
 * @ret: set on success
 *
 * Return: false if there is no listing to tell.
 */
bool fuse_listing_find(struct inode *dir, const struct fuse_stack *stack, unsigned long epoch,
		       const struct qstr *name, struct fuse_listed *ret)
{
	unsigned int nr = stack->nr - stack->upper;
	struct fuse_listing *listing;
	bool found;

	rcu_read_lock();
	listing = rcu_dereference(get_fuse_inode(dir)->vdir.listing);
	found = listing && listing->epoch == epoch && listing->places == nr;
	if (found)
		describe(fuse_listing_entry(listing, name), nr, ret);
	rcu_read_unlock();
	return found;
}

static int price(const struct fuse_stack *stack)
{
	u64 sum = 0;
	unsigned int i;

	for (i = stack->upper; i < stack->nr; i++)
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
