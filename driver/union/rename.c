// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Rename within the upper, with what each end leaves behind: a whiteout at the old name if a lower
 * layer has it, and nothing of the lower layers showing through at the new one. What must be hidden
 * is hidden before the one system call that moves, so a kill in between changes nothing visible.
 */
#include "union/rename.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "union/create.h"
#include "union/creds.h"
#include "union/listing.h"
#include "union/lookup.h"
#include "union/permit.h"
#include "union/upper.h"
#include "union/whiteout.h"
#include "union/work.h"
#include "union/xattr.h"

/* What stands at one end in the upper, and below it. */
struct footing {
	int dirfd;
	bool lower;    /* a lower layer shows the name */
	bool whiteout; /* a whiteout stands there: a device, or a marked file */
	bool marked;   /* the latter */
	bool object;   /* an upper object stands there */
};

static errint_t look(const struct lamina_union *u, const struct lamina_rename_end *end,
		     struct footing *ret)
{
	struct footing f = {.dirfd = lamina_dir_fd(end->dir, 0)};
	struct statx st;
	errint_t err;

	if (f.dirfd < 0)
		return f.dirfd;
	err = lamina_lookup_lower_has(end->dir, end->name);
	if (err < 0)
		return err;
	f.lower = err;
	err = lamina_attr_read_at(u, 0, f.dirfd, end->name, &st);
	if (err < 0 && err != -ENOENT)
		return err;
	f.object = err == 0;
	if (f.object) {
		err = lamina_whiteout_is(f.dirfd, end->name, &st,
					 lamina_dir_xwhiteouts(end->dir, 0));
		if (err < 0)
			return err;
		f.whiteout = err;
		f.object = !f.whiteout;
		f.marked = f.whiteout && S_ISREG(st.stx_mode);
	}
	*ret = f;
	return 0;
}

/* Nothing of the layers at its new place may show through the directory at @end. */
static errint_t make_opaque(const struct lamina_union *u, const struct lamina_rename_end *end)
{
	const struct lamina_part *part = &end->dir->parts[0];
	_cleanup_fd_ int fd = lamina_fd_open_name(part->fd, end->name, O_PATH | O_DIRECTORY);
	_cleanup_permit_ struct lamina_permit permit = {.u = NULL};
	errint_t err = fd < 0 ? fd : lamina_permit_begin(u, fd, part->path, end->name, &permit);

	return err < 0 ? err : lamina_opaque_write(u, fd);
}

/* An object that remembers its origin has moved to @dir. */
static errint_t mark_impure(const struct lamina_union *u, struct lamina_rename_end *end)
{
	struct lamina_part *part = &end->dir->parts[0];
	errint_t err;

	if (part->flags & LAMINA_PART_IMPURE)
		return 0;
	err = lamina_origin_mark_parent(u, part->fd);
	if (err == 0)
		part->flags |= LAMINA_PART_IMPURE;
	return err;
}

static errint_t pass_on_impurity(const struct lamina_union *u, struct lamina_rename_end *from,
				 struct lamina_rename_end *to)
{
	return from->dir->parts[0].flags & LAMINA_PART_IMPURE ? mark_impure(u, to) : 0;
}

/* ---- moving ---- */

static errint_t move_plainly(const struct lamina_rename_end *from, const struct footing *old,
			     const struct lamina_rename_end *to, const struct footing *new)
{
	return renameat(old->dirfd, from->name, new->dirfd, to->name) < 0 ? -errno : 0;
}

/* With a `.wh.` file at the old name, which hides nothing as long as the object is there. */
static errint_t move_behind_dot(const struct lamina_union *u, const struct lamina_rename_end *from,
				const struct footing *old, const struct lamina_rename_end *to,
				const struct footing *new)
{
	errint_t err = lamina_whiteout_dot_write(old->dirfd, from->name);

	if (err < 0)
		return err;
	err = move_plainly(from, old, to, new);
	if (err < 0) {
		(void)lamina_whiteout_dot_remove(old->dirfd, from->name);
		return err;
	}
	if (u->whiteout_form == LAMINA_WHITEOUT_CHR &&
	    lamina_whiteout_write(u, old->dirfd, from->name) == 0)
		(void)lamina_whiteout_dot_remove(old->dirfd, from->name);
	return 0;
}

