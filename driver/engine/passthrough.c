// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Lending files to the kernel. The counts of a node are under the table's `lock`. No handle waits for
 * another request: a file that is to be lent is opened first, and whether it still is to be is decided
 * then.
 */
#include "engine/passthrough.h"

#include <errno.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* What the kernel's file handle numbers tell us at release. */
#define HANDLE_BACKED 0x1
#define HANDLE_WRITES 0x2

static uint32_t lend(struct lamina_fs *fs, int fd)
{
	struct fuse_backing_map map = {.fd = fd};
	int id = ioctl(wire_session_device(fs->session), FUSE_DEV_IOC_BACKING_OPEN, &map);

	return id > 0 ? (uint32_t)id : 0;
}

static void take_back(struct lamina_fs *fs, uint32_t id)
{
	ioctl(wire_session_device(fs->session), FUSE_DEV_IOC_BACKING_CLOSE, &id);
}

/* One more handle on the lent file. Under `lock`. */
static void give_lent(struct node *node, bool write, struct wire_open_out *ret)
{
	node->backed++;
	node->writers += write;
	node->written_past |= write;
	ret->fh = HANDLE_BACKED | (write ? HANDLE_WRITES : 0);
	ret->open_flags = FOPEN_PASSTHROUGH;
	ret->backing_id = (int32_t)node->backing_id;
}

/*
 * One more handle that we serve. Pages that the kernel has from before are old if the file was written
 * to past them. Under `lock`.
 */
static void give_cached(struct node *node, struct wire_open_out *ret)
{
	node->cached++;
	ret->fh = 0;
	ret->open_flags = node->written_past ? 0 : FOPEN_KEEP_CACHE;
	node->written_past = false;
}

/* Join the handles that are open already: all of a node's are of one kind. Under `lock`. */
static bool join(struct node *node, bool write, struct wire_open_out *ret)
{
	if (node->backed > 0)
		give_lent(node, write, ret);
	else if (node->cached > 0)
		give_cached(node, ret);
	else
		return false;
	return true;
}

/* Whether the data of @o are an upper file's, for good. */
static bool can_be_lent(struct object *o)
{
	struct node_table *t = &o->fs->table;
	bool can;

	pthread_rwlock_rdlock(&t->tree);
	can = o->fs->u->writable && o->node->layer == 0 && !o->node->data_path;
	pthread_rwlock_unlock(&t->tree);
	return can;
}

/* Lend the file of @o, if it can be. Returns the number of the lent file, 0: it can not, or -errno. */
static int64_t try_to_lend(struct object *o)
{
	_cleanup_held_ struct held_file data = {0};
	errint_t err = S_ISREG(o->node->type) ? object_find_data(o) : 0;

	if (err < 0 || !can_be_lent(o))
		return err;
	err = object_data(o, false, &data);
	return err < 0 ? err : (int64_t)lend(o->fs, data.file->fd);
}

/* No handle was open a moment ago. */
static errint_t open_first(struct object *o, bool write, struct wire_open_out *ret)
{
	struct node_table *t = &o->fs->table;
	struct node *node = o->node;
	int64_t id = try_to_lend(o);

	if (id < 0)
		return (errint_t)id;
	pthread_mutex_lock(&t->lock);
	/* Another request may have been first. */
	if (!join(node, write, ret)) {
		if (id) {
			node->backing_id = (uint32_t)id;
			id = 0;
			give_lent(node, write, ret);
		} else {
			give_cached(node, ret);
		}
	}
	pthread_mutex_unlock(&t->lock);
	if (id)
		take_back(o->fs, (uint32_t)id);
	return 0;
}

errint_t passthrough_open(struct object *o, bool write, struct wire_open_out *ret)
{
	struct node_table *t = &o->fs->table;
	errint_t err = 0;
	bool joined;

	ret->open_flags = FOPEN_KEEP_CACHE;
	if (o->fs->options.engine != LAMINA_ENGINE_PASSTHROUGH)
		return 0;
	pthread_mutex_lock(&t->lock);
	joined = join(o->node, write, ret);
	pthread_mutex_unlock(&t->lock);
	if (!joined)
		err = open_first(o, write, ret);
	if (err == 0 && write && (ret->open_flags & FOPEN_PASSTHROUGH))
		wire_session_invalidate_attr(o->fs->session, o->node->id);
	return err;
}

void passthrough_release(struct lamina_fs *fs, struct node *node, uint64_t fh)
{
	struct node_table *t = &fs->table;
	bool wrote = fh & HANDLE_WRITES;
	uint32_t id = 0;

	pthread_mutex_lock(&t->lock);
	if (!(fh & HANDLE_BACKED)) {
		node->cached -= node->cached > 0;
	} else if (node->backed > 0) {
		node->writers -= wrote && node->writers > 0;
		if (--node->backed == 0) {
			id = node->backing_id;
			node->backing_id = 0;
		}
	}
	pthread_mutex_unlock(&t->lock);
	if (id)
		take_back(fs, id);
	if (wrote)
		wire_session_invalidate_attr(fs->session, node->id);
}

void passthrough_end(struct lamina_fs *fs, struct node *node)
{
	if (node->backing_id)
		take_back(fs, node->backing_id);
	node->backing_id = 0;
}

bool passthrough_attr_volatile(struct lamina_fs *fs, struct node *node)
{
	bool written;

	if (fs->options.engine != LAMINA_ENGINE_PASSTHROUGH)
		return false;
	pthread_mutex_lock(&fs->table.lock);
	written = node->writers > 0;
	pthread_mutex_unlock(&fs->table.lock);
	return written;
}
