// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Creating objects. Where nothing has the name, one system call does it in place. Over a whiteout
 * the object is made in the work directory and takes the whiteout's place in one step, so that the
 * deleted object below is never seen again.
 */
#include "union/create.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/fd.h"
#include "union/attr.h"
#include "union/creds.h"
#include "union/lookup.h"
#include "union/permit.h"
#include "union/upper.h"
#include "union/whiteout.h"
#include "union/work.h"

errint_t lamina_name_allowed(const struct lamina_union *u, const char *name)
{
	if (lamina_whiteout_reserved(name))
		return -EINVAL;
	return strlen(name) > u->name_max ? -ENAMETOOLONG : 0;
}

/* The attributes that the new object is to show, for an override. */
static errint_t imprint(const struct lamina_union *u, int fd, const struct lamina_new *what)
{
	struct statx st = {
		.stx_mode = (uint16_t)(what->mode & ~what->umask),
		.stx_uid = what->uid,
		.stx_gid = what->gid,
		.stx_rdev_major = major(what->rdev),
		.stx_rdev_minor = minor(what->rdev),
	};

	return lamina_attr_imprint(u, fd, &st);
}

/*
 * Give the new object @fd of @dirfd to its owner, where the thread could not create it as that. A
 * set-gid directory has given it its group already.
 */
static errint_t give_away(const struct lamina_union *u, int dirfd, int fd,
			  const struct lamina_new *what)
{
	struct stat parent;
	struct statx st;
	errint_t err = lamina_attr_read_fd(u, 0, fd, &st);

	if (err == 0 && fstat(dirfd, &parent) < 0)
		err = -errno;
	if (err < 0)
		return err;
	st.stx_uid = what->uid;
	if (!(parent.st_mode & S_ISGID))
		st.stx_gid = what->gid;
	return lamina_attr_imprint(u, fd, &st);
}

/* What is left to do with the new object @fd of @dirfd; @owned: lamina_creds_become()'s result. */
static errint_t settle(const struct lamina_union *u, int dirfd, int fd, errint_t owned,
		       const struct lamina_new *what)
{
	if (u->layers[0].override != LAMINA_OVERRIDE_NONE)
		return imprint(u, fd, what);
	if (owned < 0 && (what->uid != geteuid() || what->gid != getegid()))
		return give_away(u, dirfd, fd, what);
	return 0;
}

/* The mode with which the object is created in @dirfd, its type included. */
static mode_t mode_to_create(const struct lamina_union *u, int dirfd, const struct lamina_new *what)
{
	return lamina_creds_masked(dirfd, lamina_attr_disk_mode(u, what->mode), what->umask);
}

/*
 * With overrides a device, fifo or socket is a plain file whose override says what it is: the disk
 * may not hold it, and none of them can carry a user attribute.
 */
static mode_t disk_type(const struct lamina_union *u, const struct lamina_new *what)
{
	mode_t type = what->mode & S_IFMT;

	if (u->layers[0].override == LAMINA_OVERRIDE_NONE || type == S_IFDIR || type == S_IFLNK)
		return type;
	return S_IFREG;
}

static errint_t make_node(const struct lamina_union *u, int dirfd, const char *name,
			  const struct lamina_new *what)
{
	mode_t mode = mode_to_create(u, dirfd, what);
	int result;

	switch (disk_type(u, what)) {
	case S_IFDIR:
		result = mkdirat(dirfd, name, mode & 07777);
		break;
	case S_IFLNK:
		result = symlinkat(what->target, dirfd, name);
		break;
	case S_IFREG:
		return lamina_fd_open_name(dirfd, name, O_PATH); /* made by make_file() */
	default:
		result = mknodat(dirfd, name, mode, what->rdev);
		break;
	}
	if (result < 0)
		return -errno;
	return lamina_fd_open_name(dirfd, name, O_PATH);
}

static errint_t make_file(const struct lamina_union *u, int dirfd, const char *name,
			  const struct lamina_new *what)
{
	int fd =
		openat(dirfd, name, O_CREAT | O_EXCL | O_RDWR | O_NOFOLLOW | O_CLOEXEC | u->noatime,
		       mode_to_create(u, dirfd, what) & 07777);

	return fd < 0 ? -errno : fd;
}

