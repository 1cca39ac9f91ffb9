// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Copy-up. A regular file is made as an unnamed temporary file and linked into its place;
 * everything else is made in the work directory and renamed. The caller serialises copy-ups of
 * one object, and of one key.
 */
#include "union/copyup.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/fd.h"
#include "union/copydata.h"
#include "union/creds.h"
#include "union/flags.h"
#include "union/permit.h"
#include "union/upper.h"
#include "union/whiteout.h"
#include "union/work.h"
#include "union/xattr.h"

static struct timespec timespec_of(const struct statx_timestamp *stamp)
{
	return (struct timespec){.tv_sec = stamp->tv_sec, .tv_nsec = stamp->tv_nsec};
}

/*
 * Everything of @from but its data and its names; @readable is an fd of it, too, and O_PATH only if
 * nothing else is at hand. The owner comes first: changing it takes set-id bits
 * and capabilities away. The mode, of which an access ACL is a part, may forbid the daemon, too, to set
 * what is before it; times are changed by all the rest.
 */
static errint_t copy_attributes(const struct lamina_union *u, const struct lamina_source *from,
				int readable, int to, bool shortened)
{
	bool has_flags = S_ISREG(from->st.stx_mode) || S_ISDIR(from->st.stx_mode);
	struct timespec times[2] = {timespec_of(&from->st.stx_atime),
				    timespec_of(&from->st.stx_mtime)};
	struct lamina_origin origin = {.ino = from->ino, .nlink = from->lower_nlink};
	errint_t err = lamina_attr_imprint_owner(u, to, &from->st);

	/* A copy cut short is a truncation already, and there will be no other. */
	if (shortened)
		times[1].tv_nsec = UTIME_NOW;
	strncpy(origin.key, from->key, sizeof(origin.key) - 1);
	if (err == 0)
		err = lamina_origin_write(u, to, &origin);
	if (err == 0)
		err = lamina_xattr_copy(u, from->layer, from->fd, to);
	if (err == 0 && has_flags)
		err = lamina_flags_copy(u, readable, &from->st, to);
	if (err == 0)
		err = lamina_attr_imprint_mode(u, to, &from->st);
	if (err == 0)
		err = lamina_attr_set_times(to, times);
	return err;
}

/* Layers are immutable, their access times too where we may choose. */
static errint_t open_data(int fd)
{
	errint_t data = lamina_fd_reopen(fd, O_RDONLY | O_NOATIME);

	return data == -EPERM ? lamina_fd_reopen(fd, O_RDONLY) : data;
}

static errint_t fill_file(const struct lamina_union *u, const struct lamina_source *from, int to,
			  const struct lamina_copyup_options *options)
{
	off_t size = (off_t)from->st.stx_size;
	_cleanup_fd_ int data = -1;
	errint_t err = 0;

	if (options->size < size)
		size = options->size;
	if (size > 0) {
		data = open_data(from->data_fd >= 0 ? from->data_fd : from->fd);
		if (data < 0)
			return data;
		err = lamina_copy_data(data, to, size, options->cancel);
	}
	if (err == 0)
		err = copy_attributes(u, from, size > 0 && from->data_fd < 0 ? data : from->fd, to,
				      size < (off_t)from->st.stx_size);
	if (err == 0 && u->durable && fsync(to) < 0)
		err = -errno;
	return err;
}

static errint_t make_special(const struct lamina_union *u, const struct lamina_source *from,
			     const char *fresh)
{
	mode_t type = from->st.stx_mode & S_IFMT;
	int result;

	if (type == S_IFDIR) {
		result = mkdirat(u->work_fd, fresh, 0700);
	} else if (type == S_IFLNK) {
		_cleanup_free_ char *target = malloc(PATH_MAX);
		errint_t length =
			target ? lamina_attr_read_link(from->fd, target, PATH_MAX) : -ENOMEM;

		if (length < 0)
			return length;
		result = symlinkat(target, u->work_fd, fresh);
	} else {
		bool plain = u->layers[0].override != LAMINA_OVERRIDE_NONE;

		result = mknodat(u->work_fd, fresh, (plain ? S_IFREG : type) | 0600,
				 makedev(from->st.stx_rdev_major, from->st.stx_rdev_minor));
	}
	return result < 0 ? -errno : 0;
}

