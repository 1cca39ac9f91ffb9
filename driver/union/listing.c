// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Merged listings. The layers' directories are read top first; a name, or a whiteout, that was met
 * above hides what comes below. No locks.
 */
#include "union/listing.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/calls.h"
#include "base/fd.h"
#include "base/hash.h"
#include "union/attr.h"
#include "union/index.h"
#include "union/permit.h"
#include "union/whiteout.h"

#define GETDENTS_SIZE 32768

/* A name while the listing is built: also the ones that only hide others. */
struct builder {
	struct lamina_dir *dir;
	struct lamina_name *names;
	unsigned int n, capacity;
	char *pool;
	size_t pool_used, pool_size;
	uint32_t *table; /* index + 1 by hash; only for directories of several layers */
	uint32_t table_mask;
};

/* A layer's part of the directory, while it is read. */
struct reader {
	unsigned int part;
	int fd;
	dev_t dev;
	bool upper;
	bool ask; /* the type, or what a file means, has to be asked for every entry */
};

/* The type of a name that is only there to hide the same name further down. */
#define TYPE_HIDDEN 0xff

static void builder_done(struct builder *b)
{
	free(b->names);
	free(b->pool);
	free(b->table);
}

static uint64_t cookie_of(const struct lamina_union *u, const char *name)
{
	uint64_t hash = lamina_hash(u->hash_key, name, strlen(name)) >> 2;

	return hash < LAMINA_COOKIE_FIRST ? hash + LAMINA_COOKIE_FIRST : hash;
}

static errint_t grow_table(struct builder *b)
{
	uint32_t size = b->table ? (b->table_mask + 1) * 2 : 64;
	uint32_t *table = calloc(size, sizeof(*table));

	if (!table)
		return -ENOMEM;
	free(b->table);
	b->table = table;
	b->table_mask = size - 1;
	for (uint32_t i = 0; i < b->n; i++) {
		uint32_t slot = (uint32_t)b->names[i].cookie & b->table_mask;

		while (b->table[slot])
			slot = (slot + 1) & b->table_mask;
		b->table[slot] = i + 1;
	}
	return 0;
}

static struct lamina_name *find(const struct builder *b, uint64_t cookie, const char *name)
{
	uint32_t slot = (uint32_t)cookie & b->table_mask;

	if (!b->table)
		return NULL;
	for (; b->table[slot]; slot = (slot + 1) & b->table_mask) {
		struct lamina_name *found = &b->names[b->table[slot] - 1];

		if (found->cookie == cookie && !strcmp(b->pool + found->at, name))
			return found;
	}
	return NULL;
}

static errint_t append(struct builder *b, const struct lamina_name *entry, const char *name)
{
	size_t length = strlen(name) + 1;

	if (b->n == b->capacity) {
		unsigned int capacity = b->capacity ? b->capacity * 2 : 32;
		struct lamina_name *names = realloc(b->names, capacity * sizeof(*names));

		if (!names)
			return -ENOMEM;
		b->names = names;
		b->capacity = capacity;
	}
	if (b->pool_used + length > b->pool_size) {
		size_t size = b->pool_size ? b->pool_size * 2 : 1024;
		char *pool = size <= UINT32_MAX ? realloc(b->pool, size) : NULL;

		if (!pool)
			return -ENOMEM;
		b->pool = pool;
		b->pool_size = size;
	}
	memcpy(b->pool + b->pool_used, name, length);
	b->names[b->n] = *entry;
	b->names[b->n].at = (uint32_t)b->pool_used;
	b->pool_used += length;
	b->n++;
	if (b->dir->n < 2)
		return 0;
	if (!b->table || b->n * 2 > b->table_mask)
		return grow_table(b);

	uint32_t slot = (uint32_t)entry->cookie & b->table_mask;

	while (b->table[slot])
		slot = (slot + 1) & b->table_mask;
	b->table[slot] = b->n;
	return 0;
}