/*
 * @from, which is no directory, gets the new name first; then a whiteout takes the old one. After a kill
 * in between it has both, as rename(2) permits.
 */
static errint_t move_by_link(const struct lamina_union *u, const struct lamina_rename_end *from,
			     const struct footing *old, const struct lamina_rename_end *to,
			     const struct footing *new)
{
	char linked[LAMINA_WORK_NAME_SIZE], whiteout[LAMINA_WORK_NAME_SIZE];
	errint_t err = lamina_whiteout_make(u, old->dirfd, whiteout);

	if (err < 0)
		return err;
	lamina_work_name(linked);
	if (linkat(old->dirfd, from->name, u->work_fd, linked, 0) < 0 ||
	    renameat(u->work_fd, linked, new->dirfd, to->name) < 0 ||
	    renameat(u->work_fd, whiteout, old->dirfd, from->name) < 0)
		err = -errno;
	if (err < 0) {
		(void)unlinkat(u->work_fd, linked, 0);
		(void)unlinkat(u->work_fd, whiteout, 0);
	}
	return err;
}

/* @from exchanges its place with the empty directory that it replaces; a whiteout replaces that one. */
static errint_t move_over_dir(const struct lamina_union *u, const struct lamina_rename_end *from,
			      const struct footing *old, const struct lamina_rename_end *to,
			      const struct footing *new)
{
	const char *path = to->dir->parts[0].path;
	_cleanup_fd_ int fd = lamina_fd_open_name(new->dirfd, to->name, O_PATH | O_DIRECTORY);
	_cleanup_permit_ struct lamina_permit permit = {.u = NULL};
	errint_t err = fd < 0 ? fd : lamina_permit_begin(u, fd, path, to->name, &permit);

	if (err == 0)
		err = lamina_upper_exchange(u, old->dirfd, from->name, new->dirfd, to->name);
	lamina_permit_end(&permit);
	return err < 0 ? err : lamina_remove_by_whiteout(u, from->dir, from->name, true);
}

/* Where whiteouts are marked files, and no rename leaves one. */
static errint_t move_marked(const struct lamina_union *u, const struct lamina_rename_end *from,
			    const struct footing *old, const struct lamina_rename_end *to,
			    const struct footing *new)
{
	errint_t err = 0;

	if (!from->self && (new->object || (new->lower && !new->whiteout)))
		return move_by_link(u, from, old, to, new);
	if (new->object)
		return move_over_dir(u, from, old, to, new);
	/* The new name shows nothing: see lamina_rename(). */
	if (!new->whiteout)
		err = lamina_whiteout_write(u, new->dirfd, to->name);
	if (err == 0)
		err = lamina_whiteouts_mark(u, old->dirfd);
	if (err == 0)
		err = lamina_upper_exchange(u, old->dirfd, from->name, new->dirfd, to->name);
	if (err < 0 && !new->whiteout)
		(void)unlinkat(new->dirfd, to->name, 0);
	return err;
}

static errint_t move_with_whiteout(const struct lamina_union *u,
				   const struct lamina_rename_end *from, const struct footing *old,
				   const struct lamina_rename_end *to, const struct footing *new)
{
	if (u->whiteout_form == LAMINA_WHITEOUT_MARKED)
		return move_marked(u, from, old, to, new);
	if (u->whiteout_form == LAMINA_WHITEOUT_DOT || !u->can.rename_whiteout)
		return move_behind_dot(u, from, old, to, new);
	return lamina_upper_rename_whiteout(u, old->dirfd, from->name, new->dirfd, to->name);
}

static errint_t leave(const struct lamina_union *u, const struct lamina_rename_end *from,
		      const struct footing *old, const struct lamina_rename_end *to,
		      const struct footing *new)
{
	return old->lower ? move_with_whiteout(u, from, old, to, new)
			  : move_plainly(from, old, to, new);
}

