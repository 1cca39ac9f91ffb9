// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Lending files to the kernel. The counts of a node are under the table's `lock`; the first handle
 * of a node is opened under its `busy` mark, so that no copy-up decides at the same time whether
 * the lower file is in use.
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
static void give(struct node *node, bool write, struct wire_open_out *ret)
{
	node->backed++;
	node->writers += write;
	ret->fh = HANDLE_BACKED | (write ? HANDLE_WRITES : 0);
	ret->open_flags = FOPEN_PASSTHROUGH;
	ret->backing_id = (int32_t)node->backing_id;
}

/*
 * Join the handles that are open already: all of a node's are served alike.
 * Returns 1, 0 (there are none) or -ESTALE.
 */
static errint_t join(struct object *o, bool write, struct wire_open_out *ret)
{
	struct node_table *t = &o->fs->table;
	struct node *node = o->node;
	errint_t result = 1;

	pthread_mutex_lock(&t->lock);
	if (node->successor)
		result = -ESTALE;
	else if (node->cached > 0)
		node->cached++;
	else if (node->backed > 0)
		give(node, write, ret);
	else
		result = 0;
	pthread_mutex_unlock(&t->lock);
	return result;
}

static errint_t open_first(struct object *o, bool write, struct wire_open_out *ret)
{
	struct node_table *t = &o->fs->table;
	_cleanup_held_ struct held_file data = {0};
	errint_t err = join(o, write, ret); /* somebody else may have been first */
	uint32_t id;

	if (err != 0)
		return err < 0 ? err : 0;
	err = object_data(o, false, &data);
	if (err < 0)
		return err;
	id = lend(o->fs, data.file->fd);
	pthread_mutex_lock(&t->lock);
	if (id) {
		o->node->backing_id = id;
		give(o->node, write, ret);
	} else {
		o->node->cached++;
	}
	pthread_mutex_unlock(&t->lock);
	return 0;
}

errint_t passthrough_open(struct object *o, bool write, struct wire_open_out *ret)
{
	struct node_table *t = &o->fs->table;
	errint_t err;

	ret->open_flags = FOPEN_KEEP_CACHE;
	if (o->fs->options.engine != LAMINA_ENGINE_PASSTHROUGH)
		return 0;
	err = join(o, write, ret);
	if (err == 0) {
		node_begin_change(t, o->node);
		err = open_first(o, write, ret);
		node_end_change(t, o->node);
	}
	if (err >= 0 && write && (ret->open_flags & FOPEN_PASSTHROUGH))
		wire_session_invalidate_attr(o->fs->session, o->node->id);
	return err < 0 ? err : 0;
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

void passthrough_left(struct lamina_fs *fs, struct node *node)
{
	wire_session_invalidate_attr(fs->session, node->id);
}

/* @node is the only one of its object again, if the kernel has forgotten the node @former. */
static void settle_former(struct lamina_fs *fs, struct node *node, uint64_t former)
{
	struct node_table *t = &fs->table;
	struct node *known = node_get(t, former);

	node_put(t, known);
	if (known)
		return;
	pthread_mutex_lock(&t->lock);
	node->former = 0;
	pthread_mutex_unlock(&t->lock);
	/* Whoever looked before the last change by the former one is not to be believed. */
	wire_session_invalidate_attr(fs->session, node->id);
}

bool passthrough_attr_volatile(struct lamina_fs *fs, struct node *node)
{
	uint64_t former;
	bool written;

	if (fs->options.engine != LAMINA_ENGINE_PASSTHROUGH)
		return false;
	pthread_mutex_lock(&fs->table.lock);
	written = node->writers > 0;
	former = node->former;
	pthread_mutex_unlock(&fs->table.lock);
	if (former)
		settle_former(fs, node, former);
	return written || former;
}
