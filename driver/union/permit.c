// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Modes that are changed for a moment. Readers of attributes take no lock as long as nothing is
 * permitted: `turns` is even then, and the same before and after.
 */
#include "union/permit.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/calls.h"
#include "base/capability.h"
#include "base/fd.h"

#define RECORD "mode."

struct lamina_permits {
	pthread_mutex_t lock;
	atomic_uint turns; /* odd: something is permitted */
	unsigned int n;	   /* how much; under `lock` */
};

errint_t lamina_permits_init(struct lamina_union *u)
{
	pthread_mutexattr_t attr;

	u->owns_all = !lamina_capability_has(CAP_CHOWN);
	if (lamina_capability_has(CAP_DAC_OVERRIDE))
		return 0;
	u->permits = calloc(1, sizeof(*u->permits));
	if (!u->permits)
		return -ENOMEM;
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_init(&u->permits->lock, &attr);
	pthread_mutexattr_destroy(&attr);
	return 0;
}

void lamina_permits_done(struct lamina_union *u)
{
	if (u->permits)
		pthread_mutex_destroy(&u->permits->lock);
	free(u->permits);
	u->permits = NULL;
}

static errint_t set_mode(int fd, mode_t mode)
{
	char path[LAMINA_FD_PATH_SIZE];

	lamina_fd_path(path, fd);
	return chmod(path, mode) < 0 ? -errno : 0;
}

/* ---- records ---- */

static errint_t write_record(const struct lamina_union *u, const struct stat *st,
			     enum lamina_permit_base base, const char *dir, const char *name,
			     char record[LAMINA_WORK_NAME_SIZE])
{
	_cleanup_free_ char *text = NULL;
	char fresh[LAMINA_WORK_NAME_SIZE];
	bool slash = *dir && *name;

	if (asprintf(&text, "%o %llu %c%s%s%s", st->st_mode & 07777u,
		     (unsigned long long)st->st_ino, base == LAMINA_PERMIT_INDEX ? 'i' : 'u', dir,
		     slash ? "/" : "", name) < 0)
		return -ENOMEM;
	lamina_work_name(fresh);
	snprintf(record, LAMINA_WORK_NAME_SIZE, RECORD "%.16s", fresh + 1);
	if (symlinkat(text, u->work_fd, record) == 0)
		return 0;
	record[0] = '\0';
	return -errno;
}

/* What is not there, or is another object, was not left with another mode. */
static errint_t restore(const struct lamina_union *u, const char *text)
{
	unsigned long long ino;
	unsigned int mode;
	struct stat st;
	int at = 0;

	if (sscanf(text, "%o %llu %n", &mode, &ino, &at) != 2 || at == 0 || !text[at])
		return 0;

	_cleanup_fd_ int fd =
		text[at] == 'i' ? lamina_fd_open_name(u->index_fd, text + at + 1, O_PATH)
				: lamina_permit_open(u, 0, text + at + 1, O_PATH | O_NOFOLLOW);

	if (fd == -ENOENT || fd == -ENOTDIR)
		return 0;
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_ino != ino || S_ISLNK(st.st_mode))
		return 0;
	return set_mode(fd, mode & 07777);
}

static errint_t restore_by(const struct lamina_union *u, const char *record)
{
	_cleanup_free_ char *text = malloc(PATH_MAX);
	ssize_t n = text ? readlinkat(u->work_fd, record, text, PATH_MAX - 1) : -1;
	errint_t err;

	if (!text)
		return -ENOMEM;
	if (n < 0)
		return errno == EINVAL ? 0 : -errno;
	text[n] = '\0';
	err = restore(u, text);
	return err < 0 ? err : unlinkat(u->work_fd, record, 0) < 0 ? -errno : 0;
}

errint_t lamina_permits_recover(const struct lamina_union *u)
{
	_cleanup_dir_ DIR *dir = NULL;
	const struct dirent *d;
	errint_t err = lamina_fd_read_dir(u->work_fd, &dir);

	while (err == 0 && (d = readdir(dir)))
		if (!strncmp(d->d_name, RECORD, strlen(RECORD)))
			err = restore_by(u, d->d_name);
	return err;
}

/* ---- permitting ---- */

static errint_t permit(const struct lamina_union *u, const struct stat *st,
		       enum lamina_permit_base base, const char *dir, const char *name,
		       struct lamina_permit *ret)
{
	struct lamina_permits *p = u->permits;
	errint_t err;

	err = write_record(u, st, base, dir, name, ret->record);
	if (err < 0)
		return err;
	if (p->n++ == 0)
		atomic_fetch_add(&p->turns, 1);
	ret->mode = st->st_mode & 07777;
	return set_mode(ret->fd, ret->mode | S_IRWXU);
}

