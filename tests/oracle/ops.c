// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Random operations. What an operation does is drawn once and then done on each side; results,
 * errors and data must be the same.
 */
#include "oracle.h"

#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/fsuid.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#define N_SLOTS	  4
#define DATA_SIZE 9000

/* What is the same for both sides. */
struct draw {
	char path[64], path2[64];
	int flags;
	mode_t mode, umask;
	uid_t user;
	unsigned int slot, size, number, chattr;
	off_t offset;
	char data[DATA_SIZE];
};

/* One side while an operation is done on it. */
struct side {
	int root;
	int *slots;
};

struct outcome {
	long value;	/* of the call, or -1 */
	int error;	/* errno if so */
	uint64_t extra; /* hash of what was read */
};

static int slot_fds[2][N_SLOTS];

/* With engine fuse the kernel does not tell of opens: what they would refuse, the first write is. */
static bool opens_untold;

/* Whether the first write by @fd, opened with @flags, is going to be refused. */
static bool is_protected(int fd, int flags)
{
	unsigned int found = 0;

	if ((flags & O_ACCMODE) == O_RDONLY || ioctl(fd, FS_IOC_GETFLAGS, &found) < 0)
		return false;
	return (found & FS_IMMUTABLE_FL) || ((found & FS_APPEND_FL) && !(flags & O_APPEND));
}

static int open_at(const struct side *s, const char *path, int flags, mode_t mode)
{
	int fd = openat(s->root, path, flags | O_NONBLOCK | O_CLOEXEC, mode);

	if (fd < 0 || !opens_untold || !is_protected(fd, flags))
		return fd;
	close(fd);
	errno = EPERM;
	return -1;
}

static uint64_t hash_of(const void *data, size_t size)
{
	const unsigned char *at = data;
	uint64_t hash = 1469598103934665603u;

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ at[i]) * 1099511628211u;
	return hash;
}

static struct outcome result(long value)
{
	return (struct outcome){.value = value, .error = value < 0 ? errno : 0};
}

/* An fd is as good as another. */
static struct outcome opened(int fd)
{
	return result(fd < 0 ? fd : 0);
}

static void xattr_path(char *path, size_t size, const struct side *s, const char *name)
{
	snprintf(path, size, "/proc/self/fd/%d/%s", s->root, name);
}

/* ---- names ---- */

static struct outcome op_mkdir(const struct draw *d, struct side *s)
{
	return result(mkdirat(s->root, d->path, d->mode));
}

static struct outcome op_rmdir(const struct draw *d, struct side *s)
{
	return result(unlinkat(s->root, d->path, AT_REMOVEDIR));
}

static struct outcome op_unlink(const struct draw *d, struct side *s)
{
	return result(unlinkat(s->root, d->path, 0));
}

static struct outcome op_rename(const struct draw *d, struct side *s)
{
	return result(renameat2(s->root, d->path, s->root, d->path2, (unsigned int)d->flags));
}

static struct outcome op_link(const struct draw *d, struct side *s)
{
	return result(linkat(s->root, d->path, s->root, d->path2, 0));
}

static struct outcome op_symlink(const struct draw *d, struct side *s)
{
	return result(symlinkat(d->path2, s->root, d->path));
}

static struct outcome op_mknod(const struct draw *d, struct side *s)
{
	static const mode_t types[] = {S_IFIFO, S_IFSOCK, S_IFCHR, S_IFREG, S_IFCHR};
	unsigned int kind = d->number % 5;

	return result(
		mknodat(s->root, d->path, types[kind] | d->mode, kind == 2 ? makedev(1, 3) : 0));
}

/* ---- files ---- */

static struct outcome op_create(const struct draw *d, struct side *s)
{
	int fd = open_at(s, d->path, O_CREAT | O_RDWR | d->flags, d->mode);
	struct outcome o = opened(fd);

	if (fd >= 0) {
		o.value = write(fd, d->data, d->size);
		close(fd);
	}
	return o;
}

static struct outcome op_write(const struct draw *d, struct side *s)
{
	int fd = open_at(s, d->path, O_WRONLY | d->flags, 0);
	struct outcome o = opened(fd);

