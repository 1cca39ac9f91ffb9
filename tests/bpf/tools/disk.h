/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What upcalls ask for, done to the upper by path names, as the tests need it: layers with overlayfs'
 * marks, whose directories are merged by name. Functions return enum fuse_upcall_answer, or -errno.
 */
#pragma once

#include <dirent.h>
#include <limits.h>
#include <stdarg.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include <linux/fuse_upcall.h>

#include "tap.h"
#include "view.h"

#define DISK_OWN    "trusted.lamina."
#define DISK_OPAQUE "trusted.overlay.opaque"
#define DISK_LAYERS 501
#define KEY_SIZE    224

/* [0] is the upper. */
static struct {
	char *paths[DISK_LAYERS];
	unsigned int fsid[DISK_LAYERS];
	unsigned int n;
	char *work_path, *index_path;
	int work, index;
} disk;

/* The tests' paths are short. */
__attribute__((format(printf, 2, 3))) static inline void print_path(char out[PATH_MAX],
								    const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (vsnprintf(out, PATH_MAX, format, args) >= PATH_MAX)
		abort();
	va_end(args);
}

static inline void path_in(char out[PATH_MAX], unsigned int layer, const char *path)
{
	print_path(out, "%s/%s", disk.paths[layer], path);
}

static inline bool is_whiteout(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && !st->st_rdev;
}

