// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Origins of upper objects and the index of hard links.
 */
#include "union/index.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/limits.h"
#include "union/permit.h"
#include "union/upper.h"
#include "union/xattr.h"

#define ORIGIN_XATTR "origin"
#define IMPURE_XATTR "impure"
#define ORIGIN_SIZE  (LAMINA_KEY_SIZE + 64)

errint_t lamina_origin_parse(const char *value, uint64_t self, struct lamina_origin *ret)
{
	struct lamina_origin origin = {0};
	uint64_t owner;
	int fields = sscanf(value, "%" SCNu64 " %" SCNu64 " %u %223s", &origin.ino, &owner,
			    &origin.nlink, origin.key);

	if ((fields != 2 && fields != 4) || owner != self)
		return 0;
	/* It becomes a name in the index, and of a file beside that. */
	if (origin.key[0] && (!lamina_name_valid(origin.key) || strchr(origin.key, '.')))
		return 0;
	*ret = origin;
	return 1;
}

/*
 * Whose attribute it is: the number of the upper object, so that a copy of the object made outside the
 * mount, with its attributes, has no origin. Where numbers are made up each mount has others: 0.
 */
static uint64_t owner_number(const struct lamina_union *u, uint64_t ino)
{
	return u->layers[0].numbers_made_up ? 0 : ino;
}

errint_t lamina_origin_read_at(const struct lamina_union *u, int dirfd, const char *name,
			       const struct statx *self, struct lamina_origin *ret)
{
	char xattr[LAMINA_XATTR_NAME_SIZE];
	char value[ORIGIN_SIZE];
	ssize_t n;

	if (!lamina_xattr_own(u, ORIGIN_XATTR, xattr))
		return 0;
	n = lamina_xattr_get_at(dirfd, name, xattr, value, sizeof(value) - 1);
	if (n < 0)
		return lamina_xattr_absent(n) ? 0 : (errint_t)n;
	value[n] = '\0';
	return lamina_origin_parse(value, owner_number(u, self->stx_ino), ret);
}

errint_t lamina_origin_write(const struct lamina_union *u, int fd,
			     const struct lamina_origin *origin)
{
	char xattr[LAMINA_XATTR_NAME_SIZE];
	char value[ORIGIN_SIZE];
	struct stat self;
	errint_t err;
	int length;

	if (!lamina_xattr_own(u, ORIGIN_XATTR, xattr))
		return 0;
	if (fstat(fd, &self) < 0)
		return -errno;
	length = snprintf(value, sizeof(value), "%" PRIu64 " %" PRIu64, origin->ino,
			  owner_number(u, self.st_ino));
	if (origin->key[0])
		length += snprintf(value + length, sizeof(value) - (size_t)length, " %u %s",
				   origin->nlink, origin->key);
	err = lamina_xattr_set_fd(fd, xattr, value, (size_t)length, 0);
	return lamina_xattr_absent(err) ? 0 : err;
}

errint_t lamina_origin_parent_marked(const struct lamina_union *u, int fd)
{
	char xattr[LAMINA_XATTR_NAME_SIZE], value[2];
	ssize_t n;

	if (!lamina_xattr_own(u, IMPURE_XATTR, xattr))
		return 0;
	n = lamina_xattr_get_fd(fd, xattr, value, sizeof(value));
	if (n < 0)
		return lamina_xattr_absent(n) ? 0 : (errint_t)n;
	return n == 1 && value[0] == 'y';
}

errint_t lamina_origin_mark_parent(const struct lamina_union *u, int fd)
{
	char xattr[LAMINA_XATTR_NAME_SIZE];
	errint_t err;

	if (!lamina_xattr_own(u, IMPURE_XATTR, xattr))
		return 0;
	err = lamina_xattr_set_fd(fd, xattr, "y", 1, 0);
	return lamina_xattr_absent(err) ? 0 : err;
}

errint_t lamina_index_open(const struct lamina_union *u, const char *key)
{
	if (!atomic_load(&u->index_used))
		return -ENOENT;
	return lamina_fd_open_name(u->index_fd, key, O_PATH);
}

