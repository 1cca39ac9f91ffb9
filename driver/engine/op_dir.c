// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Handlers of directories. A handle has no state: the kernel keeps what it was told of a directory, and any reply
 * can be made from the cookie at which it goes on (see listing.h). All that a handle's number says is whether the
 * kernel was told not to keep what is read by it.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/limits.h"
#include "engine/policy.h"
#include "engine/raise.h"
#include "engine/show.h"
#include "engine/sweep.h"
#include "union/attr.h"

/* The number of a handle that was opened without FOPEN_CACHE_DIR. Where OPENDIR was not answered it is 0. */
#define HANDLE_KEEPS_NOTHING 1

/* Renames wait while a reply is filled: not for longer than this takes. */
#define READDIR_MAX (32 << 10)

#define COOKIE_DOT     1
#define COOKIE_DOT_DOT 2

/* The reply of a READDIR or READDIRPLUS while it is filled. */
struct filler {
	struct wire_request *r;
	struct object *dir;
	struct place_dir place; /* the directory's */
	struct policy_listing policy;
	size_t size, used;
	bool plus;
};

static void *reserve(struct filler *f, size_t size)
{
	void *room = f->r->room + f->used;

	if (f->used + size > f->size)
		return NULL;
	memset(room, 0, size);
	f->used += size;
	return room;
}

static void fill_dirent(struct fuse_dirent *d, const char *name, size_t length, uint64_t ino,
			uint8_t type, uint64_t cookie)
{
	d->ino = ino;
	d->off = cookie;
	d->namelen = (uint32_t)length;
	d->type = type;
	memcpy(d->name, name, length);
}

/* Returns 1, or 0 when the reply is full. */
static errint_t add_plain(struct filler *f, const char *name, uint64_t ino, uint8_t type,
			  uint64_t cookie)
{
	size_t length = strlen(name);
	struct fuse_dirent *d = reserve(f, FUSE_DIRENT_ALIGN(FUSE_NAME_OFFSET + length));

	if (!d)
		return 0;
	fill_dirent(d, name, length, ino, type, cookie);
	return 1;
}

/* As above, with attributes and a lookup; without @o only the name. */
static errint_t add_plus(struct filler *f, const char *name, uint64_t ino, uint8_t type,
			 uint64_t cookie, struct object *o, const struct statx *st)
{
	size_t length = strlen(name);
	struct fuse_direntplus *d =
		reserve(f, FUSE_DIRENT_ALIGN(FUSE_NAME_OFFSET_DIRENTPLUS + length));

	if (!d)
		return 0;
	if (o)
		show_entry(NULL, o, st, &d->entry_out);
	fill_dirent(&d->dirent, name, length, ino, type, cookie);
	return 1;
}

static errint_t add_dot(struct filler *f, const char *name, uint64_t ino, uint64_t cookie)
{
	return f->plus ? add_plus(f, name, ino, DT_DIR, cookie, NULL, NULL)
		       : add_plain(f, name, ino, DT_DIR, cookie);
}

static uint64_t parent_ino(struct object *dir)
{
	struct node_table *t = &dir->fs->table;
	uint64_t ino = dir->node->ino;

	pthread_mutex_lock(&t->lock);
	if (dir->node->aliases)
		ino = dir->node->aliases->parent->ino;
	pthread_mutex_unlock(&t->lock);
	return ino;
}

/* The number of a name, as a lookup would show it. Returns 1; 0 if the name has gone; or -errno. */
static errint_t number_of(struct filler *f, const char *name, const struct lamina_name *entry,
			  unsigned int first, uint64_t *ret)
{
	struct node_table *t = &f->dir->fs->table;
	_cleanup_object_ struct object o = {f->dir->fs, node_find(t, f->dir->node, name)};
	errint_t err = 0;

	*ret = entry->ino;
	if (!o.node && !entry->ino)
		err = object_lookup_in(f->dir, &f->place, name, first, &o, NULL);
	if (err == -ENOENT)
		return 0;
	if (err < 0)
		return err;
	if (o.node)
		*ret = o.node->ino;
	return 1;
}

/* Add one name. Returns 1, 0 when the reply is full, or -errno. */
static errint_t add_name(struct filler *f, const char *name, const struct lamina_name *entry,
			 bool stale)
{
	/* Where a name was found is only good as long as nothing was copied up. */
	unsigned int first = stale ? 0 : entry->part;
	_cleanup_object_ struct object o = {0};
	struct statx st;
	uint64_t ino;
	errint_t err;

	if (f->policy.bound && policy_listing_hides(&f->policy, name))
		return 1;
	if (!f->plus) {
		err = number_of(f, name, entry, first, &ino);
		if (err <= 0)
			return err < 0 ? err : 1;
		return add_plain(f, name, ino, entry->type, entry->cookie);
	}
	err = object_lookup_in(f->dir, &f->place, name, first, &o, &st);
	if (err == -ENOENT || err == -ESTALE)
		return 1; /* has gone since the listing was read */
	if (err < 0)
		return err;
	return add_plus(f, name, o.node->ino, (uint8_t)IFTODT(st.stx_mode), entry->cookie, &o, &st);
}

