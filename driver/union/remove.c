// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Deleting. A name that a lower layer has as well is exchanged for a whiteout in one step, so the
 * object below is never seen again, not even after a kill in between. The caller serialises by
 * directory and by object, as the VFS does.
 */
#include "union/remove.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "union/creds.h"
#include "union/index.h"
#include "union/listing.h"
#include "union/lookup.h"
#include "union/permit.h"
#include "union/upper.h"
#include "union/whiteout.h"
#include "union/work.h"

/* It has gone already. What stays in the work directory is cleared by the next mount. */
static errint_t discard(const struct lamina_union *u, const char *name, bool is_dir)
{
	(void)unlinkat(u->work_fd, name, is_dir ? AT_REMOVEDIR : 0);
	return 0;
}

static errint_t take_away(const struct lamina_union *u, int dirfd, const char *name, bool is_dir)
{
	if (is_dir)
		return unlinkat(dirfd, name, AT_REMOVEDIR) < 0 ? -errno : 0;
	return lamina_upper_unlink(u, dirfd, name);
}

/*
 * A `.wh.` file, which beside the object hides nothing yet; then the object goes. Where whiteouts are
 * devices, one takes the file's place.
 */
static errint_t remove_behind_dot(const struct lamina_union *u, int dirfd, const char *name,
				  bool is_dir)
{
	errint_t err = lamina_whiteout_dot_write(dirfd, name);

	if (err < 0)
		return err;
	err = take_away(u, dirfd, name, is_dir);
	if (err < 0) {
		(void)lamina_whiteout_dot_remove(dirfd, name);
		return err;
	}
	if (u->whiteout_form == LAMINA_WHITEOUT_CHR && lamina_whiteout_write(u, dirfd, name) == 0)
		(void)lamina_whiteout_dot_remove(dirfd, name);
	return 0;
}

/* In one step. @aside becomes the object's name in the work directory. */
static errint_t leave_whiteout(const struct lamina_union *u, int dirfd, const char *name,
			       char aside[LAMINA_WORK_NAME_SIZE])
{
	errint_t err;

	lamina_work_name(aside);
	if (u->whiteout_form == LAMINA_WHITEOUT_CHR)
		return lamina_upper_rename_whiteout(u, dirfd, name, u->work_fd, aside);
	err = lamina_whiteout_make(u, dirfd, aside);
	if (err < 0)
		return err;
	err = lamina_upper_exchange(u, dirfd, name, u->work_fd, aside);
	if (err < 0)
		(void)unlinkat(u->work_fd, aside, 0);
	return err;
}

/* A directory changes its parent, for which the file system asks for permission to write to it. */
static errint_t move_out(const struct lamina_union *u, const struct lamina_dir *dir,
			 const char *name, bool is_dir, char aside[LAMINA_WORK_NAME_SIZE])
{
	int dirfd = dir->parts[0].fd;
	_cleanup_fd_ int fd = is_dir ? lamina_fd_open_name(dirfd, name, O_PATH | O_DIRECTORY) : -1;
	_cleanup_permit_ struct lamina_permit permit = {.u = NULL};
	errint_t err = is_dir && fd < 0 ? fd : 0;

	if (err == 0 && is_dir)
		err = lamina_permit_begin(u, fd, dir->parts[0].path, name, &permit);
	return err < 0 ? err : leave_whiteout(u, dirfd, name, aside);
}

errint_t lamina_remove_by_whiteout(const struct lamina_union *u, struct lamina_dir *dir,
				   const char *name, bool is_dir)
{
	errint_t err = lamina_dir_fd(dir, 0);
	char aside[LAMINA_WORK_NAME_SIZE];

	if (err < 0)
		return err;
	if (u->whiteout_form == LAMINA_WHITEOUT_DOT ||
	    (u->whiteout_form == LAMINA_WHITEOUT_CHR && !u->can.rename_whiteout))
		return remove_behind_dot(u, dir->parts[0].fd, name, is_dir);
	err = move_out(u, dir, name, is_dir, aside);
	return err < 0 ? err : discard(u, aside, is_dir);
}

