// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reading and writing whiteouts and opaque marks. No locks and no state.
 */
#include "union/whiteout.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/calls.h"
#include "base/fd.h"
#include "base/limits.h"
#include "union/attr.h"
#include "union/upper.h"
#include "union/xattr.h"

bool lamina_whiteout_reserved(const char *name)
{
	return !strncmp(name, LAMINA_DOT_WHITEOUT, strlen(LAMINA_DOT_WHITEOUT));
}

bool lamina_whiteout_dot_name(const char *name, char dot[NAME_MAX + 1])
{
	return snprintf(dot, NAME_MAX + 1, LAMINA_DOT_WHITEOUT "%s", name) <= NAME_MAX;
}

static errint_t exists(int dirfd, const char *name)
{
	errint_t err = lamina_call_access(dirfd, name, F_OK, AT_SYMLINK_NOFOLLOW);

	if (err == 0)
		return 1;
	return err == -ENOENT || err == -ENAMETOOLONG ? 0 : err;
}

errint_t lamina_whiteout_dot_exists(int dirfd, const char *name)
{
	char dot[NAME_MAX + 1];

	return lamina_whiteout_dot_name(name, dot) ? exists(dirfd, dot) : 0;
}

errint_t lamina_opaque_dot_exists(int dirfd, const char *name)
{
	char path[NAME_MAX + sizeof("/" LAMINA_DOT_OPAQUE)];
	_cleanup_fd_ int fd = -1;

	snprintf(path, sizeof(path), "%s/" LAMINA_DOT_OPAQUE, name);
	fd = lamina_fd_open_beneath(dirfd, path, O_PATH | O_NOFOLLOW);
	if (fd >= 0)
		return 1;
	return fd == -ENOENT ? 0 : fd;
}

/* Attributes that mark an empty file as a whiteout. */
static const char *const whiteout_xattrs[] = {
	"trusted.overlay.whiteout",
	"user.overlay.whiteout",
};

static errint_t is_marked(int dirfd, const char *name)
{
	for (size_t i = 0; i < sizeof(whiteout_xattrs) / sizeof(whiteout_xattrs[0]); i++) {
		ssize_t n = lamina_xattr_get_at(dirfd, name, whiteout_xattrs[i], NULL, 0);

		if (n >= 0)
			return 1;
		if (!lamina_xattr_absent(n))
			return (errint_t)n;
	}
	return 0;
}

errint_t lamina_whiteout_is(int dirfd, const char *name, const struct statx *st, bool xwhiteouts)
{
	if (lamina_statx_is_chr_0_0(st))
		return 1;
	if (!xwhiteouts || !S_ISREG(st->stx_mode) || st->stx_size > 0)
		return 0;
	return is_marked(dirfd, name);
}

bool lamina_whiteouts_marked(int fd)
{
	static const char *const xattrs[] = {"trusted.overlay.opaque", "user.overlay.opaque"};
	char value[2];

	for (size_t i = 0; i < sizeof(xattrs) / sizeof(xattrs[0]); i++)
		if (lamina_xattr_get_fd(fd, xattrs[i], value, sizeof(value)) == 1 &&
		    value[0] == 'x')
			return true;
	return false;
}

/* The first byte of an attribute, '\0' if it is not there. Returns it or -errno. */
static errint_t first_byte(int dirfd, const char *name, const char *xattr)
{
	char value[2] = "";
	ssize_t n = lamina_xattr_get_at(dirfd, name, xattr, value, 1);

	if (n == -ERANGE || lamina_xattr_absent(n))
		return '\0';
	return n < 0 ? (errint_t)n : value[0];
}

static errint_t read_redirect(int dirfd, const char *name, const char *xattr, char **ret)
{
	_cleanup_free_ char *value = malloc(PATH_MAX);
	ssize_t n;

	if (!value)
		return -ENOMEM;
	n = lamina_xattr_get_at(dirfd, name, xattr, value, PATH_MAX - 1);
	if (n < 0)
		return (errint_t)n;
	value[n] = '\0';
	/* Absolute, or one name: what overlayfs writes. The layer is not trusted with more. */
	if (value[0] == '/' ? strlen(value) < 2 : !lamina_name_valid(value))
		return -EIO;
	free(*ret);
	*ret = TAKE_PTR(value);
	return 0;
}