/*
 * Make the copy, not yet in its place: an unnamed file, or (with a name in @fresh) an object in the
 * work directory. Returns an fd of it, or -errno with nothing left behind.
 */
static errint_t make_copy(const struct lamina_union *u, const struct lamina_source *from,
			  const struct lamina_copyup_options *options,
			  char fresh[LAMINA_WORK_NAME_SIZE])
{
	bool regular = S_ISREG(from->st.stx_mode);
	_cleanup_fd_ int fd = -1;
	errint_t err;

	/* The daemon's own ids: the real ones are imprinted before anybody sees the copy. */
	lamina_creds_become_self();
	if (regular) {
		fd = lamina_upper_new_file(u, fresh);
	} else {
		lamina_work_name(fresh);
		err = make_special(u, from, fresh);
		fd = err < 0 ? err : lamina_fd_open_name(u->work_fd, fresh, O_PATH);
	}
	if (fd < 0)
		return fd;
	err = regular ? fill_file(u, from, fd, options)
		      : copy_attributes(u, from, from->fd, fd, false);
	if (err < 0) {
		if (fresh[0])
			(void)lamina_work_remove_tree(u->work_fd, fresh);
		return err;
	}
	return TAKE_FD(fd);
}

/* Move the finished copy to its place. A directory changes its parent, for which it is written to. */
static errint_t place(const struct lamina_union *u, int fd, const char *fresh, bool is_dir,
		      const struct lamina_dir *dir, const char *name)
{
	const struct lamina_part *part = &dir->parts[0];
	_cleanup_permit_ struct lamina_permit permit = {.u = NULL};
	errint_t err = 0;

	if (!fresh[0])
		return lamina_fd_link(fd, part->fd, name);
	if (is_dir)
		err = lamina_permit_begin(u, fd, part->path, name, &permit);
	return err < 0 ? err : lamina_upper_place(u, fresh, part->fd, name);
}

/*
 * Make @name of @dir a link of the index's file of @key. It is linked by its name in the index: on a
 * path-based FUSE file system an fd is as good as the name that it was opened by, and no better.
 */
static errint_t link_indexed(struct lamina_union *u, const struct lamina_dir *dir, const char *name,
			     const char *key)
{
	const struct lamina_part *part = &dir->parts[0];
	errint_t err = lamina_index_has(u, key);

	if (err <= 0)
		return err < 0 ? err : -ENOENT;
	err = lamina_index_cover_begin(u, key, part->path, name);
	if (err < 0)
		return err;
	if (linkat(u->index_fd, key, part->fd, name, 0) < 0) {
		err = -errno;
		lamina_index_cover_cancel(u, key);
		return err;
	}
	err = lamina_index_cover_end(u, key);
	if (err < 0 && unlinkat(part->fd, name, 0) == 0)
		lamina_index_cover_cancel(u, key);
	return err;
}

/* A file with several names: the copy belongs to the index, the name is one link of it. */
static errint_t place_linked(struct lamina_union *u, int fd, const char *fresh, const char *key,
			     const struct lamina_dir *dir, const char *name)
{
	errint_t err = fresh[0] ? lamina_index_take(u, key, fresh) : lamina_index_add(u, key, fd);

	if (err < 0)
		return err;
	err = link_indexed(u, dir, name, key);
	/* Other names must not show a copy that may have been cut short. */
	if (err < 0)
		lamina_index_remove(u, key);
	return err;
}

static errint_t mark_parent(const struct lamina_union *u, struct lamina_dir *parent)
{
	struct lamina_part *part = &parent->parts[0];
	errint_t err;

	if (part->flags & LAMINA_PART_IMPURE)
		return 0;
	err = lamina_origin_mark_parent(u, part->fd);
	if (err == 0)
		part->flags |= LAMINA_PART_IMPURE;
	return err;
}