/* @name was met in the part @r: as an object, or (TYPE_HIDDEN) as a whiteout. */
static errint_t meet(struct builder *b, const struct reader *r, const char *name, uint64_t ino,
		     uint8_t type)
{
	struct lamina_name entry = {
		.cookie = cookie_of(b->dir->u, name),
		.ino = ino,
		.part = (uint16_t)r->part,
		.type = type,
	};
	struct lamina_name *known = find(b, entry.cookie, name);

	if (!known)
		return append(b, &entry, name);
	/* A `.wh.` name hides what lies below its layer, not the object beside it. */
	if (known->type == TYPE_HIDDEN && known->part == r->part && type != TYPE_HIDDEN) {
		known->ino = ino;
		known->type = type;
	}
	return 0;
}

static errint_t meet_dot(struct builder *b, const struct reader *r, const char *name)
{
	const char *hidden = name + strlen(LAMINA_DOT_WHITEOUT);

	/* `.wh..wh.*` are marks; a whiteout of nothing hides nothing. */
	if (lamina_whiteout_reserved(hidden) || !lamina_name_valid(hidden))
		return 0;
	return meet(b, r, hidden, 0, TYPE_HIDDEN);
}

static uint8_t type_of(mode_t mode)
{
	return (uint8_t)IFTODT(mode);
}

/* The number that a lookup of @name will show, if it can be told without one. */
static errint_t number_of(const struct builder *b, const struct reader *r, const char *name,
			  uint64_t d_ino, uint64_t *ret)
{
	const struct lamina_union *u = b->dir->u;
	const struct lamina_part *part = &b->dir->parts[r->part];

	*ret = u->layers[part->layer].d_ino_real ? lamina_attr_ino(u, part->layer, r->dev, d_ino)
						 : 0;
	if (r->upper && (part->flags & LAMINA_PART_IMPURE)) {
		struct statx self = {.stx_ino = d_ino};
		struct lamina_origin origin;
		errint_t err = lamina_origin_read_at(u, r->fd, name, &self, &origin);

		if (err < 0)
			return err;
		if (err > 0)
			*ret = origin.ino;
	}
	return 0;
}

static errint_t meet_entry(struct builder *b, const struct reader *r, const char *name,
			   uint64_t d_ino, uint8_t type)
{
	const struct lamina_part *part = &b->dir->parts[r->part];
	uint64_t ino;
	errint_t err;

	if (lamina_whiteout_reserved(name))
		return meet_dot(b, r, name);
	if (type == DT_CHR || type == DT_UNKNOWN || r->ask) {
		struct statx st;

		err = lamina_attr_read_at(b->dir->u, part->layer, r->fd, name, &st);
		if (err == -ENOENT) /* went away while the directory was read */
			return 0;
		if (err < 0)
			return err;
		err = lamina_whiteout_is(r->fd, name, &st, lamina_dir_xwhiteouts(b->dir, r->part));
		if (err < 0)
			return err;
		if (err > 0)
			return meet(b, r, name, 0, TYPE_HIDDEN);
		type = type_of(st.stx_mode);
	}
	err = number_of(b, r, name, d_ino, &ino);
	return err < 0 ? err : meet(b, r, name, ino, type);
}

static errint_t read_entries(struct builder *b, const struct reader *r, char *buffer)
{
	for (;;) {
		ssize_t n = getdents64(r->fd, buffer, GETDENTS_SIZE);

		if (n <= 0)
			return n < 0 ? -errno : 0;
		for (char *at = buffer; at < buffer + n;) {
			const struct dirent64 *d = (const void *)at;
			errint_t err = 0;

			at += d->d_reclen;
			if (lamina_name_valid(d->d_name))
				err = meet_entry(b, r, d->d_name, d->d_ino, d->d_type);
			if (err < 0)
				return err;
		}
	}
}

