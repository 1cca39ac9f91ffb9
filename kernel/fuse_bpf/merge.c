// SPDX-License-Identifier: GPL-2.0
/*
 * Reading a directory that is put together: from the listing of its lower parts, and from the names
 * of its part in the upper, taken when it is first read or rewound. A position is the index of a
 * name plus two for "." and "..". Those of lower parts come first, as on overlayfs: they don't
 * change, so their positions hold when the directory is rewound.
 */
#include <linux/fs.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "view.h"

/* Numbers of copies are not those that their directory has. */
static int fix_number(struct fuse_view *view, const struct fuse_place *dir,
		      const struct fuse_listing *names, struct fuse_name *n)
{
	struct fuse_place place = {.layer = dir->layer};
	struct fuse_found found;
	int err;

	err = fuse_layer_lookup(dir, fuse_name_text(names, n), n->len, &place.dentry);
	if (err)
		return err == -ENOMEM || err == -EINTR ? err : 0;
	fuse_found_one(&found, &place);
	err = fuse_found_identify(view, &found);
	if (!err && found.numbered)
		n->ino = found.ino;
	fuse_found_drop(&found);
	return err;
}

static int fix_numbers(struct fuse_view *view, const struct fuse_place *dir,
		       const struct fuse_listing *names)
{
	int ret = fuse_dir_is_impure(view, dir);
	u32 i;

	for (i = 0; ret > 0 && i < names->nr; i++) {
		if (names->names[i]->visible)
			ret = fix_number(view, dir, names, names->names[i]) ?: 1;
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return min(ret, 0);
}

static struct fuse_listing *upper_names(struct inode *dir, const struct fuse_place *place)
{
	struct fuse_listing *names = fuse_listing_new(dir, true);
	int err;

	if (IS_ERR(names))
		return names;
	err = fix_numbers(fuse_inode_view(dir), place, names);
	if (!err)
		return names;
	fuse_listing_put(names);
	return ERR_PTR(err);
}

void fuse_merge_drop(struct fuse_merge *m)
{
	fuse_listing_put(m->upper);
	fuse_listing_put(m->shown);
	fuse_listing_put(m->lower);
	memset(m, 0, sizeof(*m));
}

/* When nothing is left below, the upper has all names, and is asked for them once more. */
static void note_copied(struct fuse_merge *m, const struct fuse_stack *stack)
{
	if (m->copied || !m->lower || stack->nr > stack->upper)
		return;
	m->copied = true;
	fuse_listing_put(m->shown);
	m->shown = NULL;
}

static int refresh_upper(struct fuse_merge *m, struct inode *dir, const struct fuse_stack *stack)
{
	struct fuse_listing *names;
	bool begins = !m->upper && !m->lower;

	if (!stack->upper || (m->shown && m->shown->epoch == fuse_inode_view(dir)->epoch))
		return 0;
	/* A part in the upper that is new has nothing that was there when reading began. */
	if (!begins && !m->upper && !m->copied)
		return 0;
	names = upper_names(dir, &stack->at[0]);
	if (IS_ERR(names))
		return PTR_ERR(names);
	fuse_listing_put(m->shown);
	m->shown = names;
	if (begins) {
		refcount_inc(&names->count);
		m->upper = names;
	}
	return 0;
}

static int refresh_lower(struct fuse_merge *m, struct inode *dir, const struct fuse_stack *stack)
{
	struct fuse_listing *listing;

	if (stack->nr == stack->upper ||
	    (m->lower && m->lower->epoch == READ_ONCE(fuse_inode_view(dir)->epoch)))
		return 0;
	listing = fuse_listing_get(dir);
	if (IS_ERR(listing))
		return PTR_ERR(listing);
	fuse_listing_put(m->lower);
	m->lower = listing;
	return 0;
}

/* May who reads see a name? Returns 1, 0 or -EAGAIN. */
static int may_see(struct fuse_asker *asker, const struct fuse_listing *listing,
		   struct fuse_name *n)
{
	if (likely(!n->governed))
		return 1;
	return fuse_name_listed(asker, fuse_name_text(listing, n), n->len);
}

/*
 * Is a name, from the upper or copied there meanwhile, still shown? Filters may have changed since
 * it was read.
 */
static int is_shown(const struct fuse_merge *m, const struct fuse_listing *listing,
		    struct fuse_name *n, struct fuse_asker *asker)
{
	const struct qstr name = QSTR_INIT(fuse_name_text(listing, n), n->len);
	struct fuse_name *now = n;

	if (m->shown != listing)
		now = fuse_listing_entry(m->shown, &name);
	return now && now->visible ? may_see(asker, m->shown, now) : 0;
}

/* Does the upper show, or remove, a name that lower parts have? */
static bool is_covered(const struct fuse_merge *m, struct fuse_name *n)
{
	const struct fuse_name *above;

	if (!m->upper)
		return false;
	above = fuse_listing_entry(m->upper,
				   &(struct qstr)QSTR_INIT(fuse_name_text(m->lower, n), n->len));
	return above && (above->visible || above->closed);
}

static int is_lower_shown(const struct fuse_merge *m, struct fuse_name *n, struct fuse_asker *asker)
{
	if (is_covered(m, n))
		return 0;
	return m->copied ? is_shown(m, m->lower, n, asker) : may_see(asker, m->lower, n);
}

static bool emit(struct dir_context *ctx, const struct fuse_listing *listing, struct fuse_name *n)
{
	return dir_emit(ctx, fuse_name_text(listing, n), n->len, n->ino, n->type);
}

/* Returns 0 or -EAGAIN. */
static int emit_names(const struct fuse_merge *m, struct dir_context *ctx, struct fuse_asker *asker)
{
	u32 nr_upper = m->upper ? m->upper->nr : 0, nr_lower = m->lower ? m->lower->nr : 0;
	struct fuse_name *n;
	int shown;

	for (; ctx->pos - 2 < nr_lower; ctx->pos++) {
		n = m->lower->names[ctx->pos - 2];
		shown = n->visible ? is_lower_shown(m, n, asker) : 0;
		if (shown < 0 || (shown && !emit(ctx, m->lower, n)))
			return min(shown, 0);
	}
	for (; ctx->pos - 2 - nr_lower < nr_upper; ctx->pos++) {
		n = m->upper->names[ctx->pos - 2 - nr_lower];
		shown = n->visible ? is_shown(m, m->upper, n, asker) : 0;
		if (shown < 0 || (shown && !emit(ctx, m->upper, n)))
			return min(shown, 0);
	}
	return 0;
}

/* Some names are not for everybody. */
static int emit_governed(const struct fuse_merge *m, struct inode *dir, struct dir_context *ctx)
{
	struct fuse_asker asker;
	int err = fuse_asker_init_listing(&asker, dir);

	if (err)
		return err;
	/* Which names that are must have been said in the same epoch. */
	if ((m->shown && m->shown->epoch != asker.epoch) ||
	    (m->lower && !m->copied && m->lower->epoch != asker.epoch))
		err = -EAGAIN;
	else
		err = emit_names(m, ctx, &asker);
	fuse_asker_done(&asker);
	return err;
}

/**
 * fuse_merge_read - give out names
 * @m: what the open directory remembers
 * @dir: the directory
 * @ctx: where to
 * @ino: number of the directory
 * @parent_ino: of the one that it is in
 *
 * Return: 0 or an error; -EAGAIN if the directory has to be settled first.
 */
int fuse_merge_read(struct fuse_merge *m, struct inode *dir, struct dir_context *ctx, u64 ino,
		    u64 parent_ino)
{
	const struct fuse_stack *stack = fuse_inode_stack(dir);
	int err;

	if (!ctx->pos)
		fuse_merge_drop(m);
	note_copied(m, stack);
	err = refresh_upper(m, dir, stack) ?: refresh_lower(m, dir, stack);
	if (err)
		return err;
	if (ctx->pos == 0) {
		if (!dir_emit(ctx, ".", 1, ino, DT_DIR))
			return 0;
		ctx->pos = 1;
	}
	if (ctx->pos == 1) {
		if (!dir_emit(ctx, "..", 2, parent_ino, DT_DIR))
			return 0;
		ctx->pos = 2;
	}
	if (fuse_view_is_governed(dir->i_sb))
		return emit_governed(m, dir, ctx);
	return emit_names(m, ctx, NULL);
}