static errint_t read_mark(const struct lamina_union *u, unsigned int layer, int dirfd,
			  const char *name, const char *xattr, struct lamina_marks *marks)
{
	char impure[LAMINA_XATTR_NAME_SIZE];
	errint_t byte;

	if (!strcmp(xattr, "trusted.overlay.opaque") || !strcmp(xattr, "user.overlay.opaque") ||
	    !strcmp(xattr, "user.fuseoverlayfs.opaque")) {
		byte = first_byte(dirfd, name, xattr);
		if (byte < 0)
			return byte;
		marks->opaque |= byte == 'y';
		marks->xwhiteouts |= byte == 'x';
		return 0;
	}
	if (!strcmp(xattr, "trusted.overlay.redirect") || !strcmp(xattr, "user.overlay.redirect"))
		return read_redirect(dirfd, name, xattr, &marks->redirect);
	if (u->writable && layer == 0 && lamina_xattr_own(u, "impure", impure))
		marks->impure |= !strcmp(xattr, impure);
	return 0;
}

errint_t lamina_marks_read(const struct lamina_union *u, unsigned int layer, int dirfd,
			   const char *name, struct lamina_marks *ret)
{
	struct lamina_marks marks = {0};
	_cleanup_free_ char *large = NULL;
	char small[512];
	char *list = small;
	errint_t err = 0;
	ssize_t n = lamina_xattr_list_at(dirfd, name, small, sizeof(small));

	if (n == -ERANGE) {
		list = large = malloc(LAMINA_XATTR_MAX);
		if (!large)
			return -ENOMEM;
		n = lamina_xattr_list_at(dirfd, name, large, LAMINA_XATTR_MAX);
	}
	if (n < 0 && !lamina_xattr_absent(n))
		return (errint_t)n;
	for (char *at = list; at < list + n && err == 0; at += strlen(at) + 1)
		err = read_mark(u, layer, dirfd, name, at, &marks);
	if (err < 0) {
		lamina_marks_done(&marks);
		return err;
	}
	*ret = marks;
	return 0;
}

void lamina_marks_done(struct lamina_marks *marks)
{
	free(marks->redirect);
	marks->redirect = NULL;
}