errint_t lamina_remove_leftovers(const struct lamina_union *u, struct lamina_dir *dir,
				 const char *name, bool merged, bool xwhiteouts)
{
	errint_t dirfd = lamina_dir_fd(dir, 0);
	_cleanup_fd_ int fd = -1;
	_cleanup_permit_ struct lamina_permit permit = {.u = NULL};
	errint_t err;

	if (dirfd < 0)
		return dirfd;
	fd = lamina_fd_open_name(dirfd, name, O_PATH | O_DIRECTORY);
	if (fd < 0)
		return fd;
	err = lamina_permit_begin(u, fd, dir->parts[0].path, name, &permit);
	if (err == 0 && merged)
		err = lamina_opaque_write(u, fd);
	/* The mark in its file form goes as well: the directory follows at once. */
	return err < 0 ? err
		       : lamina_whiteout_clear(fd, LAMINA_CLEAR_OPAQUE |
							   (xwhiteouts ? LAMINA_CLEAR_MARKED : 0));
}

static errint_t nlink_now(const struct lamina_union *u, const struct lamina_links *links)
{
	_cleanup_fd_ int fd = lamina_index_open(u, links->key);
	struct stat st = {.st_nlink = 0};

	if (fd < 0 && fd != -ENOENT)
		return fd;
	if (fd >= 0 && fstat(fd, &st) < 0)
		return -errno;
	return lamina_index_nlink(u, links->key, links->lower_nlink,
				  (unsigned int)st.st_nlink - (fd >= 0 ? links->aside : 0));
}

errint_t lamina_links_settle(struct lamina_union *u, const struct lamina_links *links)
{
	errint_t nlink;

	if (!links->key[0] || links->lower_nlink == 0)
		return 0;
	nlink = nlink_now(u, links);
	if (nlink != 0)
		return nlink < 0 ? nlink : 0;
	lamina_index_drop(u, links->key);
	return 1;
}

errint_t lamina_links_cover(struct lamina_union *u, const struct lamina_links *links,
			    const struct lamina_dir *dir, const char *name)
{
	if (!links->key[0] || links->lower_nlink == 0)
		return 0;
	return lamina_index_cover_begin(u, links->key, dir->parts[0].path, name);
}

errint_t lamina_links_covered(struct lamina_union *u, const struct lamina_links *links)
{
	errint_t err;

	if (!links->key[0] || links->lower_nlink == 0)
		return 0;
	err = lamina_index_cover_end(u, links->key);
	return err < 0 ? err : lamina_links_settle(u, links);
}

static errint_t check_empty(struct lamina_dir *self)
{
	errint_t empty = lamina_listing_is_empty(self);

	if (empty < 0)
		return empty;
	return empty ? 0 : -ENOTEMPTY;
}

errint_t lamina_remove(struct lamina_union *u, struct lamina_dir *dir, const char *name,
		       struct lamina_dir *self, const struct lamina_links *links)
{
	errint_t dirfd = lamina_dir_fd(dir, 0);
	errint_t lower, err = 0;
	struct stat st;
	bool in_upper;

	if (dirfd < 0)
		return dirfd;
	/* Whiteouts are the daemon's, whoever deletes. */
	lamina_creds_become_self();
	if (self)
		err = check_empty(self);
	if (err < 0)
		return err;
	lower = lamina_lookup_lower_has(dir, name);
	if (lower < 0)
		return lower;
	in_upper = fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
	if (!in_upper && errno != ENOENT)
		return -errno;
	if (!in_upper) {
		err = lower ? lamina_links_cover(u, links, dir, name) : -ENOENT;
		if (err == 0)
			err = lamina_whiteout_write(u, dirfd, name);
		return err < 0 ? err : lamina_links_covered(u, links);
	}
	if (self)
		err = lamina_remove_leftovers(u, dir, name, self->n > 1,
					      lamina_dir_xwhiteouts(self, 0));
	if (err < 0)
		return err;
	if (lower)
		err = lamina_remove_by_whiteout(u, dir, name, self != NULL);
	else
		err = take_away(u, dirfd, name, self != NULL);
	return err < 0 ? err : lamina_links_settle(u, links);
}