	if (fd >= 0) {
		o = result(pwrite(fd, d->data, d->size, d->offset));
		close(fd);
	}
	return o;
}

static struct outcome op_read(const struct draw *d, struct side *s)
{
	int fd = open_at(s, d->path, O_RDONLY | O_NOFOLLOW, 0);
	struct outcome o = opened(fd);
	char data[DATA_SIZE];

	if (fd >= 0) {
		o = result(pread(fd, data, d->size, d->offset));
		o.extra = o.value > 0 ? hash_of(data, (size_t)o.value) : 0;
		close(fd);
	}
	return o;
}

static struct outcome op_truncate(const struct draw *d, struct side *s)
{
	char path[128];

	xattr_path(path, sizeof(path), s, d->path);
	/* Never to 0: see "Known differences" in docs/compatibility.md. */
	return result(truncate(path, d->offset + 1));
}

static struct outcome op_mmap(const struct draw *d, struct side *s)
{
	int fd = open_at(s, d->path, O_RDWR | O_NOFOLLOW, 0);
	struct outcome o = opened(fd);
	struct stat st;
	char *map, data[16];

	if (fd < 0)
		return o;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size < 16) {
		close(fd);
		return o;
	}
	map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED) {
		o = result(-1);
	} else {
		memcpy(map + 3, d->data, 8);
		o = result(pread(fd, data, 16, 0)); /* the mapping and read agree */
		o.extra = hash_of(data, 16);
		munmap(map, 4096);
	}
	close(fd);
	return o;
}

static struct outcome op_fallocate(const struct draw *d, struct side *s)
{
	static const int modes[] = {0, FALLOC_FL_KEEP_SIZE,
				    FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE};
	int fd = open_at(s, d->path, O_RDWR | O_NOFOLLOW, 0);
	struct outcome o = opened(fd);

	if (fd >= 0) {
		o = result(fallocate(fd, modes[d->number % 3], d->offset, 1 + d->size));
		close(fd);
	}
	return o;
}

static struct outcome op_seek(const struct draw *d, struct side *s)
{
	int fd = open_at(s, d->path, O_RDONLY | O_NOFOLLOW, 0);
	struct outcome o = opened(fd);
	struct stat st;

	if (fd >= 0) {
		if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
			o = result(lseek(fd, d->offset, d->number % 2 ? SEEK_DATA : SEEK_HOLE));
		close(fd);
	}
	return o;
}

static struct outcome op_copy_range(const struct draw *d, struct side *s)
{
	int from = open_at(s, d->path, O_RDONLY | O_NOFOLLOW, 0);
	struct outcome o = opened(from);
	int to = open_at(s, d->path2, O_RDWR | O_NOFOLLOW, 0);
	off_t from_at = 0, to_at = d->offset;

	if (from >= 0)
		o = opened(to);
	/* Within one file FUSE takes capabilities away before it refuses an overlap. */
	if (from >= 0 && to >= 0 && strcmp(d->path, d->path2))
		o = result(copy_file_range(from, &from_at, to, &to_at, d->size, 0));
	close(from);
	close(to);
	return o;
}

static struct outcome op_tmpfile(const struct draw *d, struct side *s)
{
	int fd = openat(s->root, d->path, O_TMPFILE | O_RDWR | O_CLOEXEC, d->mode);
	struct outcome o = opened(fd);
	char path[64];

	if (fd >= 0) {
		o = result(write(fd, d->data, d->size));
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		if (d->number % 2)
			o = result(linkat(AT_FDCWD, path, s->root, d->path2, AT_SYMLINK_FOLLOW));
		close(fd);
	}
	return o;
}

/* ---- attributes ---- */

static struct outcome op_chmod(const struct draw *d, struct side *s)
{
	return result(fchmodat(s->root, d->path, d->mode, 0));
}

static struct outcome op_chown(const struct draw *d, struct side *s)
{
	return result(fchownat(s->root, d->path, d->number % 3 ? 1000 : (uid_t)-1,
			       d->number % 2 ? 1000 : 0, AT_SYMLINK_NOFOLLOW));
}

