// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Trying out the upper's file system, and the fallbacks for what it cannot do. The probe runs before
 * the mount exists, in one thread; its results do not change afterwards.
 *
 *   missing           where                            instead
 *   O_TMPFILE         FUSE, NFS, 9p                    a file in the work directory
 *   RENAME_NOREPLACE  NFS                              the caller's lock
 *   RENAME_EXCHANGE   FUSE, NFS, old ZFS               a `.wh.` file hides the name meanwhile
 *   RENAME_WHITEOUT   FUSE, NFS, old ZFS, old kernels  the same
 *   device 0:0        FUSE, old kernels without root   `.wh.NAME`
 *   names `.wh.NAME`  a mount of ours                  a marked empty file
 *   lamina.* xattrs   a mount of ours                  overlay.lamina.*, which it keeps one level deeper
 *   unlinking what    FUSE by paths, which renames     unlinked from the work directory, so that no
 *   is open           it in its directory              directory has such a name
 */
#include "union/upper.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "base/fd.h"
#include "union/attr.h"
#include "union/whiteout.h"
#include "union/xattr.h"

/* ---- trying ---- */

/* The object @name of the work directory, as it is on disk. All zero: there is none. */
static struct stat look(const struct lamina_union *u, const char *name)
{
	struct stat st;