/* A part's directory, open for reading and at its start. */
static errint_t open_part(struct lamina_dir *dir, unsigned int i)
{
	const struct lamina_part *part = &dir->parts[i];
	int from = part->fd >= 0 ? part->fd : dir->u->layers[part->layer].fd;
	const char *path = part->fd >= 0 ? "" : part->path;
	/* Layers are on mounts without access times, if that was permitted. */
	int noatime = i == 0 && lamina_dir_has_upper(dir) ? dir->u->noatime : 0;
	errint_t fd = lamina_fd_open_beneath(from, path, O_RDONLY | O_DIRECTORY | noatime);
	errint_t itself;

	if (fd == -EPERM && noatime)
		fd = lamina_fd_open_beneath(from, path, O_RDONLY | O_DIRECTORY);
	if (fd != -EACCES || i > 0 || !lamina_dir_has_upper(dir))
		return fd;
	/* Whether it is empty is asked by who needs no permission to read it. */
	itself = lamina_dir_fd(dir, 0);
	return itself < 0 ? itself
			  : lamina_permit_reopen(dir->u, itself, LAMINA_PERMIT_UPPER, part->path,
						 O_RDONLY | O_DIRECTORY);
}

static errint_t read_part(struct builder *b, unsigned int i, char *buffer)
{
	const struct lamina_union *u = b->dir->u;
	struct lamina_part *part = &b->dir->parts[i];
	const struct lamina_layer *layer = &u->layers[part->layer];
	_cleanup_fd_ int fd = open_part(b->dir, i);
	errint_t err;
	struct reader r = {
		.part = i,
		.fd = fd,
		.upper = u->writable && part->layer == 0,
		.ask = layer->override != LAMINA_OVERRIDE_NONE || lamina_dir_xwhiteouts(b->dir, i),
	};
	struct statx st;

	if (fd < 0)
		return fd;
	err = lamina_call_statx(fd, "", AT_EMPTY_PATH, STATX_INO, &st);
	if (err < 0)
		return err;
	r.dev = lamina_statx_dev(&st);
	err = read_entries(b, &r, buffer);
	/* Whoever lists goes on to look names up, most of them in the topmost part. */
	if (err == 0 && i == 0 && part->fd < 0)
		part->fd = TAKE_FD(fd);
	return err;
}

static errint_t read_parts(struct builder *b)
{
	_cleanup_free_ char *buffer = malloc(GETDENTS_SIZE);
	errint_t err = buffer ? 0 : -ENOMEM;

	for (unsigned int i = 0; i < b->dir->n && err == 0; i++)
		err = read_part(b, i, buffer);
	return err;
}

static int by_cookie(const void *a, const void *b)
{
	const struct lamina_name *x = a, *y = b;

	return x->cookie < y->cookie ? -1 : x->cookie > y->cookie;
}

/* Drop what only hides, order the rest, and give equal hashes different cookies. */
static void finish(struct builder *b)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < b->n; i++)
		if (b->names[i].type != TYPE_HIDDEN)
			b->names[n++] = b->names[i];
	b->n = n;
	if (n > 1)
		qsort(b->names, n, sizeof(*b->names), by_cookie);
	for (unsigned int i = 1; i < n; i++)
		if (b->names[i].cookie <= b->names[i - 1].cookie)
			b->names[i].cookie = b->names[i - 1].cookie + 1;
}

errint_t lamina_listing_read(struct lamina_dir *dir, struct lamina_listing **ret)
{
	_cleanup_(builder_done) struct builder b = {.dir = dir};
	struct lamina_listing *listing;
	errint_t err = read_parts(&b);

	if (err < 0)
		return err;
	listing = malloc(sizeof(*listing));
	if (!listing)
		return -ENOMEM;
	finish(&b);
	listing->n = b.n;
	listing->names = TAKE_PTR(b.names);
	listing->pool = TAKE_PTR(b.pool);
	*ret = listing;
	return 0;
}

void lamina_listing_free(struct lamina_listing *listing)
{
	if (!listing)
		return;
	free(listing->names);
	free(listing->pool);
	free(listing);
}

unsigned int lamina_listing_after(const struct lamina_listing *listing, uint64_t cookie)
{
	unsigned int low = 0, high = listing->n;

	while (low < high) {
		unsigned int middle = low + (high - low) / 2;

		if (listing->names[middle].cookie <= cookie)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

errint_t lamina_listing_is_empty(struct lamina_dir *dir)
{
	_cleanup_listing_ struct lamina_listing *listing = NULL;
	errint_t err = lamina_listing_read(dir, &listing);

	return err < 0 ? err : listing->n == 0;
}