static struct outcome op_utimes(const struct draw *d, struct side *s)
{
	const struct timespec times[2] = {{d->number, 123456789}, {d->size, 987654321}};

	return result(
		utimensat(s->root, d->path, d->number % 5 ? times : NULL, AT_SYMLINK_NOFOLLOW));
}

static struct outcome op_stat(const struct draw *d, struct side *s)
{
	struct stat st = {0};
	struct outcome o = result(fstatat(s->root, d->path, &st, AT_SYMLINK_NOFOLLOW));

	if (o.value == 0)
		o.extra = ((uint64_t)st.st_mode << 32) + st.st_uid * 7 + st.st_gid * 11 +
			  (S_ISDIR(st.st_mode) ? 0 : (uint64_t)st.st_size * 13 + st.st_nlink);
	return o;
}

static struct outcome op_access(const struct draw *d, struct side *s)
{
	return result(faccessat(s->root, d->path, (int)d->number % 8, AT_EACCESS));
}

static const char *const xattr_names[] = {"user.test",
					  "user.other",
					  "trusted.test",
					  "security.test",
					  "system.posix_acl_access",
					  "system.posix_acl_default"};

static const char *xattr_name(const struct draw *d)
{
	return xattr_names[d->number % 6];
}

/* rwx for user 1000 beside the usual three, and a mask. */
static const unsigned char acl_value[] = {
	2, 0,	0,   0,	  1,   0,   7,	0, 255, 255, 255, 255, 2,   0,	 6,
	0, 232, 3,   0,	  0,   4,   0,	5, 0,	255, 255, 255, 255, 16,	 0,
	7, 0,	255, 255, 255, 255, 32, 0, 5,	0,   255, 255, 255, 255,
};

static struct outcome op_setxattr(const struct draw *d, struct side *s)
{
	const char *name = xattr_name(d);
	bool acl = strstr(name, "acl");
	char path[128];

	xattr_path(path, sizeof(path), s, d->path);
	return result(lsetxattr(path, name, acl ? (const void *)acl_value : d->data,
				acl ? sizeof(acl_value) : d->size % 100, d->flags));
}

static struct outcome op_getxattr(const struct draw *d, struct side *s)
{
	char path[128], value[4096];
	struct outcome o;

	xattr_path(path, sizeof(path), s, d->path);
	o = result(lgetxattr(path, xattr_name(d), value, sizeof(value)));
	o.extra = o.value > 0 ? hash_of(value, (size_t)o.value) : 0;
	return o;
}

static struct outcome op_removexattr(const struct draw *d, struct side *s)
{
	char path[128];
	struct outcome o;
	struct stat st;

	xattr_path(path, sizeof(path), s, d->path);
	o = result(lremovexattr(path, xattr_name(d)));
	/* Of other than directories, the kernel's FUSE says so without asking if the object is immutable. */
	if (o.error == EPERM && !strcmp(xattr_name(d), "system.posix_acl_default") &&
	    lstat(path, &st) == 0 && !S_ISDIR(st.st_mode))
		return result(0);
	/* overlayfs says so only as long as the file is a lower one. */
	return o.error == ENODATA && strstr(xattr_name(d), "acl") ? result(0) : o;
}

/* What a handle from before may still do is each engine's own. */
static void close_slots(struct side *s)
{
	for (int i = 0; i < N_SLOTS; i++) {
		if (s->slots[i] >= 0)
			close(s->slots[i]);
		s->slots[i] = -1;
	}
}

static struct outcome op_flags(const struct draw *d, struct side *s)
{
	int fd = open_at(s, d->path, O_RDONLY | O_NOFOLLOW, 0);
	struct outcome o = opened(fd);
	unsigned int flags = 0;

	if (fd < 0)
		return o;
	o = result(ioctl(fd, FS_IOC_GETFLAGS, &flags));
	o.extra = flags & FLAGS_SEEN;
	if (o.value == 0 && d->number % 4) {
		if (d->chattr & FLAGS_PROTECT)
			close_slots(s);
		flags = (flags & ~FLAGS_SEEN) | d->chattr;
		o.value = ioctl(fd, FS_IOC_SETFLAGS, &flags);
		o.error = o.value < 0 ? errno : 0;
	}
	close(fd);
	return o;
}