/* A copy, not yet in its place, or (an fd of -1) that of the index. */
struct copy {
	int fd;
	char fresh[LAMINA_WORK_NAME_SIZE];
};

static errint_t put(struct lamina_union *u, struct lamina_dir *parent, const char *name,
		    const struct lamina_source *from, const struct copy *copy)
{
	if (copy->fd < 0)
		return link_indexed(u, parent, name, from->key);
	if (from->key[0])
		return place_linked(u, copy->fd, copy->fresh, from->key, parent, name);
	return place(u, copy->fd, copy->fresh, S_ISDIR(from->st.stx_mode), parent, name);
}

/* All that changes @parent, which then looks as if nothing had happened. */
static errint_t put_in_place(struct lamina_union *u, struct lamina_dir *parent, const char *name,
			     const struct lamina_source *from, const struct copy *copy)
{
	const struct lamina_part *part = &parent->parts[0];
	_cleanup_permit_ struct lamina_permit permit = {.u = NULL};
	struct timespec times[2];
	struct stat before;
	errint_t err = lamina_permit_begin(u, part->fd, part->path, "", &permit);

	if (err == 0 && fstat(part->fd, &before) < 0)
		err = -errno;
	if (err == 0)
		err = mark_parent(u, parent);
	if (err == 0)
		err = put(u, parent, name, from, copy);
	if (err < 0)
		return err;
	/* The copy is there, whether or not the times can be restored. */
	times[0] = before.st_atim;
	times[1] = before.st_mtim;
	(void)lamina_attr_set_times(part->fd, times);
	return 0;
}

errint_t lamina_copyup(struct lamina_union *u, struct lamina_dir *parent, const char *name,
		       const struct lamina_source *from,
		       const struct lamina_copyup_options *options, int *ret_fd)
{
	errint_t err = lamina_dir_fd(parent, 0);
	struct copy copy = {.fd = -1};
	_cleanup_fd_ int fd = -1;

	if (err < 0)
		return err;
	err = from->key[0] ? lamina_index_has(u, from->key) : 0;
	if (err == 0)
		err = copy.fd = fd = make_copy(u, from, options, copy.fresh);
	if (err >= 0)
		err = put_in_place(u, parent, name, from, &copy);
	if (err < 0) {
		if (copy.fresh[0])
			(void)lamina_work_remove_tree(u->work_fd, copy.fresh);
		return err;
	}
	*ret_fd = S_ISREG(from->st.stx_mode) ? TAKE_FD(fd) : -1;
	return 0;
}

errint_t lamina_copyup_unnamed(const struct lamina_union *u, const struct lamina_source *from,
			       const struct lamina_copyup_options *options)
{
	char fresh[LAMINA_WORK_NAME_SIZE] = "";
	errint_t fd = make_copy(u, from, options, fresh);

	if (fd >= 0 && fresh[0])
		(void)lamina_work_remove_tree(u->work_fd, fresh);
	return fd;
}

errint_t lamina_copyup_data(const struct lamina_union *u, int to, int data,
			    const struct lamina_copyup_options *options)
{
	static const char *const marks[] = {"trusted.overlay.metacopy", "user.overlay.metacopy",
					    "trusted.overlay.redirect", "user.overlay.redirect"};
	_cleanup_fd_ int from = open_data(data);
	struct timespec times[2];
	struct stat st;
	errint_t err;

	if (from < 0)
		return from;
	if (fstat(to, &st) < 0)
		return -errno;
	err = lamina_copy_data(from, to, options->size < st.st_size ? options->size : st.st_size,
			       options->cancel);
	if (err == 0 && u->durable && fsync(to) < 0)
		err = -errno;
	if (err < 0)
		return err;
	times[0] = st.st_atim;
	times[1] = st.st_mtim;
	if (options->size < st.st_size)
		times[1].tv_nsec = UTIME_NOW;
	err = lamina_attr_set_times(to, times);
	for (size_t i = 0; err == 0 && i < sizeof(marks) / sizeof(marks[0]); i++) {
		err = lamina_xattr_remove_fd(to, marks[i]);
		if (lamina_xattr_absent(err))
			err = 0;
	}
	return err;
}