static errint_t fill(struct filler *f, const struct shared_listing *shared, uint64_t cookie)
{
	const struct lamina_listing *listing = shared->listing;
	errint_t more = 1;

	if (cookie < COOKIE_DOT)
		more = add_dot(f, ".", f->dir->node->ino, COOKIE_DOT);
	if (more > 0 && cookie < COOKIE_DOT_DOT)
		more = add_dot(f, "..", parent_ino(f->dir), COOKIE_DOT_DOT);
	for (unsigned int i = lamina_listing_after(listing, cookie); more > 0 && i < listing->n;
	     i++)
		more = add_name(f, lamina_listing_name(listing, i), &listing->names[i],
				shared->stale);
	return more < 0 && f->used == 0 ? more : 0;
}

/* The listing to go on from @cookie with: the one kept, if it is good for that. */
static errint_t get_listing(struct filler *f, uint64_t cookie, struct shared_listing **ret)
{
	struct node_table *t = &f->dir->fs->table;
	struct lamina_listing *listing;
	errint_t err;

	*ret = node_listing(t, f->dir->node, cookie == 0);
	if (*ret)
		return 0;
	err = lamina_listing_read(&f->place.dir, &listing);
	if (err < 0)
		return err;
	*ret = node_set_listing(t, f->dir->node, listing);
	return *ret ? 0 : -ENOMEM;
}

static errint_t readdir_request(struct wire_request *r, bool plus)
{
	struct lamina_fs *fs = fs_of(r);
	const struct fuse_read_in *in = r->arg;
	_cleanup_object_ struct object dir = {0};
	struct shared_listing *listing;
	struct filler f = {.r = r, .dir = &dir, .plus = plus};
	unsigned int quiet = in->offset ? POLICY_QUIET : 0;
	bool kept = !(in->fh & HANDLE_KEEPS_NOTHING);
	errint_t err = object_get_dir(fs, r->in->nodeid, &dir);

	if (err == 0)
		err = policy_object(r, &dir, POLICY_BIT(READ_DIR) | quiet);
	if (err < 0)
		return err;
	policy_listing_begin(r, &dir, &f.policy);
	if (f.policy.apart && kept) {
		/* The handle is older than the policy: what it reads would be kept for everyone. */
		policy_listing_done(&f.policy);
		return -ESTALE;
	}
	f.size = in->size < READDIR_MAX ? in->size : READDIR_MAX;
	pthread_rwlock_rdlock(&fs->table.tree);
	err = place_dir_init(&fs->table, dir.node, &f.place);
	if (err == 0) {
		err = get_listing(&f, in->offset, &listing);
		if (err == 0) {
			err = fill(&f, listing, in->offset);
			listing_put(&fs->table, listing);
		}
		place_dir_keep(&f.place);
		place_dir_done(&f.place);
	}
	pthread_rwlock_unlock(&fs->table.tree);
	policy_listing_done(&f.policy);
	if (err < 0)
		return err;
	/* With the empty reply at its end the kernel has a whole listing. Until that is taken back lines of a
	 * log may be lost. */
	if (f.policy.told && kept && f.used == 0)
		sweep_content(fs, dir.node->id);
	wire_payload(r, r->room, f.used);
	return 0;
}

errint_t op_readdir(struct wire_request *r)
{
	return readdir_request(r, false);
}

errint_t op_readdirplus(struct wire_request *r)
{
	return readdir_request(r, true);
}

errint_t op_opendir(struct wire_request *r)
{
	struct lamina_fs *fs = fs_of(r);
	struct wire_open_out *out = wire_out(r, sizeof(*out));
	_cleanup_object_ struct object dir = {0};
	struct policy_listing policy;
	errint_t err;

	if (!policy_answers_opendir(r))
		return -ENOSYS; /* the kernel does not ask again, and keeps what it reads */
	err = object_get_dir(fs, r->in->nodeid, &dir);
	if (err == 0)
		err = policy_object(r, &dir, 0);
	if (err < 0)
		return err;
	policy_listing_begin(r, &dir, &policy);
	if (policy.apart || policy.told)
		out->fh = HANDLE_KEEPS_NOTHING;
	else
		out->open_flags = FOPEN_KEEP_CACHE | FOPEN_CACHE_DIR;
	policy_listing_done(&policy);
	return 0;
}

errint_t op_releasedir(struct wire_request *r)
{
	(void)r;
	return 0;
}

errint_t op_fsyncdir(struct wire_request *r)
{
	struct lamina_fs *fs = fs_of(r);
	_cleanup_object_ struct object dir = {0};
	_cleanup_held_ struct held_file held = {0};
	_cleanup_fd_ int fd = -1;
	errint_t err;

	if (!fs->options.sync)
		return -ENOSYS;
	err = object_get_dir(fs, r->in->nodeid, &dir);
	if (err < 0)
		return err;
	if (!fs->u->writable || dir.node->layer != 0)
		return 0;
	err = object_hold(&dir, &held);
	if (err < 0)
		return err;
	fd = lamina_fd_reopen(held.file->fd, O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		return fd;
	wire_session_block_ahead(r->session);
	return fsync(fd) < 0 ? -errno : 0;
}