static errint_t begin(const struct lamina_union *u, int fd, enum lamina_permit_base base,
		      const char *dir, const char *name, struct lamina_permit *ret)
{
	struct stat st;
	errint_t err = 0;

	*ret = (struct lamina_permit){.fd = fd};
	if (!u->permits)
		return 0;
	pthread_mutex_lock(&u->permits->lock);
	ret->u = u;
	if (fstat(fd, &st) < 0)
		err = -errno;
	else if (st.st_uid == geteuid() && (st.st_mode & S_IRWXU) != S_IRWXU &&
		 u->layers[0].override == LAMINA_OVERRIDE_NONE)
		err = permit(u, &st, base, dir, name, ret);
	if (err < 0)
		lamina_permit_end(ret);
	return err;
}

errint_t lamina_permit_begin(const struct lamina_union *u, int fd, const char *dir,
			     const char *name, struct lamina_permit *ret)
{
	return begin(u, fd, LAMINA_PERMIT_UPPER, dir, name, ret);
}

void lamina_permit_end(struct lamina_permit *permit)
{
	struct lamina_permits *p = permit->u ? permit->u->permits : NULL;

	if (!p)
		return;
	if (permit->record[0]) {
		/* Where that fails the record stays, and with it what is shown by the next mount. */
		if (set_mode(permit->fd, permit->mode) == 0)
			(void)unlinkat(permit->u->work_fd, permit->record, 0);
		if (--p->n == 0)
			atomic_fetch_add(&p->turns, 1);
	}
	permit->u = NULL;
	pthread_mutex_unlock(&p->lock);
}

errint_t lamina_permit_reopen(const struct lamina_union *u, int fd, enum lamina_permit_base base,
			      const char *path, int flags)
{
	_cleanup_permit_ struct lamina_permit permit = {.u = NULL};
	errint_t err = lamina_fd_reopen(fd, flags);

	if (err != -EACCES || !u->permits)
		return err;
	err = begin(u, fd, base, path, "", &permit);
	return err < 0 ? err : lamina_fd_reopen(fd, flags);
}

/* @name of the directory @fd, whose path is the first @length bytes of @path, and whose mode may forbid that. */
static errint_t step(const struct lamina_union *u, int fd, const char *path, size_t length,
		     const char *name)
{
	_cleanup_permit_ struct lamina_permit permit = {.u = NULL};
	_cleanup_free_ char *dir = NULL;
	errint_t err = lamina_fd_open_name(fd, name, O_PATH);

	if (err != -EACCES)
		return err;
	dir = strndup(path, length);
	err = dir ? lamina_permit_begin(u, fd, dir, "", &permit) : -ENOMEM;
	return err < 0 ? err : lamina_fd_open_name(fd, name, O_PATH);
}

/* The object at @path in the upper. Links are not followed. */
static errint_t walk(const struct lamina_union *u, const char *path)
{
	_cleanup_fd_ int at = -1;
	const char *next = path;

	while (*next) {
		size_t length = strcspn(next, "/"),
		       above = next > path ? (size_t)(next - path) - 1 : 0;
		char name[NAME_MAX + 1];
		errint_t fd;

		if (length > NAME_MAX)
			return -ENAMETOOLONG;
		memcpy(name, next, length);
		name[length] = '\0';
		fd = step(u, at < 0 ? u->layers[0].fd : at, path, above, name);
		if (fd < 0)
			return fd;
		lamina_cleanup_fd(&at);
		at = fd;
		next += length + (next[length] == '/');
	}
	return at < 0 ? -EACCES : TAKE_FD(at);
}

errint_t lamina_permit_open(const struct lamina_union *u, unsigned int layer, const char *path,
			    int flags)
{
	errint_t fd = lamina_fd_open_beneath(u->layers[layer].fd, path, flags);
	_cleanup_fd_ int at = -1;

	if (fd != -EACCES || layer > 0 || !u->permits)
		return fd;
	at = walk(u, path);
	if (at < 0 || (flags & (O_PATH | O_DIRECTORY)) == O_PATH)
		return TAKE_FD(at);
	return lamina_permit_reopen(u, at, LAMINA_PERMIT_UPPER, path, flags & ~O_NOFOLLOW);
}

errint_t lamina_permit_statx(const struct lamina_union *u, int dirfd, const char *name, int flags,
			     unsigned int mask, struct statx *ret)
{
	struct lamina_permits *p = u->permits;
	unsigned int turn = p ? atomic_load(&p->turns) : 0;
	errint_t err = 0;

	if (!(turn & 1))
		err = lamina_call_statx(dirfd, name, flags, mask, ret);
	if (!p || err < 0 || (!(turn & 1) && atomic_load(&p->turns) == turn))
		return err;
	/* Whoever permits something looks at no mode until that has ended. */
	pthread_mutex_lock(&p->lock);
	err = lamina_call_statx(dirfd, name, flags, mask, ret);
	pthread_mutex_unlock(&p->lock);
	return err;
}