/* Make @name in @dirfd, complete but for what its place asks. Returns an fd of it or -errno. */
static errint_t make(const struct lamina_union *u, int dirfd, const char *name,
		     const struct lamina_new *what)
{
	errint_t owned = lamina_creds_become(what->uid, what->gid, what->umask);
	_cleanup_fd_ int fd = disk_type(u, what) == S_IFREG ? make_file(u, dirfd, name, what)
							    : make_node(u, dirfd, name, what);
	errint_t err;

	if (fd < 0)
		return fd;
	err = settle(u, dirfd, fd, owned, what);
	if (err < 0) {
		unlinkat(dirfd, name, S_ISDIR(what->mode) ? AT_REMOVEDIR : 0);
		return err;
	}
	return TAKE_FD(fd);
}

/* Put the directory @from, which is opaque, at the place of the whiteout @name in @dirfd. */
static errint_t exchange_whiteout(const struct lamina_union *u, int from_dir, const char *from,
				  int dirfd, const char *name)
{
	errint_t err;

	if (u->can.exchange) {
		err = lamina_upper_exchange(u, from_dir, from, dirfd, name);
		if (err < 0)
			return err;
		return unlinkat(from_dir, from, 0) < 0 ? -errno : 0;
	}
	err = lamina_whiteout_dot_write(dirfd, name);
	if (err == 0 && unlinkat(dirfd, name, 0) < 0)
		err = -errno;
	if (err == 0 && renameat(from_dir, from, dirfd, name) < 0)
		err = -errno;
	return err < 0 ? err : lamina_whiteout_dot_remove(dirfd, name);
}

/* The same for what is no directory. */
static errint_t replace_whiteout(int from_dir, const char *from, int dirfd, const char *name)
{
	return renameat(from_dir, from, dirfd, name) < 0 ? -errno : 0;
}

/* The directory @fd of the nursery, whose mode may forbid both, is made opaque and put in place. */
static errint_t put_dir(const struct lamina_union *u, int fd, int from_dir, const char *from,
			const struct lamina_dir *dir, const char *name)
{
	const struct lamina_part *part = &dir->parts[0];
	_cleanup_permit_ struct lamina_permit permit = {.u = NULL};
	errint_t err = lamina_permit_begin(u, fd, part->path, name, &permit);

	if (err == 0)
		err = lamina_opaque_write(u, fd);
	return err < 0 ? err : exchange_whiteout(u, from_dir, from, part->fd, name);
}

static errint_t create_over(const struct lamina_dir *dir, const char *name,
			    const struct lamina_new *what)
{
	const struct lamina_union *u = dir->u;
	_cleanup_nursery_ struct lamina_nursery nursery = {0};
	int dirfd = dir->parts[0].fd;
	char fresh[LAMINA_WORK_NAME_SIZE];
	_cleanup_fd_ int fd = -1;
	errint_t err = lamina_nursery_open(u, dirfd, &nursery);

	if (err < 0)
		return err;
	lamina_work_name(fresh);
	fd = make(u, nursery.fd, fresh, what);
	if (fd < 0)
		return fd;
	err = S_ISDIR(what->mode) ? put_dir(u, fd, nursery.fd, fresh, dir, name)
				  : replace_whiteout(nursery.fd, fresh, dirfd, name);
	if (err < 0) {
		(void)lamina_work_remove_tree(nursery.fd, fresh);
		return err;
	}
	return TAKE_FD(fd);
}

errint_t lamina_create_over(struct lamina_dir *dir, const char *name, const struct lamina_new *what)
{
	errint_t dirfd = lamina_dir_fd(dir, 0);
	_cleanup_fd_ int fd = dirfd < 0 ? dirfd : create_over(dir, name, what);

	return fd < 0 ? fd : 0;
}

