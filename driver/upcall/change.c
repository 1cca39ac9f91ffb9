// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * WHITEOUT and MAKE: what stands under a name that a lower layer has, too, is exchanged in one step.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/sysmacros.h>

#include "base/fd.h"
#include "union/create.h"
#include "union/creds.h"
#include "union/remove.h"
#include "union/whiteout.h"
#include "upcall/acts.h"

/* ---- WHITEOUT ---- */

/* What is known of a name that goes. */
struct leaving {
	struct lamina_links links; /* its key is the lower object's, or the origin's */
	struct lower_object lower;
	struct lamina_origin origin;
};

static void leaving_done(struct leaving *l)
{
	lower_object_done(&l->lower);
}

/* The file with several names whose lower name goes, or has gone; if it is one. */
static errint_t find_lower_links(const struct lamina_union *u, const struct lamina_upcall *c,
				 struct leaving *l)
{
	errint_t err;

	if (c->in->flags & FUSE_UPCALL_DIR)
		return 0;
	err = lower_object_find(u, c->path, c->in->layer, &l->lower);
	if (err < 0)
		return err == -ENOENT ? 0 : err;
	l->links = (struct lamina_links){.key = l->lower.key,
					 .lower_nlink = l->lower.source.lower_nlink};
	return 0;
}

/* The same of a name in the upper. */
static errint_t find_upper_links(const struct lamina_union *u, int dirfd, const char *name,
				 const struct statx *st, struct leaving *l)
{
	errint_t err = lamina_origin_read_at(u, dirfd, name, st, &l->origin);

	if (err > 0)
		l->links =
			(struct lamina_links){.key = l->origin.key, .lower_nlink = l->origin.nlink};
	return err < 0 ? err : 0;
}

