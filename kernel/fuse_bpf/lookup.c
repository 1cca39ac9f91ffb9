// SPDX-License-Identifier: GPL-2.0
/*
 * Lookup: a name is searched for down the stack of its directory, until an object that isn't a
 * directory, a whiteout or an opaque directory ends the search. Where the directory's listing is
 * at hand, only the layers that have the name are asked. Called with the i_rwsem of the directory
 * held, or from d_revalidate with the directory only referenced.
 */
#include <linux/namei.h>
#include <linux/slab.h>

#include "view.h"

/* The places that a search has found. */
struct found {
	struct fuse_place *places;
	unsigned int nr;
	unsigned int room;
	struct fuse_place few[FUSE_PLACES_ON_STACK];
};

struct search {
	const struct fuse_view *view;
	const struct fuse_stack *dir;
	const struct qstr *name;
	const unsigned long *where; /* the places of @dir to ask; NULL for all */
	unsigned int asked;
};

static void found_init(struct found *found)
{
	found->places = found->few;
	found->nr = 0;
	found->room = ARRAY_SIZE(found->few);
}

/* The places' references stay with who took over the places. */
static void found_free(struct found *found)
{
	if (found->places != found->few)
		kvfree(found->places);
}

static void found_drop(struct found *found)
{
	fuse_places_put(found->places, found->nr);
	found_free(found);
}

/* Takes over the reference of @place. @most is how many places there can be. */
static int found_add(struct found *found, const struct fuse_place *place, unsigned int most)
{
	struct fuse_place *more;

	if (found->nr == found->room) {
		more = kvmalloc_array(most, sizeof(*more), GFP_KERNEL);
		if (!more) {
			dput(place->dentry);
			return -ENOMEM;
		}
		memcpy(more, found->places, found->nr * sizeof(*more));
		found->places = more;
		found->room = most;
	}
	found->places[found->nr++] = *place;
	return 0;
}

/* What would have been refused as a layer, see layer.c, but was only met on the way. */
static bool is_strange(const struct fuse_layer *layer, const struct dentry *dentry)
{
	unsigned int strange =
		DCACHE_OP_HASH | DCACHE_OP_COMPARE | DCACHE_NEED_AUTOMOUNT | DCACHE_MANAGE_TRANSIT;

	if (!layer->remote)
		strange |= DCACHE_OP_REVALIDATE | DCACHE_OP_WEAK_REVALIDATE;
	return dentry->d_flags & strange || IS_ENCRYPTED(d_inode(dentry));
}

/**
 * fuse_layer_lookup - look up a name in one directory of one layer
 * @dir: the directory
 * @name: the name; need not be terminated
 * @len: its length
 * @ret_dentry: the positive dentry; the caller drops it
 *
 * Return: 0, -ENOENT if there is no such name or there can be none, or another error.
 * Context: may sleep; takes the i_rwsem of @dir.
 */
int fuse_layer_lookup(const struct fuse_place *dir, const char *name, unsigned int len,
		      struct dentry **ret_dentry)
{
	const struct cred *old = fuse_place_override(dir);
	struct dentry *dentry;

	dentry = lookup_one_unlocked(mnt_idmap(dir->layer->mnt), name, dir->dentry, len);
	revert_creds(old);
	if (IS_ERR(dentry))
		return PTR_ERR(dentry) == -ENAMETOOLONG ? -ENOENT : PTR_ERR(dentry);
	/* Pairs with __d_set_inode_and_type(): what isn't negative has its inode. */
	if (d_flags_negative(smp_load_acquire(&dentry->d_flags))) {
		dput(dentry);
		return -ENOENT;
	}
	if (is_strange(dir->layer, dentry)) {
		dput(dentry);
		return -EREMOTE;
	}
	*ret_dentry = dentry;
	return 0;
}

/* The next place to ask from @i on; the number of places if there is none. */
static unsigned int next_place(const struct search *s, unsigned int i)
{
	return s->where ? find_next_bit(s->where, s->dir->nr, i) : min(i, s->dir->nr);
}

/* Returns 1 if the search ends here, 0 if it goes on, or an error. */
static int search_place(struct search *s, unsigned int i, struct found *found)
{
	bool last = next_place(s, i + 1) == s->dir->nr;
	struct fuse_place place = {.layer = s->dir->at[i].layer};
	int err, verdict;

	s->asked++;
	err = fuse_layer_lookup(&s->dir->at[i], s->name->name, s->name->len, &place.dentry);
	if (err)
		return err == -ENOENT ? 0 : err;

	verdict = fuse_place_verdict(s->view, &place, s->name->name, s->name->len, last);
	if (verdict == FUSE_PASS || verdict == FUSE_OPAQUE) {
		bool is_dir = d_is_dir(place.dentry);

		/* What isn't a directory is not merged with the directories above it. */
		if (is_dir || !found->nr) {
			err = found_add(found, &place, s->dir->nr);
			if (err)
				return err;
			return !is_dir || verdict == FUSE_OPAQUE;
		}
		verdict = FUSE_WHITEOUT;
	}
	dput(place.dentry);
	if (verdict < 0)
		return verdict;
	return verdict == FUSE_WHITEOUT;
}