static struct outcome op_readdir(const struct draw *d, struct side *s)
{
	DIR *dir = fdopendir(openat(s->root, d->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	struct outcome o = result(dir ? 0 : -1);
	const struct dirent *e;

	if (!dir)
		return o;
	/* The order is each side's own. */
	while ((e = readdir(dir))) {
		o.extra += hash_of(e->d_name, strlen(e->d_name)) * (e->d_type + 1u);
		o.value++;
	}
	closedir(dir);
	return o;
}

/* ---- handles that stay open ---- */

static struct outcome op_slot_open(const struct draw *d, struct side *s)
{
	int *fd = &s->slots[d->slot];

	if (*fd >= 0)
		close(*fd);
	/* Some for reading only: they have to show what others write after a copy-up. */
	*fd = open_at(s, d->path,
		      (d->number % 3 ? O_RDWR : O_RDONLY) | O_NONBLOCK | O_NOFOLLOW | d->flags,
		      d->mode);
	return opened(*fd);
}

/* A lock of an open handle: by flock(2), or of a range by its open file description. */
static struct outcome lock(int fd, bool whole, int kind)
{
	struct flock range = {
		.l_type = kind == LOCK_SH   ? F_RDLCK
			  : kind == LOCK_EX ? F_WRLCK
					    : F_UNLCK,
		.l_whence = SEEK_SET,
		.l_start = 5,
		.l_len = 10,
	};

	return result(whole ? flock(fd, kind | LOCK_NB) : fcntl(fd, F_OFD_SETLK, &range));
}

static struct outcome op_slot_lock(const struct draw *d, struct side *s)
{
	static const int kinds[] = {LOCK_SH, LOCK_EX, LOCK_UN};

	return lock(s->slots[d->slot], d->number % 2, kinds[d->number % 3]);
}

/*
 * A lock by a handle for reading, and what happens to it and to the data when the file is opened for
 * writing, which may copy it up, and is written to.
 */
static struct outcome op_lock(const struct draw *d, struct side *s)
{
	bool whole = d->number % 2;
	int reader = openat(s->root, d->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	struct outcome o = opened(reader), writes;
	int writer = reader < 0 ? -1 : openat(s->root, d->path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	char data[DATA_SIZE];
	ssize_t n;

	if (writer >= 0) {
		o = lock(reader, whole, LOCK_SH);
		writes = lock(writer, whole, LOCK_EX);
		o.extra = (uint64_t)writes.error;
		writes = result(pwrite(writer, d->data, d->size, d->offset));
		n = pread(reader, data, sizeof(data), d->offset);
		o.extra = o.extra * 31 + (n > 0 ? hash_of(data, (size_t)n) : 0);
		close(reader);
		reader = -1;
		writes = lock(writer, whole, LOCK_EX);
		o.extra = o.extra * 31 + (uint64_t)writes.error;
		close(writer);
	}
	if (reader >= 0)
		close(reader);
	return o;
}

static struct outcome op_slot_write(const struct draw *d, struct side *s)
{
	return result(pwrite(s->slots[d->slot], d->data, d->size, d->offset));
}

static struct outcome op_slot_read(const struct draw *d, struct side *s)
{
	char data[DATA_SIZE];
	struct outcome o = result(pread(s->slots[d->slot], data, d->size, d->offset));

	o.extra = o.value > 0 ? hash_of(data, (size_t)o.value) : 0;
	return o;
}

static struct outcome op_slot_stat(const struct draw *d, struct side *s)
{
	struct stat st = {0};
	struct outcome o = result(fstat(s->slots[d->slot], &st));

	if (o.value == 0)
		o.extra = ((uint64_t)st.st_mode << 32) + (uint64_t)st.st_size * 13 + st.st_nlink;
	return o;
}

static struct outcome op_slot_change(const struct draw *d, struct side *s)
{
	int fd = s->slots[d->slot];

	/* By a handle for reading only, of a file without a name, overlayfs cannot: EEXIST. */
	if ((fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDONLY)
		return result(0);
	switch (d->number % 4) {
	case 0:
		return result(fchmod(fd, d->mode));
	case 1:
		return result(ftruncate(fd, d->offset));
	case 2:
		return result(fsync(fd));
	default:
		return result(fsetxattr(fd, "user.slot", d->data, d->size % 50, 0));
	}
}

/* ---- the mount ---- */

/* Read-only or writable, with all other flags as they are. */
static struct outcome op_remount(const struct draw *d, struct side *s)
{
	static const unsigned long kept[][2] = {{ST_NOSUID, MS_NOSUID},
						{ST_NODEV, MS_NODEV},
						{ST_NOEXEC, MS_NOEXEC},
						{ST_NOATIME, MS_NOATIME},
						{ST_RELATIME, MS_RELATIME}};
	unsigned long flags = MS_REMOUNT | (d->number % 3 ? 0 : MS_RDONLY);
	struct statvfs now;
	char path[32];

	if (fstatvfs(s->root, &now) < 0)
		return result(-1);
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		flags |= now.f_flag & kept[i][0] ? kept[i][1] : 0;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", s->root);
	return result(mount(NULL, path, NULL, flags, NULL));
}

/* ---- the table ---- */

static const struct op {
	const char *name;
	struct outcome (*run)(const struct draw *d, struct side *s);
	unsigned int weight;
	bool two_paths;
} ops[] = {
	{"mkdir", op_mkdir, 4, false},
	{"rmdir", op_rmdir, 4, false},
	{"unlink", op_unlink, 8, false},
	{"rename", op_rename, 12, true},
	{"link", op_link, 6, true},
	{"symlink", op_symlink, 2, true},
	{"mknod", op_mknod, 3, false},
	{"create", op_create, 6, false},
	{"write", op_write, 6, false},
	{"read", op_read, 3, false},
	{"truncate", op_truncate, 3, false},
	{"mmap", op_mmap, 2, false},
	{"fallocate", op_fallocate, 2, false},
	{"seek", op_seek, 1, false},
	{"copy_file_range", op_copy_range, 2, true},
	{"tmpfile", op_tmpfile, 2, true},
	{"chmod", op_chmod, 3, false},
	{"chown", op_chown, 3, false},
	{"utimes", op_utimes, 3, false},
	{"stat", op_stat, 2, false},
	{"access", op_access, 1, false},
	{"setxattr", op_setxattr, 4, false},
	{"getxattr", op_getxattr, 2, false},
	{"removexattr", op_removexattr, 2, false},
	{"flags", op_flags, 4, false},
	{"readdir", op_readdir, 3, false},
	{"slot_open", op_slot_open, 4, false},
	{"slot_write", op_slot_write, 3, false},
	{"slot_read", op_slot_read, 2, false},
	{"slot_stat", op_slot_stat, 2, false},
	{"slot_change", op_slot_change, 2, false},
	{"slot_lock", op_slot_lock, 3, false},
	{"lock", op_lock, 2, false},
	{"remount", op_remount, 1, false},
};

#define N_OPS (sizeof(ops) / sizeof(ops[0]))

static const struct op *draw_op(struct rng *r)
{
	unsigned int total = 0, pick;

	for (size_t i = 0; i < N_OPS; i++)
		total += ops[i].weight;
	pick = rng_below(r, total);
	for (size_t i = 0; i < N_OPS; i++) {
		if (pick < ops[i].weight)
			return &ops[i];
		pick -= ops[i].weight;
	}
	return &ops[0];
}

static void draw_path(struct rng *r, char *path, size_t size)
{
	unsigned int depth = 1 + rng_below(r, 3);

	*path = '\0';
	for (unsigned int i = 0; i < depth; i++)
		snprintf(path + strlen(path), size - strlen(path), "%s%c", i ? "/" : "",
			 'a' + rng_below(r, 6));
}

static int draw_flags(struct rng *r, const struct op *op)
{
	static const int open_flags[] = {0, O_TRUNC, O_APPEND, O_EXCL, O_CREAT};
	static const int rename_flags[] = {0, 0, 0, 1, 2, 2, 4};

	if (op->run == op_rename)
		return rename_flags[rng_below(r, 7)];
	if (op->run == op_setxattr)
		return (int)rng_below(r, 4) % 3;
	return open_flags[rng_below(r, op->run == op_write ? 3 : 5)] & ~O_EXCL;
}

static void draw(struct scene *s, const struct op *op, struct draw *d)
{
	static const mode_t modes[] = {0644, 0755, 0600, 0700, 02775, 04711, 0, 0666};
	struct rng *r = &s->rng;

	draw_path(r, d->path, sizeof(d->path));
	draw_path(r, d->path2, sizeof(d->path2));
	d->flags = draw_flags(r, op);
	d->mode = modes[rng_below(r, 8)];
	d->umask = rng_one_in(r, 2) ? 022 : rng_below(r, 0100);
	d->user = rng_one_in(r, 5) ? 1000 : 0;
	d->slot = rng_below(r, N_SLOTS);
	d->size = rng_below(r, DATA_SIZE);
	d->offset = rng_one_in(r, 3) ? 0 : rng_below(r, 20000);
	d->number = rng_below(r, 1000000);
	d->chattr = flags_draw(r);
	s->protects |= op->run == op_flags && (d->chattr & FLAGS_PROTECT);
	/* That FUSE does not know of flags shows here as well. */
	if (op->run == op_access && s->protects)
		d->number &= ~(unsigned int)W_OK;
	for (unsigned int i = 0; i < d->size; i += 8) {
		uint64_t word = rng_next(r);

		memcpy(d->data + i, &word, d->size - i < 8 ? d->size - i : 8);
	}
}

static void become(uid_t user)
{
	/* The group first: both need the privilege. */
	setfsgid(user);
	setfsuid(user);
}

static struct outcome run_on(const struct op *op, const struct draw *d, int root, int *slots)
{
	static struct side side;
	struct outcome o;

	side.root = root;
	side.slots = slots;
	umask(d->umask);
	become(d->user);
	errno = 0;
	o = op->run(d, &side);
	become(0);
	return o;
}

/* Where something is protected, the order in which reasons to refuse are found is each one's own. */
static bool same_outcome(const struct scene *s, const struct outcome *k, const struct outcome *o)
{
	if (s->protects && k->error && o->error && (k->error == EPERM || o->error == EPERM))
		return true;
	return k->value == o->value && k->error == o->error && k->extra == o->extra;
}

bool ops_run(struct scene *s)
{
	static struct draw d;
	bool same = true;

	memset(slot_fds, -1, sizeof(slot_fds));
	opens_untold = !strcmp(s->settings->engine, "fuse");
	for (unsigned int i = 0; same && i < s->settings->operations; i++) {
		const struct op *op = draw_op(&s->rng);
		struct outcome k, o;

		draw(s, op, &d);
		scene_log(s,
			  "%u: %s %s%s%s flags %d chattr %x mode %o umask %o user %u slot %u size "
			  "%u offset "
			  "%ld number %u",
			  i, op->name, d.path, op->two_paths ? " " : "",
			  op->two_paths ? d.path2 : "", d.flags, d.chattr, d.mode, d.umask, d.user,
			  d.slot, d.size, d.offset, d.number);
		k = run_on(op, &d, s->mounts.kernel, slot_fds[0]);
		o = run_on(op, &d, s->mounts.ours, slot_fds[1]);
		scene_log(s, " -> %ld %s\n", k.value, k.error ? strerrorname_np(k.error) : "");
		if (!same_outcome(s, &k, &o))
			same = scene_differs(
				s, "operation %u (%s): %ld %s %lx, ours %ld %s %lx", i, op->name,
				k.value, k.error ? strerrorname_np(k.error) : "", k.extra, o.value,
				o.error ? strerrorname_np(o.error) : "", o.extra);
	}
	for (int i = 0; i < 2; i++)
		for (int j = 0; j < N_SLOTS; j++)
			if (slot_fds[i][j] >= 0)
				close(slot_fds[i][j]);
	return same;
}
