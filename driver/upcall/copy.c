// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * COPY_UP and JOIN: an object gets its part in the upper, and so do the directories on the way.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "upcall/acts.h"

/* From here on somebody else shall be there for the next upcall. */
#define LONG_COPY (1 << 20)

/* What the upper has under a name. */
enum footing { NOTHING, OBJECT, WHITEOUT };

/* Returns it or -errno. */
static errint_t footing_of(const struct lamina_union *u, const struct upper_dir *dir,
			   const char *name, struct statx *ret_st)
{
	errint_t err = lamina_attr_read_at(u, 0, upper_dir_fd(dir), name, ret_st);

	if (err == -ENOENT)
		return NOTHING;
	if (err < 0)
		return err;
	return upper_is_whiteout(ret_st) ? WHITEOUT : OBJECT;
}

/* Somebody before us has linked the copy of a file with several names; did he count that, too? */
static errint_t resume(struct lamina_union *u, const struct upper_dir *dir, const char *name,
		       const struct statx *st)
{
	struct lamina_origin origin = {0};
	errint_t err = 0;

	if (!S_ISDIR(st->stx_mode) && st->stx_nlink > 1)
		err = lamina_origin_read_at(u, upper_dir_fd(dir), name, st, &origin);
	if (err <= 0 || !origin.key[0])
		return err;
	return lamina_index_cover_resume(u, origin.key, dir->part.path, name);
}

errint_t upcall_copy_to(struct lamina_upcall_server *s, const char *path, const char *name,
			const struct lower_object *from, uint64_t size, const atomic_bool *cancel)
{
	const struct lamina_copyup_options options = {
		.size = size < INT64_MAX ? (off_t)size : INT64_MAX,
		.cancel = cancel,
	};
	_cleanup_upper_dir_ struct upper_dir dir = {0};
	_cleanup_fd_ int fd = -1;
	struct statx st;
	errint_t err = upper_dir_open(s->u, path, &dir);

	if (err == -ENOENT || err == -ENOTDIR)
		return FUSE_UPCALL_RETRY;
	if (err == 0)
		err = footing_of(s->u, &dir, name, &st);
	if (err == OBJECT)
		return resume(s->u, &dir, name, &st);
	if (err == WHITEOUT)
		return FUSE_UPCALL_RETRY;
	if (err == NOTHING)
		err = lamina_copyup(s->u, &dir.dir, name, &from->source, &options, &fd);
	return err == -EEXIST ? 0 : err;
}

/* ---- directories on the way ---- */

/* Copy the directory @path up, whose parent is in the upper. */
static errint_t raise_one(struct lamina_upcall_server *s, const char *path)
{
	_cleanup_lower_ struct lower_object from = {.source.fd = -1};
	const char *slash = strrchr(path, '/');
	_cleanup_free_ char *parent = strndup(path, slash ? (size_t)(slash - path) : 0);
	errint_t err = parent ? lower_object_find(s->u, path, 1, &from) : -ENOMEM;

	if (err == -ENOENT || (err == 0 && !S_ISDIR(from.source.st.stx_mode)))
		return FUSE_UPCALL_RETRY;
	if (err < 0)
		return err;
	return upcall_copy_to(s, parent, slash ? slash + 1 : path, &from, 0, NULL);
}

/* From the top down: most of them are there. */
static errint_t raise_all(struct lamina_upcall_server *s, char *path)
{
	errint_t err = 0;

	for (char *end = path; err == 0 && *end; *end ? end++ : end) {
		char mark;

		end += strcspn(end, "/");
		mark = *end;
		*end = '\0';
		err = raise_one(s, path);
		*end = mark;
	}
	return err;
}

/* Whether @path is a directory of the upper. Returns 1, 0 or -errno. */
static errint_t is_raised(const struct lamina_union *u, const char *path)
{
	_cleanup_upper_dir_ struct upper_dir dir = {0};
	errint_t err = upper_dir_open(u, path, &dir);

	if (err == -ENOENT || err == -ENOTDIR)
		return 0;
	return err < 0 ? err : 1;
}

errint_t upcall_raise_dirs(struct lamina_upcall_server *s, const char *path)
{
	_cleanup_free_ char *way = NULL;
	errint_t err = is_raised(s->u, path);

	if (err != 0)
		return err < 0 ? err : 0;
	way = strdup(path);
	if (!way)
		return -ENOMEM;
	pthread_mutex_lock(&s->raising);
	err = raise_all(s, way);
	pthread_mutex_unlock(&s->raising);
	return err;
}

/* ---- the acts ---- */

static bool takes_long(const struct lower_object *from, uint64_t size)
{
	return S_ISREG(from->source.st.stx_mode) && from->source.st.stx_size > LONG_COPY &&
	       size > LONG_COPY;
}

/* The part of a copy-up that all have in common, once it is known what is to be copied. */
static errint_t raise_object(struct lamina_upcall_server *s, struct wire_request *r,
			     const struct lamina_upcall *c, const struct lower_object *from,
			     uint64_t size)
{
	errint_t err = upcall_raise_dirs(s, c->dir);

	if (err != 0)
		return err;
	if (takes_long(from, size))
		wire_session_block_ahead(s->session);
	err = upcall_copy_to(s, c->dir, c->name, from, size, &r->interrupted);
	return err == 0 ? FUSE_UPCALL_DONE : err;
}

errint_t upcall_copy_up(struct lamina_upcall_server *s, struct wire_request *r,
			const struct lamina_upcall *c)
{
	_cleanup_lower_ struct lower_object from = {.source.fd = -1};
	errint_t err = lower_object_find(s->u, c->path, c->in->layer, &from);

	if (err == -ENOENT)
		return FUSE_UPCALL_RETRY;
	if (err < 0)
		return err;
	if ((from.source.st.stx_mode & S_IFMT) != (c->in->mode & S_IFMT))
		return FUSE_UPCALL_RETRY;
	return raise_object(s, r, c, &from, c->in->size);
}

errint_t upcall_join(struct lamina_upcall_server *s, struct wire_request *r,
		     const struct lamina_upcall *c)
{
	_cleanup_lower_ struct lower_object from = {.source.fd = -1};
	errint_t err = lower_object_find(s->u, c->path, c->in->layer, &from);
	_cleanup_fd_ int copy = -1;

	if (err == -ENOENT || (err == 0 && !lower_object_linked(&from)))
		return FUSE_UPCALL_RETRY;
	if (err < 0)
		return err;
	copy = lamina_index_open(s->u, from.key);
	if (copy < 0)
		return copy == -ENOENT ? FUSE_UPCALL_RETRY : copy;
	return raise_object(s, r, c, &from, UPCALL_WHOLE);
}
