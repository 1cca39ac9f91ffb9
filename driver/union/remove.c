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
#include "union/whiteout.h"
#include "union/work.h"

/* Errors by which a file system says that it does not know a flag of renameat2(). */
static bool flag_unsupported(int error)
{
	return error == EINVAL || error == ENOSYS || error == EOPNOTSUPP || error == EPERM;
}

/* It has gone already. What stays in the work directory is cleared by the next mount. */
static errint_t discard(const struct lamina_union *u, const char *name, bool is_dir)
{
	(void)unlinkat(u->work_fd, name, is_dir ? AT_REMOVEDIR : 0);
	return 0;
}

/* Where RENAME_WHITEOUT is missing: a whiteout of our own, put in place as atomically as can be. */
static errint_t exchange_for_whiteout(const struct lamina_union *u, int dirfd, const char *name,
				      bool is_dir)
{
	char fresh[LAMINA_WORK_NAME_SIZE];
	errint_t err;

	lamina_work_name(fresh);
	err = lamina_whiteout_write(u, u->work_fd, fresh);
	if (err < 0)
		return err;
	if (renameat2(u->work_fd, fresh, dirfd, name, RENAME_EXCHANGE) == 0)
		return discard(u, fresh, is_dir);
	err = -errno;
	if (flag_unsupported(-err)) {
		if (!is_dir)
			err = renameat(u->work_fd, fresh, dirfd, name) < 0 ? -errno : 0;
		else if (unlinkat(dirfd, name, AT_REMOVEDIR) < 0)
			err = -errno;
		else /* a kill right here would show the lower directory again */
			err = renameat(u->work_fd, fresh, dirfd, name) < 0 ? -errno : 0;
	}
	if (err < 0)
		(void)discard(u, fresh, false);
	return err;
}

errint_t lamina_remove_by_whiteout(const struct lamina_union *u, int dirfd, const char *name,
				   bool is_dir)
{
	char aside[LAMINA_WORK_NAME_SIZE];
	errint_t err;

	if (u->whiteout_form == LAMINA_WHITEOUT_DOT) {
		/* Beside the object it hides nothing yet; then the object goes. */
		err = lamina_whiteout_write(u, dirfd, name);
		if (err < 0)
			return err;
		if (unlinkat(dirfd, name, is_dir ? AT_REMOVEDIR : 0) == 0)
			return 0;
		err = -errno;
		(void)lamina_whiteout_dot_remove(dirfd, name);
		return err;
	}
	lamina_work_name(aside);
	if (renameat2(dirfd, name, u->work_fd, aside, RENAME_WHITEOUT) == 0)
		return discard(u, aside, is_dir);
	if (!flag_unsupported(errno))
		return -errno;
	return exchange_for_whiteout(u, dirfd, name, is_dir);
}

errint_t lamina_remove_leftovers(const struct lamina_union *u, struct lamina_dir *dir,
				 const char *name, bool merged)
{
	errint_t dirfd = lamina_dir_fd(dir, 0);
	_cleanup_fd_ int fd = -1;
	errint_t err = 0;

	if (dirfd < 0)
		return dirfd;
	fd = lamina_fd_open_name(dirfd, name, O_PATH | O_DIRECTORY);
	if (fd < 0)
		return fd;
	if (merged)
		err = lamina_opaque_write(u, fd);
	/* The mark in its file form goes as well: the directory follows at once. */
	return err < 0 ? err : lamina_whiteout_clear(fd, true);
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
		err = lamina_remove_leftovers(u, dir, name, self->n > 1);
	if (err < 0)
		return err;
	if (lower)
		err = lamina_remove_by_whiteout(u, dirfd, name, self != NULL);
	else
		err = unlinkat(dirfd, name, self ? AT_REMOVEDIR : 0) < 0 ? -errno : 0;
	return err < 0 ? err : lamina_links_settle(u, links);
}
