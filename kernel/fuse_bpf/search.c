// SPDX-License-Identifier: GPL-2.0
/*
 * Search: a name is searched for down the stack of its directory, until an object that isn't a
 * directory, a whiteout or an opaque directory ends the search. Where the listing of the
 * directory's lower parts is at hand, only the layers that have the name are asked; the upper
 * always is. Called with the i_rwsem of the directory held, or by d_revalidate with the directory
 * only referenced.
 */
#include <linux/namei.h>
#include <linux/slab.h>

#include "view.h"

struct search {
	struct fuse_asker *asker;
	const struct fuse_stack *dir;
	const struct qstr *name;
	const struct fuse_listed *listed; /* NULL if there is no listing: all places are asked */
	unsigned int asked;
	bool hidden;
};

static void found_init(struct fuse_found *found)
{
	found->places = found->few;
	found->nr = 0;
	found->room = ARRAY_SIZE(found->few);
	found->in_upper = false;
	found->hidden = false;
	found->numbered = false;
	found->ino = 0;
	found->lower_nlink = 0;
	found->link = NULL;
}

/**
 * fuse_found_one - as if a place had been found
 * @found: filled in; the caller drops it
 * @place: in the upper; the caller's reference is taken over
 */
void fuse_found_one(struct fuse_found *found, const struct fuse_place *place)
{
	found_init(found);
	found->places[0] = *place;
	found->nr = 1;
	found->in_upper = true;
}

void fuse_found_drop(struct fuse_found *found)
{
	fuse_places_put(found->places, found->nr);
	if (found->places != found->few)
		kvfree(found->places);
	kfree(found->link);
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
	unsigned int upper = s->dir->upper;

	if (!s->listed || i < upper)
		return min(i, s->dir->nr);
	return upper + find_next_bit(s->listed->where, s->dir->nr - upper, i - upper);
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
	s->hidden |= verdict == FUSE_FILTER_HIDE;
	return verdict == FUSE_FILTER_WHITEOUT;
}

/* Asks the places of the stack from @first on. */
static int search_places(struct search *s, unsigned int first, struct fuse_found *found)
{
	unsigned int i;
	int err = 0;

	for (i = next_place(s, first); i < s->dir->nr && !err; i = next_place(s, i + 1))
		err = search_place(s, i, found);
	this_cpu_add(s->asker->view->counters->n[FUSE_COUNT_LAYER_LOOKUPS], s->asked);
	found->hidden = s->hidden;
	return min(err, 0);
}

static void init_search(struct search *s, struct inode *dir, const struct qstr *name,
			struct fuse_asker *asker, struct fuse_listed *listed)
{
	*s = (struct search){.asker = asker, .dir = fuse_inode_stack(dir), .name = name};
	if (s->dir->nr > 1 && fuse_listing_find(dir, s->dir, asker->epoch, name, listed))
		s->listed = listed;
}

/* Filters have been asked about a name that is listed. */
static int ask_about_name(const struct search *s)
{
	if (s->listed && s->listed->said)
		return fuse_name_recall(s->asker, s->name->name, s->name->len, s->listed->asks);
	return fuse_name_verdict(s->asker, s->name->name, s->name->len);
}

/* Of a directory that the upper has instead of what is listed they have to say more. */
static int ask_about_dir(const struct search *s, const struct fuse_found *found)
{
	if (!s->listed || !s->listed->said || !found->nr || !d_is_dir(found->places[0].dentry))
		return FUSE_FILTER_PASS;
	return fuse_name_verdict(s->asker, s->name->name, s->name->len);
}

/* What was found may be a lower file that has been copied up under another name. */
static int finish(struct fuse_view *view, struct fuse_found *found)
{
	const struct inode *top;

	if (!view->upper || !found->nr)
		return 0;
	found->in_upper = found->places[0].layer->upper;
	top = d_inode(found->places[0].dentry);
	if (found->in_upper || S_ISDIR(top->i_mode) || top->i_nlink < 2)
		return 0;
	return fuse_found_follow(view, found);
}

/**
 * fuse_view_search - find the places of a name
 * @dir: where
 * @name: the name
 * @asker: ready to ask about names in @dir
 * @found: filled in; the caller drops it
 *
 * Return: 0 or an error; then there is nothing to drop.
 */
int fuse_view_search(struct inode *dir, const struct qstr *name, struct fuse_asker *asker,
		     struct fuse_found *found)
{
	struct fuse_listed listed;
	struct search s;
	int err;

	found_init(found);
	fuse_view_count(asker->view, FUSE_COUNT_LOOKUPS);
	init_search(&s, dir, name, asker, &listed);
	err = ask_about_name(&s);
	if (err) {
		found->hidden = true;
		return min(err, 0);
	}
	err = search_places(&s, 0, found) ?: finish(asker->view, found) ?: ask_about_dir(&s, found);
	if (err) {
		fuse_found_drop(found);
		found_init(found);
		found->hidden = true;
		return min(err, 0);
	}
	if (s.dir->nr > 1 && !s.listed)
		fuse_listing_consider(dir, s.asked);
	return 0;
}

/**
 * fuse_search_below - what would be found if the upper had nothing of this name?
 * @dir: where
 * @name: the name
 * @asker: ready to ask about names in @dir
 *
 * Return: 1 if something would, 0 or an error.
 */
int fuse_search_below(struct inode *dir, const struct qstr *name, struct fuse_asker *asker)
{
	struct fuse_listed listed;
	struct fuse_found found;
	struct search s;
	int ret;

	found_init(&found);
	init_search(&s, dir, name, asker, &listed);
	ret = search_places(&s, s.dir->upper, &found);
	if (!ret)
		ret = found.nr > 0;
	fuse_found_drop(&found);
	return ret;
}