errint_t lamina_index_has(const struct lamina_union *u, const char *key)
{
	struct stat st;

	if (!atomic_load(&u->index_used))
		return 0;
	if (fstatat(u->index_fd, key, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return 1;
	return errno == ENOENT ? 0 : -errno;
}

errint_t lamina_index_add(struct lamina_union *u, const char *key, int fd)
{
	errint_t err = lamina_fd_link(fd, u->index_fd, key);

	if (err == 0)
		atomic_store(&u->index_used, true);
	return err;
}

errint_t lamina_index_take(struct lamina_union *u, const char *key, const char *name)
{
	errint_t err = lamina_upper_place(u, name, u->index_fd, key);

	if (err == 0)
		atomic_store(&u->index_used, true);
	return err;
}

void lamina_index_remove(const struct lamina_union *u, const char *key)
{
	(void)unlinkat(u->index_fd, key, 0);
}

/* Names beside KEY in the index. */
#define COUNT	".n"
#define PENDING ".p"
#define FRESH	".new"

#define INDEX_NAME_SIZE (LAMINA_KEY_SIZE + 8)

static void name_beside(const char *key, const char *suffix, char name[INDEX_NAME_SIZE])
{
	snprintf(name, INDEX_NAME_SIZE, "%s%s", key, suffix);
}

errint_t lamina_index_covered(const struct lamina_union *u, const char *key)
{
	char name[INDEX_NAME_SIZE];
	char value[16];
	ssize_t n;

	if (!atomic_load(&u->index_used))
		return 0;
	name_beside(key, COUNT, name);
	n = readlinkat(u->index_fd, name, value, sizeof(value) - 1);
	if (n < 0)
		return errno == ENOENT ? 0 : -errno;
	value[n] = '\0';
	return (errint_t)strtol(value, NULL, 10);
}

/* A symbolic link; one that a crash left there goes: nobody else works on this key. */
static errint_t make_link(const struct lamina_union *u, const char *target, const char *name)
{
	if (symlinkat(target, u->index_fd, name) == 0)
		return 0;
	if (errno != EEXIST || unlinkat(u->index_fd, name, 0) < 0 ||
	    symlinkat(target, u->index_fd, name) < 0)
		return -errno;
	return 0;
}

static errint_t set_count(struct lamina_union *u, const char *key, int count)
{
	char name[INDEX_NAME_SIZE], fresh[INDEX_NAME_SIZE];
	char value[16];
	errint_t err;

	snprintf(value, sizeof(value), "%d", count);
	name_beside(key, COUNT, name);
	name_beside(key, FRESH, fresh);
	err = make_link(u, value, fresh);
	if (err < 0)
		return err;
	if (renameat(u->index_fd, fresh, u->index_fd, name) < 0)
		return -errno;
	atomic_store(&u->index_used, true);
	return 0;
}

/* ---- names that are about to be covered ---- */

/* What KEY.p says: "COUNT DIR/NAME", the count that follows and the name. */
struct pending {
	char text[PATH_MAX]; /* ends with the path */
	int count;
	const char *path;
};

/* Returns 1, 0 if there is none, or -errno. */
static errint_t pending_read(const struct lamina_union *u, const char *key, struct pending *ret)
{
	char name[INDEX_NAME_SIZE];
	int at = 0;
	ssize_t n;

	if (!atomic_load(&u->index_used))
		return 0;
	name_beside(key, PENDING, name);
	n = readlinkat(u->index_fd, name, ret->text, sizeof(ret->text) - 1);
	if (n < 0)
		return errno == ENOENT ? 0 : -errno;
	ret->text[n] = '\0';
	if (sscanf(ret->text, "%d %n", &ret->count, &at) != 1 || at == 0)
		return 0;
	ret->path = ret->text + at;
	return 1;
}

static errint_t pending_remove(const struct lamina_union *u, const char *key)
{
	char name[INDEX_NAME_SIZE];

	name_beside(key, PENDING, name);
	return unlinkat(u->index_fd, name, 0) < 0 && errno != ENOENT ? -errno : 0;
}

errint_t lamina_index_cover_begin(struct lamina_union *u, const char *key, const char *dir,
				  const char *name)
{
	char target[PATH_MAX], pending[INDEX_NAME_SIZE];
	errint_t covered = lamina_index_covered(u, key), err;
	int length;

	if (covered < 0)
		return covered;
	length = snprintf(target, sizeof(target), "%d %s%s%s", covered + 1, dir, *dir ? "/" : "",
			  name);
	if ((size_t)length >= sizeof(target))
		return pending_remove(u, key);
	name_beside(key, PENDING, pending);
	err = make_link(u, target, pending);
	if (err == -ENAMETOOLONG)
		return pending_remove(u, key);
	if (err == 0)
		atomic_store(&u->index_used, true);
	return err;
}

errint_t lamina_index_cover_end(struct lamina_union *u, const char *key)
{
	errint_t count = lamina_index_covered(u, key);

	if (count >= 0)
		count = set_count(u, key, count + 1);
	if (count < 0)
		return count;
	/* A record that stays says nothing that the count does not say. */
	(void)pending_remove(u, key);
	return 0;
}

void lamina_index_cover_cancel(const struct lamina_union *u, const char *key)
{
	(void)pending_remove(u, key);
}

/* The name of @pending is covered; whether it was counted shows in the count. */
static errint_t pending_settle(struct lamina_union *u, const char *key,
			       const struct pending *pending)
{
	errint_t count = lamina_index_covered(u, key);

	if (count >= 0 && count < pending->count)
		count = set_count(u, key, pending->count);
	return count < 0 ? count : pending_remove(u, key);
}

errint_t lamina_index_cover_resume(struct lamina_union *u, const char *key, const char *dir,
				   const char *name)
{
	_cleanup_free_ struct pending *pending = malloc(sizeof(*pending));
	_cleanup_free_ char *path = NULL;
	errint_t found;

	if (!pending || asprintf(&path, "%s%s%s", dir, *dir ? "/" : "", name) < 0)
		return -ENOMEM;
	found = pending_read(u, key, pending);
	if (found <= 0 || strcmp(pending->path, path) != 0)
		return found < 0 ? found : 0;
	return pending_settle(u, key, pending);
}

/* ---- after a kill ---- */

/* Whether anything, a whiteout or an object, has the path in the upper. Returns 1, 0 or -errno. */
static errint_t upper_has(const struct lamina_union *u, const char *path)
{
	_cleanup_fd_ int fd = lamina_permit_open(u, 0, path, O_PATH | O_NOFOLLOW);

	if (fd >= 0)
		return 1;
	return fd == -ENOENT || fd == -ENOTDIR ? 0 : fd;
}

static errint_t recover_pending(struct lamina_union *u, const char *key)
{
	_cleanup_free_ struct pending *pending = malloc(sizeof(*pending));
	errint_t err;

	if (!pending)
		return -ENOMEM;
	err = pending_read(u, key, pending);
	if (err > 0)
		err = upper_has(u, pending->path);
	if (err < 0)
		return err;
	return err > 0 ? pending_settle(u, key, pending) : pending_remove(u, key);
}

/* A copy that only the index has, and no lower name leads to, goes. */
static errint_t recover_copy(struct lamina_union *u, const char *key)
{
	struct lamina_origin origin = {0};
	struct statx st;
	errint_t err = lamina_attr_read_at(u, 0, u->index_fd, key, &st);

	if (err == 0 && st.stx_nlink == 1)
		err = lamina_origin_read_at(u, u->index_fd, key, &st, &origin);
	if (err <= 0 || origin.nlink == 0)
		return err == -ENOENT ? 0 : err;
	err = lamina_index_nlink(u, key, origin.nlink, st.stx_nlink);
	if (err == 0)
		lamina_index_drop(u, key);
	return err < 0 ? err : 0;
}

/* The key that @name belongs to, if it ends with @suffix. */
static bool key_of(const char *name, const char *suffix, char key[LAMINA_KEY_SIZE])
{
	size_t length = strlen(name), end = strlen(suffix);

	if (length <= end || length - end >= LAMINA_KEY_SIZE ||
	    strcmp(name + length - end, suffix) != 0)
		return false;
	memcpy(key, name, length - end);
	key[length - end] = '\0';
	return true;
}

static errint_t for_each(struct lamina_union *u, const char *suffix,
			 errint_t (*recover)(struct lamina_union *u, const char *key))
{
	_cleanup_dir_ DIR *dir = NULL;
	const struct dirent *d;
	char key[LAMINA_KEY_SIZE];
	errint_t err = lamina_fd_read_dir(u->index_fd, &dir);

	while (err == 0 && (d = readdir(dir))) {
		if (!lamina_name_valid(d->d_name) || (!*suffix && strchr(d->d_name, '.')))
			continue;
		if (key_of(d->d_name, suffix, key))
			err = recover(u, key);
	}
	return err;
}

errint_t lamina_index_recover(struct lamina_union *u)
{
	errint_t err = for_each(u, PENDING, recover_pending);

	return err < 0 ? err : for_each(u, "", recover_copy);
}

void lamina_index_drop(const struct lamina_union *u, const char *key)
{
	char name[INDEX_NAME_SIZE];

	/* What stays behind is found by nobody: no lower name is left that leads to it. The file
	 * keeps its count, by which the next mount knows that it can go. */
	errint_t err = lamina_upper_unlink(u, u->index_fd, key);

	if (err < 0 && err != -ENOENT)
		return;
	name_beside(key, COUNT, name);
	unlinkat(u->index_fd, name, 0);
}

errint_t lamina_index_nlink(const struct lamina_union *u, const char *key, unsigned int lower_nlink,
			    unsigned int upper_nlink)
{
	errint_t covered = lamina_index_covered(u, key);
	long nlink;

	if (covered < 0)
		return covered;
	nlink = (long)lower_nlink - covered + (upper_nlink > 0 ? (long)upper_nlink - 1 : 0);
	return nlink > 0 ? (errint_t)nlink : 0;
}