	if (fstatat(u->work_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		memset(&st, 0, sizeof(st));
	return st;
}

static bool is_whiteout(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && st->st_rdev == 0;
}

static bool same(const struct stat *a, const struct stat *b)
{
	return a->st_mode && a->st_ino == b->st_ino && a->st_dev == b->st_dev;
}

static bool can_tmpfile(const struct lamina_union *u, const char *name)
{
	_cleanup_fd_ int fd = openat(u->work_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	struct stat self, named;

	if (fd < 0 || fstat(fd, &self) < 0 || !S_ISREG(self.st_mode) ||
	    lamina_fd_link(fd, u->work_fd, name) < 0)
		return false;
	named = look(u, name);
	return same(&self, &named);
}

static bool can_mknod(const struct lamina_union *u, const char *name)
{
	struct stat made;

	if (mknodat(u->work_fd, name, S_IFCHR, 0) < 0)
		return false;
	made = look(u, name);
	return is_whiteout(&made);
}

static bool make_file(const struct lamina_union *u, const char *name, struct stat *ret)
{
	_cleanup_fd_ int fd = openat(u->work_fd, name, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);

	*ret = look(u, name);
	return fd >= 0 && S_ISREG(ret->st_mode);
}

/* @flag on two files: is each where it should be afterwards? */
static bool can_rename(const struct lamina_union *u, unsigned int flag, const char *name,
		       const char *other)
{
	struct stat a, b = {0}, now, now_other;
	bool ready = make_file(u, name, &a);

	if (flag == RENAME_EXCHANGE)
		ready = ready && make_file(u, other, &b);
	if (!ready || renameat2(u->work_fd, name, u->work_fd, other, flag) < 0)
		return false;
	now = look(u, name);
	now_other = look(u, other);
	if (!same(&now_other, &a))
		return false;
	switch (flag) {
	case RENAME_EXCHANGE:
		return same(&now, &b);
	case RENAME_WHITEOUT:
		return is_whiteout(&now);
	default:
		return !now.st_mode;
	}
}

/* Each name is used once: what a file system says of a name that has gone may be stale. */
static bool try_rename(const struct lamina_union *u, unsigned int flag)
{
	char name[LAMINA_WORK_NAME_SIZE], other[LAMINA_WORK_NAME_SIZE];
	bool can;

	lamina_work_name(name);
	lamina_work_name(other);
	can = can_rename(u, flag, name, other);
	(void)unlinkat(u->work_fd, name, 0);
	(void)unlinkat(u->work_fd, other, 0);
	return can;
}

static bool try_name(const struct lamina_union *u,
		     bool (*can_make)(const struct lamina_union *u, const char *name))
{
	char name[LAMINA_WORK_NAME_SIZE];
	bool can;

	lamina_work_name(name);
	can = can_make(u, name);
	(void)unlinkat(u->work_fd, name, 0);
	return can;
}

/* Whether names `.wh.NAME` are refused as such, and not for lack of space or another passing reason. */
static bool refuses_dot(const struct lamina_union *u)
{
	char name[LAMINA_WORK_NAME_SIZE];
	errint_t err;

	lamina_work_name(name);
	err = lamina_whiteout_dot_write(u->work_fd, name);
	(void)lamina_whiteout_dot_remove(u->work_fd, name);
	return err == -EINVAL || err == -EPERM;
}

/* A file system may refuse the attributes of overlayfs, or keep them and not show them. */
static bool can_mark(const struct lamina_union *u)
{
	char name[LAMINA_WORK_NAME_SIZE], xattr[LAMINA_XATTR_NAME_SIZE];
	struct statx st;
	bool can;

	if (!u->xattr_ns || lamina_whiteout_make(u, u->work_fd, name) < 0)
		return false;
	can = lamina_attr_read_at(u, 0, u->work_fd, name, &st) == 0 &&
	      lamina_whiteout_is(u->work_fd, name, &st, true) > 0 &&
	      lamina_whiteouts_marked(u->work_fd);
	(void)unlinkat(u->work_fd, name, 0);
	snprintf(xattr, sizeof(xattr), "%s.overlay.opaque", u->xattr_ns);
	return lamina_xattr_remove_fd(u->work_fd, xattr) == 0 && can;
}

static bool can_record(const struct lamina_union *u)
{
	char xattr[LAMINA_XATTR_NAME_SIZE], value[2];
	bool can;

	lamina_xattr_own(u, "probe", xattr);
	if (lamina_xattr_set_fd(u->work_fd, xattr, "y", 1, 0) < 0)
		return false;
	can = lamina_xattr_get_fd(u->work_fd, xattr, value, sizeof(value)) == 1 && value[0] == 'y';
	(void)lamina_xattr_remove_fd(u->work_fd, xattr);
	return can;
}

static void choose_records(struct lamina_union *u)
{
	static const char *const spaces[] = {"trusted", "user"};
	static const char *const prefixes[] = {"lamina.", "overlay.lamina."};

	for (size_t i = 0; i < 4; i++) {
		u->records = prefixes[i / 2];
		u->xattr_ns = spaces[i % 2];
		if (can_record(u))
			return;
	}
	u->xattr_ns = NULL;
}

static unsigned int longest_name(const struct lamina_union *u)
{
	struct statvfs fs;

	return fstatvfs(u->work_fd, &fs) == 0 && fs.f_namemax < NAME_MAX
		       ? (unsigned int)fs.f_namemax
		       : NAME_MAX;
}

static errint_t choose_form(const struct lamina_union *u, bool dot_whiteouts)
{
	if (!dot_whiteouts && try_name(u, can_mknod))
		return LAMINA_WHITEOUT_CHR;
	if (!refuses_dot(u))
		return LAMINA_WHITEOUT_DOT;
	/* Whiteouts and objects exchange their places, since no rename leaves such a whiteout. */
	return u->can.exchange && can_mark(u) ? LAMINA_WHITEOUT_MARKED : -EOPNOTSUPP;
}

errint_t lamina_upper_probe(struct lamina_union *u, bool dot_whiteouts)
{
	errint_t form;

	u->can = (struct lamina_upper_can){
		.tmpfile = try_name(u, can_tmpfile),
		.noreplace = try_rename(u, RENAME_NOREPLACE),
		.exchange = try_rename(u, RENAME_EXCHANGE),
		.rename_whiteout = try_rename(u, RENAME_WHITEOUT),
	};
	choose_records(u);
	form = choose_form(u, dot_whiteouts);
	if (form < 0)
		return form;
	u->whiteout_form = (enum lamina_whiteout_form)form;
	u->name_max = longest_name(u);
	/* Without RENAME_WHITEOUT a name is hidden by a `.wh.` file while it is replaced. */
	if (form == LAMINA_WHITEOUT_DOT || (form == LAMINA_WHITEOUT_CHR && !u->can.rename_whiteout))
		u->name_max -= (unsigned int)strlen(LAMINA_DOT_WHITEOUT);
	/* overlayfs looks for marked whiteouts only in layers whose root has the mark. */
	return form == LAMINA_WHITEOUT_MARKED ? lamina_whiteouts_mark(u, u->layers[0].fd) : 0;
}

/* ---- doing ---- */

errint_t lamina_upper_new_file(const struct lamina_union *u, char fresh[LAMINA_WORK_NAME_SIZE])
{
	int fd;

	fresh[0] = '\0';
	if (u->can.tmpfile) {
		fd = openat(u->work_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC | u->noatime, 0600);
		return fd < 0 ? -errno : fd;
	}
	lamina_work_name(fresh);
	fd = openat(u->work_fd, fresh, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC | u->noatime, 0600);
	return fd < 0 ? -errno : fd;
}

errint_t lamina_upper_place(const struct lamina_union *u, const char *fresh, int dirfd,
			    const char *name)
{
	int result = u->can.noreplace ? renameat2(u->work_fd, fresh, dirfd, name, RENAME_NOREPLACE)
				      : renameat(u->work_fd, fresh, dirfd, name);

	return result < 0 ? -errno : 0;
}

errint_t lamina_upper_exchange(const struct lamina_union *u, int dirfd, const char *name,
			       int other_dirfd, const char *other)
{
	if (!u->can.exchange)
		return -EINVAL;
	return renameat2(dirfd, name, other_dirfd, other, RENAME_EXCHANGE) < 0 ? -errno : 0;
}

errint_t lamina_upper_rename_whiteout(const struct lamina_union *u, int from, const char *name,
				      int to, const char *to_name)
{
	if (!u->can.rename_whiteout)
		return -EINVAL;
	return renameat2(from, name, to, to_name, RENAME_WHITEOUT) < 0 ? -errno : 0;
}

errint_t lamina_upper_unlink(const struct lamina_union *u, int dirfd, const char *name)
{
	char aside[LAMINA_WORK_NAME_SIZE];

	if (!u->layers[0].fuse)
		return unlinkat(dirfd, name, 0) < 0 ? -errno : 0;
	lamina_work_name(aside);
	if (renameat(dirfd, name, u->work_fd, aside) < 0)
		return -errno;
	/* It has gone already. What stays in the work directory is cleared by the next mount. */
	(void)unlinkat(u->work_fd, aside, 0);
	return 0;
}
