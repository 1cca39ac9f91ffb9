// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Remounting, by the old mount call: it changes the superblock and the mount in one step. No state.
 */
#include "mount/remount.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "mount/record.h"
#include "mount/table.h"

#ifndef ST_NOSYMFOLLOW /* as statfs(2) tells it; glibc has no name for it */
#define ST_NOSYMFOLLOW 0x2000
#endif

struct search {
	const char *path;
	dev_t dev;
	bool found, is_view;
};

static bool look_for(void *user, const struct lamina_table_entry *entry)
{
	struct search *search = user;

	search->found = entry->dev == search->dev && !strcmp(entry->target, search->path) &&
			lamina_table_is_ours(entry);
	search->is_view = search->found && !lamina_table_is_served(entry);
	return !search->found;
}

/* The root directory of a mount of ours. Returns an fd or -errno. */
static errint_t open_root(int at, const char *target, dev_t *ret_dev, bool *ret_is_view,
			  struct lamina_error *error)
{
	_cleanup_fd_ int fd = openat(at, target, O_PATH | O_DIRECTORY | O_CLOEXEC);
	_cleanup_free_ char *path = NULL;
	struct search search = {0};
	struct stat st;
	errint_t err = fd < 0 || fstat(fd, &st) < 0 ? -errno : lamina_fd_where(fd, &path);

	if (err < 0)
		return lamina_error_set(error, err, "cannot open the mountpoint '%s'", target);
	search.path = path;
	search.dev = st.st_dev;
	(void)lamina_table_each(LAMINA_TABLE_SELF, look_for, &search);
	if (!search.found)
		return lamina_error_say(error, -EINVAL, "'%s' is no mount of lamina-mount", target);
	*ret_dev = search.dev;
	*ret_is_view = search.is_view;
	return TAKE_FD(fd);
}

/* Whether the mount was made with an upper, as far as is known: nothing may be written down of it. */
static bool has_upper(dev_t dev)
{
	char program[] = "lamina-mount", option[] = "-o", target[] = "/";
	struct lamina_error ignored = {""};
	struct lamina_mount_options o;
	struct lamina_record record;
	bool has = true;

	if (lamina_record_read(dev, &record) < 0)
		return true;
	if (record.options) {
		char *words[] = {program, option, record.options, target, NULL};

		if (lamina_mount_options_parse(&o, 4, words, &ignored) == 0) {
			has = o.upper != NULL;
			lamina_mount_options_done(&o);
		}
	}
	lamina_record_done(&record);
	return has;
}

static const struct {
	unsigned long statvfs, mount;
	uint64_t attr;
} flags[] = {
	{ST_NOSUID, MS_NOSUID, MOUNT_ATTR_NOSUID},
	{ST_NODEV, MS_NODEV, MOUNT_ATTR_NODEV},
	{ST_NOEXEC, MS_NOEXEC, MOUNT_ATTR_NOEXEC},
	{ST_NODIRATIME, MS_NODIRATIME, MOUNT_ATTR_NODIRATIME},
	{ST_NOATIME, MS_NOATIME, MOUNT_ATTR_NOATIME},
	{ST_RELATIME, MS_RELATIME, 0},
	{ST_NOSYMFOLLOW, MS_NOSYMFOLLOW, MOUNT_ATTR_NOSYMFOLLOW},
	{ST_SYNCHRONOUS, MS_SYNCHRONOUS, 0},
	{ST_MANDLOCK, MS_MANDLOCK, 0},
};

/* The kernel has no word for it in what it tells, and takes its own default where none is passed. */
static unsigned long strict(const struct lamina_mount_options *o, const struct statvfs *now)
{
	bool is_strict = o->named_attrs & MOUNT_ATTR__ATIME
				 ? (o->attrs & MOUNT_ATTR__ATIME) == MOUNT_ATTR_STRICTATIME
				 : !(now->f_flag & (ST_NOATIME | ST_RELATIME));

	return is_strict ? MS_STRICTATIME : 0;
}

/* What @o names, and for all else what is so now. */
static unsigned long new_flags(const struct lamina_mount_options *o, const struct statvfs *now)
{
	bool read_only = o->names_read_only ? o->read_only : now->f_flag & ST_RDONLY;
	unsigned long all = strict(o, now) | (read_only ? MS_RDONLY : 0);

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		bool is_atime = flags[i].mount & (MS_NOATIME | MS_RELATIME);
		bool named = o->named_attrs & (is_atime ? MOUNT_ATTR__ATIME : flags[i].attr);

		if (!named)
			all |= now->f_flag & flags[i].statvfs ? flags[i].mount : 0;
		else if (flags[i].attr ? (o->attrs & flags[i].attr) != 0
				       : !(o->attrs & MOUNT_ATTR__ATIME))
			all |= flags[i].mount;
	}
	return all;
}

/* Files are read by a mount of the daemon's own, which has the options of the start. */
static bool changes_atime(const struct lamina_mount_options *o, const struct statvfs *now)
{
	const struct lamina_mount_options nothing = {.named_attrs = 0};

	return (new_flags(o, now) ^ new_flags(&nothing, now)) &
	       (MS_NOATIME | MS_RELATIME | MS_STRICTATIME | MS_NODIRATIME);
}

errint_t lamina_remount(int at, const struct lamina_mount_options *o, struct lamina_error *error)
{
	const char *target = o->mountpoint;
	char path[LAMINA_FD_PATH_SIZE];
	struct statvfs now;
	dev_t dev = 0;
	bool is_view = false;
	_cleanup_fd_ int fd = open_root(at, target, &dev, &is_view, error);

	if (fd < 0)
		return fd;
	if (fstatvfs(fd, &now) < 0)
		return lamina_error_set(error, -errno, "cannot stat '%s'", target);
	if (o->names_read_only && !o->read_only && !has_upper(dev))
		return lamina_error_set(
			error, -EROFS,
			"cannot make '%s' writable: it was mounted without an upper "
			"directory",
			target);
	if (!is_view && changes_atime(o, &now))
		return lamina_error_say(
			error, -EINVAL,
			"cannot change the access times of '%s': its daemon keeps them as it was "
			"mounted; unmount it, and mount it with the other option",
			target);
	lamina_fd_path(path, fd);
	if (mount(NULL, path, NULL, MS_REMOUNT | new_flags(o, &now), NULL) == 0)
		return 0;
	if (errno == EBUSY)
		return lamina_error_set(
			error, -errno,
			"cannot make '%s' read-only while files are open for writing", target);
	return lamina_error_set(error, -errno, "cannot remount '%s'", target);
}