/* Whether nothing but whiteouts lies in the directory @name of @dirfd. Returns 1, 0 or -errno. */
static errint_t is_bare(int dirfd, const char *name)
{
	_cleanup_fd_ int fd = lamina_fd_open_name(dirfd, name, O_PATH | O_DIRECTORY);
	_cleanup_dir_ DIR *dir = NULL;
	const struct dirent *d;
	errint_t err = fd < 0 ? fd : lamina_fd_read_dir(fd, &dir);
	struct stat st;

	while (err == 0 && (d = readdir(dir))) {
		if (!lamina_name_valid(d->d_name) || lamina_whiteout_reserved(d->d_name))
			continue;
		if (fstatat(fd, d->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return -errno;
		if (!S_ISCHR(st.st_mode) || st.st_rdev != 0)
			return 0;
	}
	return err < 0 ? err : 1;
}

static errint_t settled(errint_t err)
{
	return err < 0 ? err : FUSE_UPCALL_DONE;
}

/* The upper has nothing under the name: a whiteout is all that is needed. */
static errint_t whiteout_lower(struct lamina_union *u, const struct lamina_upcall *c,
			       struct upper_dir *dir, struct leaving *l)
{
	errint_t err = find_lower_links(u, c, l);

	if (err == 0)
		err = lamina_links_cover(u, &l->links, &dir->dir, c->name);
	if (err == 0)
		err = lamina_whiteout_write(u, upper_dir_fd(dir), c->name);
	if (err == -EEXIST)
		return FUSE_UPCALL_RETRY;
	return settled(err < 0 ? err : lamina_links_covered(u, &l->links));
}

/* It stands there: was all of it done? */
static errint_t whiteout_again(struct lamina_union *u, const struct lamina_upcall *c,
			       struct leaving *l)
{
	errint_t err = find_lower_links(u, c, l);

	if (err == 0 && l->links.key[0]) {
		err = lamina_index_cover_resume(u, l->links.key, c->dir, c->name);
		if (err == 0)
			err = lamina_links_settle(u, &l->links);
	}
	return settled(err);
}

static errint_t whiteout_upper(struct lamina_union *u, const struct lamina_upcall *c,
			       struct upper_dir *dir, const struct statx *st, struct leaving *l)
{
	bool is_dir = S_ISDIR(st->stx_mode);
	int dirfd = upper_dir_fd(dir);
	errint_t err;

	if (is_dir != !!(c->in->flags & FUSE_UPCALL_DIR))
		return FUSE_UPCALL_RETRY;
	err = is_dir ? is_bare(dirfd, c->name) : find_upper_links(u, dirfd, c->name, st, l);
	if (is_dir && err == 0)
		return FUSE_UPCALL_RETRY;
	if (is_dir && err > 0)
		err = lamina_remove_leftovers(u, &dir->dir, c->name, true, false);
	if (err == 0)
		err = lamina_remove_by_whiteout(u, &dir->dir, c->name, is_dir);
	return settled(err < 0 ? err : lamina_links_settle(u, &l->links));
}

errint_t upcall_whiteout(struct lamina_upcall_server *s, const struct lamina_upcall *c)
{
	_cleanup_(leaving_done) struct leaving l = {.links.key = "", .lower.source.fd = -1};
	_cleanup_upper_dir_ struct upper_dir dir = {0};
	struct lamina_union *u = s->u;
	struct statx st;
	errint_t err = upper_dir_open(u, c->dir, &dir);

	if (err == -ENOENT || err == -ENOTDIR)
		return FUSE_UPCALL_RETRY;
	if (err < 0)
		return err;
	lamina_creds_become_self();
	err = lamina_attr_read_at(u, 0, upper_dir_fd(&dir), c->name, &st);
	if (err == -ENOENT)
		return whiteout_lower(u, c, &dir, &l);
	if (err < 0)
		return err;
	return upper_is_whiteout(&st) ? whiteout_again(u, c, &l)
				      : whiteout_upper(u, c, &dir, &st, &l);
}

/* ---- MAKE ---- */

/* As new_encode_dev() packs it. */
static dev_t unpack_device(uint32_t rdev)
{
	return makedev((rdev & 0xfff00) >> 8, (rdev & 0xff) | ((rdev >> 12) & 0xfff00));
}

static errint_t describe_new(const struct lamina_upcall_server *s, const struct lamina_upcall *c,
			     struct lamina_new *ret)
{
	const struct fuse_upcall_in *in = c->in;

	*ret = (struct lamina_new){
		.mode = in->mode & (S_IFMT | 07777),
		.rdev = unpack_device(in->rdev),
		.target = c->text,
		.umask = in->umask & 0777,
	};
	if (S_ISLNK(ret->mode) && !ret->target)
		return -EINVAL;
	if (S_ISCHR(ret->mode) && ret->rdev == 0)
		return -EPERM;
	if (in->uid == UINT32_MAX || in->gid == UINT32_MAX)
		return -EOVERFLOW;
	return lamina_idmap_owner(s->uids, s->gids, in->uid, in->gid, &ret->uid, &ret->gid);
}

/* Something else than a whiteout has the name. A server before us may have put it there. */
static errint_t made_already(const struct lamina_upcall *c, const struct statx *st)
{
	bool same = (st->stx_mode & S_IFMT) == (c->in->mode & S_IFMT);

	return c->again && same ? FUSE_UPCALL_DONE : FUSE_UPCALL_RETRY;
}

errint_t upcall_make(struct lamina_upcall_server *s, const struct lamina_upcall *c)
{
	_cleanup_upper_dir_ struct upper_dir dir = {0};
	struct lamina_new what;
	struct statx st;
	errint_t err = upper_dir_open(s->u, c->dir, &dir);

	if (err == -ENOENT || err == -ENOTDIR)
		return FUSE_UPCALL_RETRY;
	if (err == 0)
		err = describe_new(s, c, &what);
	if (err == 0)
		err = lamina_attr_read_at(s->u, 0, upper_dir_fd(&dir), c->name, &st);
	if (err == -ENOENT)
		return FUSE_UPCALL_RETRY;
	if (err < 0)
		return err;
	if (!upper_is_whiteout(&st))
		return made_already(c, &st);
	err = lamina_create_over(&dir.dir, c->name, &what);
	return err < 0 ? err : FUSE_UPCALL_DONE;
}