errint_t lamina_whiteout_dot_write(int dirfd, const char *name)
{
	char dot[NAME_MAX + 1];
	int fd;

	if (!lamina_whiteout_dot_name(name, dot))
		return -ENAMETOOLONG;
	fd = openat(dirfd, dot, O_CREAT | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

errint_t lamina_whiteouts_mark(const struct lamina_union *u, int fd)
{
	char xattr[LAMINA_XATTR_NAME_SIZE], value[2];
	ssize_t n;

	snprintf(xattr, sizeof(xattr), "%s.overlay.opaque", u->xattr_ns);
	n = lamina_xattr_get_fd(fd, xattr, value, sizeof(value));
	if (n > 0)
		return 0;
	if (n < 0 && !lamina_xattr_absent(n))
		return (errint_t)n;
	return lamina_xattr_set_fd(fd, xattr, "x", 1, 0);
}

errint_t lamina_whiteout_make(const struct lamina_union *u, int dirfd,
			      char fresh[LAMINA_WORK_NAME_SIZE])
{
	char xattr[LAMINA_XATTR_NAME_SIZE];
	errint_t err = lamina_whiteouts_mark(u, dirfd);
	_cleanup_fd_ int fd = -1;

	if (err < 0)
		return err;
	lamina_work_name(fresh);
	fd = openat(u->work_fd, fresh, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	snprintf(xattr, sizeof(xattr), "%s.overlay.whiteout", u->xattr_ns);
	err = lamina_xattr_set_fd(fd, xattr, "y", 1, 0);
	if (err < 0)
		(void)unlinkat(u->work_fd, fresh, 0);
	return err;
}

static errint_t write_marked(const struct lamina_union *u, int dirfd, const char *name)
{
	char fresh[LAMINA_WORK_NAME_SIZE];
	errint_t err = lamina_whiteout_make(u, dirfd, fresh);

	if (err < 0)
		return err;
	err = lamina_upper_place(u, fresh, dirfd, name);
	if (err < 0)
		(void)unlinkat(u->work_fd, fresh, 0);
	return err;
}

errint_t lamina_whiteout_write(const struct lamina_union *u, int dirfd, const char *name)
{
	switch (u->whiteout_form) {
	case LAMINA_WHITEOUT_CHR:
		return mknodat(dirfd, name, S_IFCHR, 0) < 0 ? -errno : 0;
	case LAMINA_WHITEOUT_DOT:
		return lamina_whiteout_dot_write(dirfd, name);
	case LAMINA_WHITEOUT_MARKED:
		return write_marked(u, dirfd, name);
	}
	return -EINVAL;
}

errint_t lamina_whiteout_dot_remove(int dirfd, const char *name)
{
	char dot[NAME_MAX + 1];

	if (!lamina_whiteout_dot_name(name, dot))
		return 0;
	return unlinkat(dirfd, dot, 0) < 0 && errno != ENOENT ? -errno : 0;
}

/* What is written here is no change that a container made: the directory's times stay. */
static errint_t with_times_kept(int fd, errint_t (*change)(int fd, unsigned int what),
				unsigned int what)
{
	struct timespec times[2];
	struct stat st;
	errint_t err, kept;

	if (fstat(fd, &st) < 0)
		return -errno;
	times[0] = st.st_atim;
	times[1] = st.st_mtim;
	err = change(fd, what);
	kept = lamina_attr_set_times(fd, times);
	return err < 0 ? err : kept;
}

static errint_t write_dot_opaque(int fd, unsigned int what)
{
	int file = openat(fd, LAMINA_DOT_OPAQUE, O_CREAT | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0600);

	(void)what;
	if (file < 0)
		return -errno;
	close(file);
	return 0;
}

errint_t lamina_opaque_write(const struct lamina_union *u, int fd)
{
	char xattr[LAMINA_XATTR_NAME_SIZE];

	/* Who asked for `.wh.` names only reads those: the file goes with the attribute. */
	if (u->whiteout_form == LAMINA_WHITEOUT_DOT || !u->xattr_ns) {
		errint_t err = with_times_kept(fd, write_dot_opaque, 0);

		if (err < 0 || !u->xattr_ns)
			return err;
	}
	snprintf(xattr, sizeof(xattr), "%s.overlay.opaque", u->xattr_ns);
	return lamina_xattr_set_fd(fd, xattr, "y", 1, 0);
}

/* Whether @name of @fd, which is no `.wh.` name, is to be removed. Returns 1, 0 or -errno. */
static errint_t is_to_clear(int fd, const char *name, unsigned int what)
{
	struct stat st;

	if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (S_ISREG(st.st_mode) && st.st_size == 0 && (what & LAMINA_CLEAR_MARKED))
		return is_marked(fd, name);
	return S_ISCHR(st.st_mode) && st.st_rdev == 0;
}

static errint_t clear_one(int fd, const char *name, unsigned int what)
{
	errint_t clear = 1;

	if (!strcmp(name, LAMINA_DOT_OPAQUE))
		clear = (what & LAMINA_CLEAR_OPAQUE) != 0;
	else if (!lamina_whiteout_reserved(name))
		clear = is_to_clear(fd, name, what);
	if (clear <= 0)
		return clear;
	return unlinkat(fd, name, 0) < 0 && errno != ENOENT ? -errno : 0;
}

static errint_t clear_all(int fd, unsigned int what)
{
	_cleanup_dir_ DIR *dir = NULL;
	const struct dirent *d;
	errint_t err = lamina_fd_read_dir(fd, &dir);

	if (err < 0)
		return err;
	while (err == 0 && (d = readdir(dir)))
		if (lamina_name_valid(d->d_name))
			err = clear_one(fd, d->d_name, what);
	return err;
}

errint_t lamina_whiteout_clear(int fd, unsigned int what)
{
	return with_times_kept(fd, clear_all, what);
}