/* Whether a whiteout stands at @name of the upper part of @dir. Returns 1, 0 (an object does) or -errno. */
static errint_t is_whiteout(const struct lamina_dir *dir, const char *name)
{
	int dirfd = dir->parts[0].fd;
	struct statx st;
	errint_t err = lamina_attr_read_at(dir->u, 0, dirfd, name, &st);

	return err < 0 ? err : lamina_whiteout_is(dirfd, name, &st, lamina_dir_xwhiteouts(dir, 0));
}

/* A `.wh.` whiteout of the same name has done its work; a directory must be opaque first. */
static errint_t retire_dot_whiteout(const struct lamina_dir *dir, const char *name, int fd,
				    bool is_dir)
{
	const struct lamina_part *part = &dir->parts[0];
	_cleanup_permit_ struct lamina_permit permit = {.u = NULL};
	errint_t err = lamina_whiteout_dot_exists(part->fd, name);

	if (err <= 0)
		return err;
	if (is_dir)
		err = lamina_permit_begin(dir->u, fd, part->path, name, &permit);
	if (is_dir && err == 0)
		err = lamina_opaque_write(dir->u, fd);
	return err < 0 ? err : lamina_whiteout_dot_remove(part->fd, name);
}

errint_t lamina_create(struct lamina_dir *dir, const char *name, const struct lamina_new *what,
		       int *ret_fd)
{
	const struct lamina_union *u = dir->u;
	errint_t dirfd = lamina_dir_fd(dir, 0);
	_cleanup_fd_ int fd = -1;
	errint_t err = lamina_name_allowed(u, name);

	if (err < 0)
		return err;
	if (dirfd < 0)
		return dirfd;
	if (S_ISCHR(what->mode) && what->rdev == 0)
		return -EPERM;
	fd = make(u, dirfd, name, what);
	if (fd == -EEXIST) {
		err = is_whiteout(dir, name);
		if (err <= 0)
			return err < 0 ? err : -EEXIST;
		fd = create_over(dir, name, what);
	} else if (fd >= 0) {
		/* Where nothing lies below, nothing was ever whited out. */
		if (dir->n > 1)
			err = retire_dot_whiteout(dir, name, fd, S_ISDIR(what->mode));
		if (err < 0)
			return err;
	}
	if (fd < 0)
		return fd;
	*ret_fd = S_ISREG(what->mode) ? TAKE_FD(fd) : -1;
	return 0;
}

errint_t lamina_create_unnamed(struct lamina_dir *dir, const struct lamina_new *what)
{
	const struct lamina_union *u = dir->u;
	errint_t dirfd = lamina_dir_fd(dir, 0);
	_cleanup_fd_ int fd = -1;
	errint_t owned, err;

	if (dirfd < 0)
		return dirfd;
	if (!u->can.tmpfile)
		return -EOPNOTSUPP;
	owned = lamina_creds_become(what->uid, what->gid, what->umask);
	fd = openat(dirfd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC | u->noatime,
		    mode_to_create(u, dirfd, what) & 07777);
	if (fd < 0)
		return -errno;
	err = settle(u, dirfd, fd, owned, what);
	return err < 0 ? err : TAKE_FD(fd);
}

errint_t lamina_create_link(struct lamina_dir *dir, const char *name, int fd)
{
	const struct lamina_union *u = dir->u;
	errint_t dirfd = lamina_dir_fd(dir, 0);
	char fresh[LAMINA_WORK_NAME_SIZE];
	errint_t err = lamina_name_allowed(u, name);

	if (err < 0)
		return err;
	if (dirfd < 0)
		return dirfd;
	err = lamina_fd_link(fd, dirfd, name);
	if (err == 0)
		return dir->n > 1 ? retire_dot_whiteout(dir, name, fd, false) : 0;
	if (err != -EEXIST)
		return err;
	err = is_whiteout(dir, name);
	if (err <= 0)
		return err < 0 ? err : -EEXIST;
	lamina_work_name(fresh);
	err = lamina_fd_link(fd, u->work_fd, fresh);
	if (err < 0)
		return err;
	err = replace_whiteout(u->work_fd, fresh, dirfd, name);
	if (err < 0)
		unlinkat(u->work_fd, fresh, 0);
	return err;
}