/* Layers: upper, work directory, lowers. */
static inline void disk_open(char **layers, unsigned int n)
{
	dev_t devs[DISK_LAYERS];
	struct stat st;

	for (unsigned int i = 0; i < n; i++) {
		unsigned int same = 0, next = 0;

		if (i == 1)
			continue;
		disk.paths[disk.n] = realpath(layers[i], NULL);
		must(disk.paths[disk.n] ? stat(layers[i], &st) : -1, layers[i]);
		devs[disk.n] = st.st_dev;
		while (devs[same] != st.st_dev)
			same++;
		for (unsigned int j = 0; j < disk.n; j++)
			next = next > disk.fsid[j] ? next : disk.fsid[j] + 1;
		disk.fsid[disk.n] = same < disk.n ? disk.fsid[same] : next;
		disk.n++;
	}
	if (asprintf(&disk.work_path, "%s/work", layers[1]) < 0 ||
	    asprintf(&disk.index_path, "%s/lamina-index", layers[1]) < 0)
		abort();
	mkdir(disk.work_path, 0700);
	mkdir(disk.index_path, 0700);
	disk.work_path = realpath(disk.work_path, NULL);
	disk.index_path = realpath(disk.index_path, NULL);
	disk.work = open(disk.work_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	disk.index = open(disk.index_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	must(disk.work, layers[1]);
	must(disk.index, layers[1]);
}

static inline uint64_t shown_ino(unsigned int layer, uint64_t ino)
{
	uint64_t fsid = disk.fsid[layer];

	if (!fsid)
		return ino;
	return ino >> 55 ? ino ^ fsid * 0x61c8864680b583ebULL : ino | fsid << 55;
}

static inline bool has_name(const char *dir, const char *name)
{
	char full[PATH_MAX];

	print_path(full, "%s/%s", dir, name);
	return !access(full, F_OK);
}

/* What a layer has under a path: 0 nothing, 1 something, 2 something opaque, 3 a whiteout. */
static inline int state_of(unsigned int layer, const char *path, struct stat *st)
{
	char full[PATH_MAX], aside[PATH_MAX], value;
	char *slash;

	path_in(full, layer, path);
	slash = strrchr(full, '/');
	print_path(aside, "%.*s.wh.%s", (int)(slash - full + 1), full, slash + 1);
	if (lstat(full, st))
		return !access(aside, F_OK) ? 3 : 0;
	if (is_whiteout(st))
		return 3;
	if (!S_ISDIR(st->st_mode) || !access(aside, F_OK) || has_name(full, ".wh..wh..opq"))
		return 2;
	return lgetxattr(full, DISK_OPAQUE, &value, 1) == 1 && value == 'y' ? 2 : 1;
}

/*
 * The topmost lower layer that shows the path, or another one below it, from @from on; 0 if none.
 * Where a directory on the way is opaque or removed, in the upper or in a lower layer, those below
 * don't show it.
 */
static inline unsigned int lower_from(const char *path, unsigned int from, struct stat *st)
{
	unsigned int end = disk.n, state;
	char part[PATH_MAX];
	struct stat inner;

	for (size_t n = 0; path[n];) {
		n += strcspn(path + n + !!n, "/") + !!n;
		print_path(part, "%.*s", (int)n, path);
		for (unsigned int i = 0; i < end; i++) {
			bool last = !path[n];

			if (last && !i)
				continue;
			state = (unsigned int)state_of(i, part, &inner);
			if (last && i >= from && (state == 1 || state == 2)) {
				*st = inner;
				return i;
			}
			if (state == 3)
				end = i;
			else if (state == 2)
				end = i + 1;
		}
	}
	return 0;
}

static inline unsigned int lower_of(const char *path, struct stat *st)
{
	return lower_from(path, 1, st);
}

static inline void write_key(char key[KEY_SIZE], unsigned int layer, const char *full)
{
	union {
		struct file_handle h;
		unsigned char bytes[sizeof(struct file_handle) + FUSE_UPCALL_HANDLE_MAX];
	} handle = {.h.handle_bytes = FUSE_UPCALL_HANDLE_MAX};
	struct stat st;
	int id, n;

	if (name_to_handle_at(AT_FDCWD, full, &handle.h, &id, 0)) {
		must(lstat(full, &st), full);
		snprintf(key, KEY_SIZE, "l%u-%lx", disk.n - layer, (unsigned long)st.st_ino);
		return;
	}
	n = snprintf(key, KEY_SIZE, "%u-%x-", disk.fsid[layer], (unsigned int)handle.h.handle_type);
	for (unsigned int i = 0; i < handle.h.handle_bytes; i++)
		n += snprintf(key + n, KEY_SIZE - (size_t)n, "%02x",
			      handle.bytes[sizeof(handle.h) + i]);
}

static inline void in_index(char out[PATH_MAX], const char *key, const char *suffix)
{
	print_path(out, "%s/%s%s", disk.index_path, key, suffix);
}

/* One more name of the lower file doesn't show it any more. */
static inline void cover(const char *key)
{
	char name[PATH_MAX], fresh[PATH_MAX], value[16] = "";

	in_index(name, key, ".n");
	in_index(fresh, key, ".new");
	if (readlink(name, value, sizeof(value) - 1) < 0)
		value[0] = '\0';
	snprintf(value, sizeof(value), "%d", atoi(value) + 1);
	unlink(fresh);
	must(symlink(value, fresh), fresh);
	must(rename(fresh, name), name);
}

static inline int copy_data(const char *from, const char *to, off_t size)
{
	static char buffer[1 << 16];
	int in = open(from, O_RDONLY | O_NOFOLLOW), out = open(to, O_WRONLY | O_NOFOLLOW);
	ssize_t n, written = 0;
	int err = 0;

	while (size > 0 && !err) {
		n = read(in, buffer, size < (off_t)sizeof(buffer) ? (size_t)size : sizeof(buffer));
		if (n > 0)
			written = write(out, buffer, (size_t)n);
		if (n < 0 || written < 0)
			err = -errno;
		else if (!n || written != n)
			err = -ENOSPC;
		size -= n;
	}
	if (!err && fsync(out))
		err = -errno;
	close(in);
	close(out);
	return err;
}

static inline void copy_xattrs(const char *from, const char *to)
{
	static char list[65536], value[65536];
	ssize_t n = llistxattr(from, list, sizeof(list)), size;

	for (char *name = list; name < list + n; name += strlen(name) + 1) {
		if (!strncmp(name, "trusted.overlay.", 16) &&
		    strncmp(name, "trusted.overlay.overlay.", 24))
			continue;
		size = lgetxattr(from, name, value, sizeof(value));
		if (size >= 0)
			lsetxattr(to, name, value, (size_t)size, 0);
	}
}

static inline int make_node(const char *to, const struct stat *st, const char *from)
{
	char target[PATH_MAX] = "";

	if (S_ISDIR(st->st_mode))
		return mkdir(to, 0700);
	if (S_ISREG(st->st_mode)) {
		int fd = open(to, O_CREAT | O_EXCL | O_WRONLY, 0600);

		return fd < 0 ? -1 : close(fd);
	}
	if (!S_ISLNK(st->st_mode))
		return mknod(to, st->st_mode, st->st_rdev);
	if (readlink(from, target, sizeof(target) - 1) < 0)
		return -1;
	return symlink(target, to);
}

static inline void remove_tree(const char *path)
{
	char inner[PATH_MAX];
	struct dirent *e;
	DIR *d = opendir(path);

	while (d && (e = readdir(d))) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		print_path(inner, "%s/%s", path, e->d_name);
		remove_tree(inner);
	}
	if (d)
		closedir(d);
	remove(path);
}

/* The finished copy of what @from is, in the work directory. */
static inline int prepare_copy(const char *temp, unsigned int layer, const char *from,
			       const struct stat *st, const char *key, off_t size)
{
	struct timespec times[2] = {st->st_atim, st->st_mtim};
	char record[KEY_SIZE + 64];
	struct stat self;
	int n, err = 0;

	remove_tree(temp);
	if (make_node(temp, st, from))
		return -errno;
	if (S_ISREG(st->st_mode))
		err = copy_data(from, temp, size < st->st_size ? size : st->st_size);
	if (err)
		return err;
	/* A change of owner would take file capabilities away. */
	if (lchown(temp, st->st_uid, st->st_gid))
		return -errno;
	copy_xattrs(from, temp);
	if ((!S_ISLNK(st->st_mode) && chmod(temp, st->st_mode & 07777)) || lstat(temp, &self))
		return -errno;
	n = snprintf(record, sizeof(record), "%lu %lu", (unsigned long)shown_ino(layer, st->st_ino),
		     (unsigned long)self.st_ino);
	if (*key)
		n += snprintf(record + n, sizeof(record) - (size_t)n, " %u %s",
			      (unsigned int)st->st_nlink, key);
	lsetxattr(temp, DISK_OWN "origin", record, (size_t)n, 0);
	if (S_ISREG(st->st_mode) && size < st->st_size)
		times[1].tv_nsec = UTIME_NOW;
	utimensat(AT_FDCWD, temp, times, AT_SYMLINK_NOFOLLOW);
	return 0;
}

static inline int copy_one(const char *path, unsigned int layer, off_t size)
{
	char from[PATH_MAX], to[PATH_MAX], parent[PATH_MAX], temp[PATH_MAX], link_path[PATH_MAX];
	char key[KEY_SIZE] = "";
	struct timespec times[2];
	struct stat st, dir;
	int err = 0;

	path_in(from, layer, path);
	path_in(to, 0, path);
	print_path(temp, "%s/copy", disk.work_path);
	print_path(parent, "%s", to);
	*strrchr(parent, '/') = '\0';
	if (lstat(from, &st) || lstat(parent, &dir))
		return errno == ENOENT ? FUSE_UPCALL_RETRY : -errno;
	lsetxattr(parent, DISK_OWN "impure", "y", 1, 0);
	if (!S_ISDIR(st.st_mode) && st.st_nlink > 1) {
		write_key(key, layer, from);
		in_index(link_path, key, "");
	}
	if (!*key || access(link_path, F_OK))
		err = prepare_copy(temp, layer, from, &st, key, size);
	if (err) {
		remove_tree(temp);
		return err;
	}
	if (*key) {
		if (access(link_path, F_OK) && link(temp, link_path))
			return -errno;
		remove_tree(temp);
		if (link(link_path, to))
			return errno == EEXIST ? FUSE_UPCALL_RETRY : -errno;
		cover(key);
	} else if (renameat2(AT_FDCWD, temp, AT_FDCWD, to, RENAME_NOREPLACE)) {
		remove_tree(temp);
		return errno == EEXIST ? FUSE_UPCALL_RETRY : -errno;
	}
	times[0] = dir.st_atim;
	times[1] = dir.st_mtim;
	utimensat(AT_FDCWD, parent, times, 0);
	return FUSE_UPCALL_DONE;
}

/* Each directory on the way, and then the object, which is in @layer. */
static inline int disk_copy_up(const char *path, unsigned int layer, off_t size)
{
	char part[PATH_MAX], full[PATH_MAX];
	int ret = FUSE_UPCALL_DONE;
	struct stat st;

	for (size_t n = 0; ret > 0 && path[n];) {
		unsigned int from = layer;

		n += strcspn(path + n + !!n, "/") + !!n;
		print_path(part, "%.*s", (int)n, path);
		path_in(full, 0, part);
		if (!lstat(full, &st)) {
			if (is_whiteout(&st))
				return FUSE_UPCALL_RETRY;
			continue;
		}
		if (path[n] || !layer)
			from = lower_of(part, &st);
		if (!from)
			return FUSE_UPCALL_RETRY;
		ret = copy_one(part, from, path[n] ? 0 : size);
	}
	return ret;
}

static inline int disk_join(const char *path)
{
	struct stat st;
	unsigned int layer = lower_of(path, &st);

	return layer ? disk_copy_up(path, layer, LONG_MAX) : FUSE_UPCALL_RETRY;
}

static inline int disk_whiteout(const char *path)
{
	char full[PATH_MAX], from[PATH_MAX], aside[PATH_MAX], key[KEY_SIZE];
	struct stat st, lower;
	unsigned int layer = lower_of(path, &lower);

	path_in(full, 0, path);
	print_path(aside, "%s/aside", disk.work_path);
	if (!lstat(full, &st)) {
		if (is_whiteout(&st))
			return FUSE_UPCALL_DONE;
		remove_tree(aside);
		if (renameat2(AT_FDCWD, full, AT_FDCWD, aside, RENAME_WHITEOUT))
			return -errno;
		remove_tree(aside);
		return FUSE_UPCALL_DONE;
	}
	if (errno != ENOENT || mknod(full, S_IFCHR, 0))
		return errno == ENOENT || errno == ENOTDIR ? FUSE_UPCALL_RETRY : -errno;
	if (layer && !S_ISDIR(lower.st_mode) && lower.st_nlink > 1) {
		path_in(from, layer, path);
		write_key(key, layer, from);
		cover(key);
	}
	return FUSE_UPCALL_DONE;
}

static inline int make_new(const char *temp, const struct fuse_upcall_in *in, const char *text)
{
	dev_t rdev = makedev((in->rdev & 0xfff00) >> 8,
			     (in->rdev & 0xff) | ((in->rdev >> 12) & 0xfff00));
	struct stat st = {.st_mode = in->mode, .st_rdev = rdev};
	int ret;

	if (S_ISLNK(in->mode))
		ret = symlink(text, temp);
	else
		ret = make_node(temp, &st, NULL);
	if (ret || lchown(temp, in->uid, in->gid))
		return -errno;
	if (!S_ISLNK(in->mode) && chmod(temp, in->mode & ~in->umask & 07777))
		return -errno;
	if (S_ISDIR(in->mode) && lsetxattr(temp, DISK_OPAQUE, "y", 1, 0))
		return -errno;
	return 0;
}

/* Modes follow the umask alone: no default ACLs here. */
static inline int disk_make(const char *path, const struct fuse_upcall_in *in, const char *text)
{
	char full[PATH_MAX], temp[PATH_MAX];
	struct stat st;
	int err;

	path_in(full, 0, path);
	if (lstat(full, &st) || !is_whiteout(&st))
		return FUSE_UPCALL_RETRY;
	print_path(temp, "%s/make", disk.work_path);
	remove_tree(temp);
	err = make_new(temp, in, text);
	if (!err &&
	    renameat2(AT_FDCWD, temp, AT_FDCWD, full, S_ISDIR(in->mode) ? RENAME_EXCHANGE : 0))
		err = -errno;
	remove_tree(temp);
	return err ?: FUSE_UPCALL_DONE;
}

/* Copies up all that lower layers show below a directory of the upper. */
static inline int raise_children(const char *path)
{
	char from[PATH_MAX], name[PATH_MAX], full[PATH_MAX];
	int ret = FUSE_UPCALL_DONE;
	struct stat st, lower;
	struct dirent *e;
	unsigned int layer = 0;
	DIR *d;

	path_in(full, 0, path);
	if (state_of(0, path, &st) == 2)
		return ret;
	while (ret > 0 && (layer = lower_from(path, layer + 1, &lower)) && S_ISDIR(lower.st_mode)) {
		path_in(from, layer, path);
		d = opendir(from);
		while (d && ret > 0 && (e = readdir(d))) {
			unsigned int shown;

			if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
				continue;
			print_path(name, "%s/%s", path, e->d_name);
			path_in(full, 0, name);
			shown = lower_of(name, &lower);
			if (!strncmp(e->d_name, ".wh.", 4) || !shown)
				continue;
			if (lstat(full, &st)) {
				ret = disk_copy_up(name, shown, LONG_MAX);
				st = lower;
			}
			if (ret > 0 && S_ISDIR(st.st_mode))
				ret = raise_children(name);
		}
		if (d)
			closedir(d);
	}
	return ret;
}

static inline void remove_whiteouts(const char *full)
{
	char inner[PATH_MAX];
	struct dirent *e;
	struct stat st;
	DIR *d = opendir(full);

	while (d && (e = readdir(d))) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		print_path(inner, "%s/%s", full, e->d_name);
		if (lstat(inner, &st))
			continue;
		if (is_whiteout(&st))
			unlink(inner);
		else if (S_ISDIR(st.st_mode))
			remove_whiteouts(inner);
	}
	if (d)
		closedir(d);
}

static inline int disk_raise_tree(const char *path)
{
	char full[PATH_MAX];
	struct stat st;
	int ret = FUSE_UPCALL_DONE;

	path_in(full, 0, path);
	if (lstat(full, &st))
		ret = disk_copy_up(path, lower_of(path, &st), 0);
	if (ret > 0)
		ret = raise_children(path);
	if (ret != FUSE_UPCALL_DONE)
		return ret;
	if (lsetxattr(full, DISK_OPAQUE, "y", 1, 0))
		return -errno;
	remove_whiteouts(full);
	return FUSE_UPCALL_DONE;
}