/* The directory @from and the whiteout at @to exchange their places. */
static errint_t exchange_with_whiteout(const struct lamina_union *u, struct lamina_rename_end *from,
				       const struct footing *old,
				       const struct lamina_rename_end *to,
				       const struct footing *new)
{
	errint_t err = 0;

	/* A marked file is a whiteout only in a marked directory. */
	if (new->marked && old->lower) {
		err = lamina_whiteouts_mark(u, old->dirfd);
		from->dir->parts[0].flags |= LAMINA_PART_XWHITEOUTS;
	}
	if (err == 0)
		err = lamina_upper_exchange(u, old->dirfd, from->name, new->dirfd, to->name);
	if (err < 0 || old->lower)
		return err;
	return unlinkat(old->dirfd, from->name, 0) < 0 ? -errno : 0;
}

/*
 * A directory goes over a whiteout, which no rename replaces by a directory: they exchange their places;
 * or a `.wh.` file hides the name until the directory, which is opaque, is there.
 */
static errint_t move_over_whiteout(const struct lamina_union *u, struct lamina_rename_end *from,
				   const struct footing *old, const struct lamina_rename_end *to,
				   const struct footing *new)
{
	errint_t err;

	if (u->can.exchange)
		return exchange_with_whiteout(u, from, old, to, new);
	err = lamina_whiteout_dot_write(new->dirfd, to->name);
	if (err == 0 && unlinkat(new->dirfd, to->name, 0) < 0)
		err = -errno;
	/* What is left after a failure, and what the caller removes after a success, is the `.wh.` file. */
	return err < 0 ? err : leave(u, from, old, to, new);
}

static errint_t move(const struct lamina_union *u, struct lamina_rename_end *from,
		     const struct footing *old, const struct lamina_rename_end *to,
		     const struct footing *new)
{
	return from->self && new->whiteout ? move_over_whiteout(u, from, old, to, new)
					   : leave(u, from, old, to, new);
}

static errint_t replace(struct lamina_union *u, struct lamina_rename_end *from,
			struct lamina_rename_end *to)
{
	struct footing old = {0}, new = {0};
	errint_t err = look(u, from, &old);

	if (err == 0)
		err = look(u, to, &new);
	if (err == 0 && to->exists && to->self) {
		err = lamina_listing_is_empty(to->self);
		if (err >= 0)
			err = err ? 0 : -ENOTEMPTY;
	}
	if (err == 0 && new.object && to->self)
		err = lamina_remove_leftovers(u, to->dir, to->name, to->self->n > 1,
					      lamina_dir_xwhiteouts(to->self, 0));
	if (err == 0 && from->self && (new.lower || new.whiteout))
		err = make_opaque(u, from);
	if (err == 0)
		err = pass_on_impurity(u, from, to);
	if (err == 0 && to->exists && !new.object)
		err = lamina_links_cover(u, &to->links, to->dir, to->name);
	if (err == 0)
		err = move(u, from, &old, to, &new);
	if (err == 0)
		err = lamina_whiteout_dot_remove(new.dirfd, to->name);
	if (err < 0 || !to->exists)
		return err;
	/* The replaced file lost a name: a lower one (now covered) or an upper one. */
	return new.object ? lamina_links_settle(u, &to->links)
			  : lamina_links_covered(u, &to->links);
}

static errint_t exchange(struct lamina_union *u, struct lamina_rename_end *from,
			 struct lamina_rename_end *to)
{
	struct footing a = {0}, b = {0};
	errint_t err = look(u, from, &a);

	if (err == 0)
		err = look(u, to, &b);
	if (err == 0 && from->self && b.lower)
		err = make_opaque(u, from);
	if (err == 0 && to->self && a.lower)
		err = make_opaque(u, to);
	if (err == 0)
		err = pass_on_impurity(u, from, to);
	if (err == 0)
		err = pass_on_impurity(u, to, from);
	if (err < 0)
		return err;
	return lamina_upper_exchange(u, a.dirfd, from->name, b.dirfd, to->name);
}

errint_t lamina_rename(struct lamina_union *u, struct lamina_rename_end *from,
		       struct lamina_rename_end *to, unsigned int flags)
{
	errint_t err = 0;

	lamina_creds_become_self();
	if (!to->exists)
		err = lamina_name_allowed(u, to->name);
	if (err < 0)
		return err;
	switch (flags) {
	case RENAME_EXCHANGE:
		return exchange(u, from, to);
	case RENAME_NOREPLACE:
		if (to->exists)
			return -EEXIST;
		return replace(u, from, to);
	case 0:
		return replace(u, from, to);
	default:
		return -EINVAL;
	}
}
