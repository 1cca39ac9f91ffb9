// SPDX-License-Identifier: GPL-2.0
/*
 * Search: a name is searched for down the stack of its directory, until an object that isn't a
 * directory, a whiteout or an opaque directory ends the search. Where the directory's listing is
 * at hand, only the layers that have the name are asked. Called with the i_rwsem of the directory
 * held, or by d_revalidate with the directory only referenced.
 */
#include <linux/namei.h>
#include <linux/slab.h>

#include "view.h"

struct search {
	struct fuse_asker *asker;
	const struct fuse_stack *dir;
	const struct qstr *name;
	const unsigned long *where; /* the places of @dir to ask; NULL for all */
	unsigned int asked;
};

static void found_init(struct fuse_found *found)
{
	found->places = found->few;
	found->nr = 0;
	found->room = ARRAY_SIZE(found->few);
}

/* The places' references stay with who took over the places. */
void fuse_found_free(struct fuse_found *found)
{
	if (found->places != found->few)
		kvfree(found->places);
}

void fuse_found_drop(struct fuse_found *found)
{
	fuse_places_put(found->places, found->nr);
	fuse_found_free(found);
}

/* Takes over the reference of @place. @most is how many places there can be. */
static int found_add(struct fuse_found *found, const struct fuse_place *place, unsigned int most)
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

/* The next place to ask from @i on; the number of places if there is none. */
static unsigned int next_place(const struct search *s, unsigned int i)
{
	return s->where ? find_next_bit(s->where, s->dir->nr, i) : min(i, s->dir->nr);
}

/* Returns 1 if the search ends here, 0 if it goes on, or an error. */
static int search_place(struct search *s, unsigned int i, struct fuse_found *found)
{
	bool last = next_place(s, i + 1) == s->dir->nr;
	struct fuse_place place = {.layer = s->dir->at[i].layer};
	int err, verdict;

	/* Whether there is a sibling takes a lookup, too. */
	s->asked += 1 + (s->asker->siblings && !last);
	err = fuse_layer_lookup(&s->dir->at[i], s->name->name, s->name->len, &place.dentry);
	if (err && err != -ENOENT)
		return err;
	/* Something else may remove the name, if a filter thinks so. */
	if (err && (last || !s->asker->siblings))
		return 0;

	verdict = fuse_place_verdict(s->asker, &s->dir->at[i], &place, s->name->name, s->name->len,
				     last);
	if (!place.dentry)
		return verdict < 0 ? verdict : !!(verdict & FUSE_FILTER_OPAQUE);
	if (verdict == FUSE_FILTER_PASS || verdict == FUSE_FILTER_OPAQUE) {
		bool is_dir = d_is_dir(place.dentry);

		/* What isn't a directory is not merged with the directories above it. */
		if (is_dir || !found->nr) {
			err = found_add(found, &place, s->dir->nr);
			if (err)
				return err;
			return !is_dir || verdict == FUSE_FILTER_OPAQUE;
		}
		verdict = FUSE_FILTER_WHITEOUT;
	}
	dput(place.dentry);
	if (verdict < 0)
		return verdict;
	return verdict == FUSE_FILTER_WHITEOUT;
}

/**
 * fuse_view_search - find the places of a name
 * @dir: where
 * @name: the name
 * @asker: ready to ask about names in @dir
 * @found: filled in; the caller drops it, or frees it when it has handed over the places
 *
 * Return: 0 or an error; then there is nothing to free.
 */
int fuse_view_search(struct inode *dir, const struct qstr *name, struct fuse_asker *asker,
		     struct fuse_found *found)
{
	DECLARE_BITMAP(where, FUSE_BPF_LAYERS_MAX);
	struct fuse_view *view = asker->view;
	struct search s = {.asker = asker, .dir = fuse_inode_stack(dir), .name = name};
	unsigned int i;
	int err;

	found_init(found);
	fuse_view_count(view, FUSE_COUNT_LOOKUPS);
	err = fuse_name_verdict(asker, name->name, name->len);
	if (err)
		return min(err, 0);
	if (s.dir->nr > 1 && fuse_listing_find(dir, asker->epoch, name, where))
		s.where = where;

	for (i = next_place(&s, 0); i < s.dir->nr && !err; i = next_place(&s, i + 1))
		err = search_place(&s, i, found);
	this_cpu_add(view->counters->n[FUSE_COUNT_LAYER_LOOKUPS], s.asked);
	if (err < 0) {
		fuse_found_drop(found);
		return err;
	}
	if (s.dir->nr > 1 && !s.where)
		fuse_listing_consider(dir, s.asked);
	return 0;
}