/* Finds the places of a name; none means that the name doesn't exist. */
static int search(struct inode *dir, const struct qstr *name, struct found *found)
{
	DECLARE_BITMAP(where, FUSE_BPF_LAYERS_MAX);
	struct fuse_view *view = fuse_inode_view(dir);
	struct search s = {.view = view, .dir = fuse_inode_stack(dir), .name = name};
	unsigned int i;
	int err = 0;

	found_init(found);
	fuse_view_count(view, FUSE_COUNT_LOOKUPS);
	if (s.dir->nr > 1 && fuse_listing_find(dir, name, where))
		s.where = where;

	for (i = next_place(&s, 0); i < s.dir->nr && !err; i = next_place(&s, i + 1))
		err = search_place(&s, i, found);
	this_cpu_add(view->counters->n[FUSE_COUNT_LAYER_LOOKUPS], s.asked);
	if (err < 0) {
		found_drop(found);
		return err;
	}
	if (s.dir->nr > 1 && !s.where)
		fuse_listing_consider(dir, s.asked);
	return 0;
}

/**
 * fuse_view_lookup - inode_operations.lookup of a view's directories
 * @dir: where
 * @entry: the name
 * @flags: not used: the answer is the same for all
 *
 * Return: NULL or another dentry as for d_splice_alias(), or an error. A name that doesn't exist
 * leaves a negative dentry.
 */
struct dentry *fuse_view_lookup(struct inode *dir, struct dentry *entry, unsigned int flags)
{
	/* Read before the search: what changes meanwhile makes the result stale. */
	unsigned long epoch = READ_ONCE(fuse_inode_view(dir)->epoch);
	struct inode *inode = NULL;
	struct dentry *other;
	struct found found;
	int err;

	err = fuse_view_alive(dir);
	if (err)
		return ERR_PTR(err);
	if (entry->d_name.len > fuse_inode_view(dir)->namelen)
		return ERR_PTR(-ENAMETOOLONG);

	err = search(dir, &entry->d_name, &found);
	if (err)
		return ERR_PTR(err);
	if (found.nr)
		inode = fuse_view_iget(dir->i_sb, found.places, found.nr);
	found_free(&found);

	entry->d_time = epoch;
	other = d_splice_alias(inode, entry);
	if (!IS_ERR_OR_NULL(other))
		other->d_time = epoch;
	return other;
}

/* Does the name still mean what the dentry says? */
static int search_again(struct dentry *entry, struct inode *dir)
{
	unsigned long epoch = READ_ONCE(fuse_inode_view(dir)->epoch);
	struct inode *inode = d_inode(entry);
	struct name_snapshot name;
	struct found found;
	int err;

	take_dentry_name_snapshot(&name, entry);
	err = search(dir, &name.name, &found);
	release_dentry_name_snapshot(&name);
	if (err)
		return err == -ENOMEM || err == -EINTR ? err : 0;

	if (inode)
		err = fuse_places_same(fuse_inode_stack(inode), found.places, found.nr);
	else
		err = !found.nr;
	found_drop(&found);
	if (err)
		entry->d_time = epoch;
	return err;
}

static int revalidate(struct dentry *entry, unsigned int flags)
{
	const struct fuse_view *view = get_fuse_conn_super(entry->d_sb)->view;
	struct dentry *parent;
	int ret;

	if (!view->remote && entry->d_time == READ_ONCE(view->epoch))
		return 1;
	if (flags & LOOKUP_RCU)
		return -ECHILD;

	parent = dget_parent(entry);
	ret = search_again(entry, d_inode(parent));
	dput(parent);
	return ret;
}

/* Whom the kernel asks for the inode that is mapped: uprobes, IMA. */
static struct dentry *real_dentry(struct dentry *entry, enum d_real_type type)
{
	struct inode *inode = d_inode(entry);

	if (!inode || !S_ISREG(inode->i_mode))
		return entry;
	return d_real(fuse_inode_top(inode)->dentry, type);
}

/* While nothing can change, no name needs a second look. */
const struct dentry_operations fuse_view_dentry_operations = {
	.d_real = real_dentry,
};

const struct dentry_operations fuse_view_checked_dentry_operations = {
	.d_revalidate = revalidate,
	.d_real = real_dentry,
};
