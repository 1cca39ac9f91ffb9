// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Copy-up of nodes. A node's `busy` mark is held while it is copied, so its names stay; the
 * parent is copied first, by its own mark (child before parent, as node.h says).
 */
#include "engine/raise.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/limits.h"
#include "engine/orphan.h"
#include "union/copyup.h"
#include "union/permit.h"
#include "union/whiteout.h"
#include "union/work.h"

static bool in_upper(const struct object *o)
{
	return o->fs->u->writable && o->node->layer == 0;
}

/* What a copy-up needs of the lower object. */
struct lower {
	struct lamina_source source;
	struct held_file held;
	int data_fd;
};

static void lower_done(struct lower *lower)
{
	held_file_done(&lower->held);
	lamina_cleanup_fd(&lower->data_fd);
}

static errint_t lower_open(struct object *o, struct lower *ret)
{
	struct node *node = o->node;
	struct lower lower = {.data_fd = -1};
	errint_t err = S_ISREG(node->type) ? object_find_data(o) : 0;

	if (err == 0)
		err = object_hold(o, &lower.held);
	if (err < 0)
		return err;
	if (node->data_path)
		lower.data_fd = place_open_data(&o->fs->table, node, O_PATH);
	if (node->data_path && lower.data_fd < 0)
		err = lower.data_fd;
	lower.source = (struct lamina_source){
		.layer = node->layer,
		.fd = lower.held.file->fd,
		.data_fd = lower.data_fd,
		.ino = node->ino,
		.key = node->key ? node->key : "",
		.lower_nlink = node->lower_nlink,
	};
	if (err == 0)
		err = lamina_attr_read_fd(o->fs->u, node->layer, lower.source.fd, &lower.source.st);
	if (err < 0) {
		lower_done(&lower);
		return err;
	}
	*ret = lower;
	return 0;
}

/* The file @node lies at layer 0 from now on, as @file. Under `tree` for writing. */
static void settle_in_upper(struct node_table *t, struct node *node, struct file *file)
{
	node->layer = 0;
	free(node->lower_path);
	node->lower_path = NULL;
	node->indexed = node->key && node->lower_nlink > 0;
	free(node->data_path);
	node->data_path = NULL;
	node->data_known = true;
	node_set_file(t, node, file); /* what was cached is the lower one */
}

/* Make a file's node lie where the copy is. */
static void switch_file(struct object *o, struct file *file)
{
	struct node_table *t = &o->fs->table;

	pthread_rwlock_wrlock(&t->tree);
	settle_in_upper(t, o->node, file);
	pthread_rwlock_unlock(&t->tree);
}

/* A directory has got an upper part. The lower parts' own paths have moved to @stack. */
static void switch_dir(struct object *o, struct lamina_stack *stack)
{
	struct node_table *t = &o->fs->table;

	pthread_rwlock_wrlock(&t->tree);
	free(o->node->stack);
	o->node->stack = stack;
	o->node->layer = 0;
	node_set_file(t, o->node, NULL);
	pthread_rwlock_unlock(&t->tree);
	node_changed(t, o->node);
}

static errint_t copy_named(struct object *o, struct object *parent, const char *name,
			   const struct lamina_copyup_options *options)
{
	_cleanup_place_dir_ struct place_dir place = {0};
	_cleanup_(lower_done) struct lower lower = {.data_fd = -1};
	_cleanup_held_ struct held_file copy = {.fs = o->fs};
	struct lamina_stack *stack = NULL;
	errint_t err = place_dir_open(&parent->fs->table, parent->node, &place);
	int fd = -1;

	if (err == 0)
		err = lower_open(o, &lower);
	if (err < 0)
		return err;
	if (S_ISDIR(o->node->type)) {
		/* Before the copy: what cannot be done must not be half done. */
		stack = lamina_stack_with_upper(o->node->stack);
		if (!stack)
			return -ENOMEM;
	}
	err = lamina_copyup(o->fs->u, &place.dir, name, &lower.source, options, &fd);
	if (err < 0) {
		free(stack);
		return err;
	}
	if (fd >= 0)
		copy.file = file_new(fd, true, true);
	place_dir_note_flags(&place);
	node_changed(&o->fs->table, parent->node);
	if (stack)
		switch_dir(o, stack);
	else if (!in_upper(o))
		switch_file(o, copy.file);
	return 0;
}

/* A file that was unlinked while it is open can still be written to. */
static errint_t copy_unnamed(struct object *o, const struct lamina_copyup_options *options)
{
	_cleanup_(lower_done) struct lower lower = {.data_fd = -1};
	_cleanup_held_ struct held_file copy = {.fs = o->fs};
	errint_t err;

	if (!S_ISREG(o->node->type))
		return -ENOENT;
	err = lower_open(o, &lower);
	if (err == 0)
		err = lamina_copyup_unnamed(o->fs->u, &lower.source, options);
	if (err < 0)
		return err;
	copy.file = file_new(err, true, true);
	if (!copy.file)
		return -ENOMEM;
	err = orphan_adopt(o, copy.file->fd);
	if (err < 0)
		return err;
	switch_file(o, copy.file);
	return 0;
}

/*
 * The highest of @o and the directories above it that is not in the upper yet, with its name.
 * Returns 0; 1 if it is @o and has no name; or -ENOENT if a directory has none.
 */
static errint_t topmost_lower(struct object *o, struct object *ret, struct object *ret_parent,
			      char name[NAME_MAX + 1])
{
	struct node_table *t = &o->fs->table;
	struct node *node = o->node;
	errint_t err = 0;

	pthread_rwlock_rdlock(&t->tree);
	pthread_mutex_lock(&t->lock);
	while (node->aliases && node->aliases->parent->layer != 0)
		node = node->aliases->parent;
	if (node->aliases) {
		node->pins++;
		node->aliases->parent->pins++;
		*ret = (struct object){o->fs, node};
		*ret_parent = (struct object){o->fs, node->aliases->parent};
		strcpy(name, node->aliases->name);
	} else {
		err = node == o->node ? 1 : -ENOENT;
	}
	pthread_mutex_unlock(&t->lock);
	pthread_rwlock_unlock(&t->tree);
	return err;
}

/* Copy up one step; the caller looks again. */
static errint_t raise_step(struct object *o, const struct lamina_copyup_options *options)
{
	static const struct lamina_copyup_options whole = {.size = RAISE_WHOLE};
	struct node_table *t = &o->fs->table;
	_cleanup_object_ struct object victim = {0}, parent = {0}, now = {0};
	char name[NAME_MAX + 1];
	struct node *marked;
	errint_t err = topmost_lower(o, &victim, &parent, name);

	if (err < 0)
		return err;
	marked = err ? o->node : victim.node;
	wire_session_block_ahead(o->fs->session);
	node_begin_change(t, marked);
	if (err) {
		bool unnamed = o->node->layer != 0 && !o->node->aliases;

		err = unnamed ? copy_unnamed(o, options) : 0;
	} else {
		now = (struct object){o->fs, node_find(t, parent.node, name)};
		if (now.node == marked && !in_upper(&victim))
			err = copy_named(&victim, &parent, name,
					 marked == o->node ? options : &whole);
	}
	node_end_change(t, marked);
	return err;
}

/* Give a file that overlayfs left in the upper with its attributes alone its data. */
static errint_t copy_data(struct object *o, const struct lamina_copyup_options *options)
{
	struct node_table *t = &o->fs->table;
	_cleanup_held_ struct held_file whole = {.fs = o->fs};
	_cleanup_fd_ int data = -1;
	errint_t fd;

	pthread_rwlock_rdlock(&t->tree);
	fd = place_open(t, o->node, O_RDWR);
	data = place_open_data(t, o->node, O_PATH);
	pthread_rwlock_unlock(&t->tree);
	if (fd < 0)
		return fd;
	whole.file = file_new(fd, true, true);
	if (!whole.file)
		return -ENOMEM;
	if (data < 0)
		return data;
	fd = lamina_copyup_data(o->fs->u, fd, data, options);
	if (fd == 0)
		switch_file(o, whole.file);
	return fd;
}

static errint_t raise_data(struct object *o, const struct lamina_copyup_options *options)
{
	errint_t err = object_find_data(o);

	if (err < 0 || !o->node->data_path)
		return err;
	wire_session_block_ahead(o->fs->session);
	node_begin_change(&o->fs->table, o->node);
	if (o->node->data_path)
		err = copy_data(o, options);
	node_end_change(&o->fs->table, o->node);
	return err;
}

/* Whether the upper part of @parent has @name itself. Returns 1, 0 or -errno. */
static errint_t upper_has(struct object *parent, const char *name)
{
	_cleanup_place_dir_ struct place_dir place = {0};
	errint_t err = place_dir_open(&parent->fs->table, parent->node, &place);
	struct stat st;

	if (err < 0)
		return err;
	if (fstatat(place.dir.parts[0].fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return 1;
	return errno == ENOENT ? 0 : -errno;
}

/* Make @name of @parent, if it still is @o's, a name of the file in the index that @o is. */
static errint_t place_name(struct object *o, struct object *parent, const char *name)
{
	static const struct lamina_copyup_options whole = {.size = RAISE_WHOLE};
	struct node_table *t = &o->fs->table;
	_cleanup_object_ struct object now = {.fs = o->fs};
	errint_t err = 0;

	node_begin_change(t, o->node);
	now.node = node_find(t, parent->node, name);
	if (now.node == o->node) {
		err = upper_has(parent, name);
		if (err == 0)
			err = copy_named(o, parent, name, &whole);
		if (err >= 0)
			node_note_placed(t, o->node, parent->node, name);
	}
	node_end_change(t, o->node);
	return err < 0 ? err : 0;
}

/*
 * The copy of a file with several names gets all of them that anybody has looked up: the kernel
 * does not say by which one it was opened, and that one has to be in what is committed.
 */
static errint_t place_names(struct object *o, const atomic_bool *cancel)
{
	errint_t err = 0;

	while (err == 0) {
		char name[NAME_MAX + 1];
		_cleanup_object_ struct object parent = {
			o->fs, node_unplaced_name(&o->fs->table, o->node, name)};

		if (!parent.node)
			break;
		err = raise_object(&parent, RAISE_WHOLE, cancel);
		if (err == 0)
			err = place_name(o, &parent, name);
	}
	return err;
}

errint_t raise_object(struct object *o, int64_t size, const atomic_bool *cancel)
{
	const struct lamina_copyup_options options = {.size = size, .cancel = cancel};
	errint_t err = 0;

	if (!o->fs->u->writable)
		return -EROFS;
	while (!in_upper(o)) {
		err = raise_step(o, &options);
		if (err < 0)
			return err;
	}
	if (S_ISREG(o->node->type))
		err = raise_data(o, &options);
	return err == 0 && o->node->indexed ? place_names(o, cancel) : err;
}

errint_t raise_name(struct object *parent, const char *name, struct object *o,
		    const atomic_bool *cancel)
{
	errint_t err = raise_object(parent, RAISE_WHOLE, cancel);

	if (err == 0)
		err = raise_object(o, RAISE_WHOLE, cancel);
	return err == 0 && o->node->indexed ? place_name(o, parent, name) : err;
}

/* ---- whole trees ---- */

struct dirs {
	struct object *objects;
	size_t n, capacity;
};

static void dirs_done(struct dirs *dirs)
{
	for (size_t i = 0; i < dirs->n; i++)
		object_done(&dirs->objects[i]);
	free(dirs->objects);
}

/* Takes over the pin of @o. */
static errint_t dirs_add(struct dirs *dirs, struct object *o)
{
	if (dirs->n == dirs->capacity) {
		size_t capacity = dirs->capacity ? dirs->capacity * 2 : 16;
		struct object *objects = realloc(dirs->objects, capacity * sizeof(*objects));

		if (!objects)
			return -ENOMEM;
		dirs->objects = objects;
		dirs->capacity = capacity;
	}
	dirs->objects[dirs->n++] = *o;
	o->node = NULL;
	return 0;
}

static errint_t read_names(struct object *o, struct lamina_listing **ret)
{
	struct node_table *t = &o->fs->table;
	_cleanup_place_dir_ struct place_dir place = {0};
	errint_t err;

	pthread_rwlock_rdlock(&t->tree);
	err = place_dir_init(t, o->node, &place);
	if (err == 0)
		err = lamina_listing_read(&place.dir, ret);
	pthread_rwlock_unlock(&t->tree);
	return err;
}

/* Bring the files of @dir into the upper; its directories are added to @dirs. */
static errint_t raise_entries(struct object *dir, struct dirs *dirs, const atomic_bool *cancel)
{
	_cleanup_listing_ struct lamina_listing *listing = NULL;
	errint_t err = raise_object(dir, RAISE_WHOLE, cancel);

	if (err == 0)
		err = read_names(dir, &listing);
	for (unsigned int i = 0; err == 0 && i < listing->n; i++) {
		const char *name = lamina_listing_name(listing, i);
		_cleanup_object_ struct object child = {0};

		err = object_lookup(dir, name, &child, NULL);
		if (err == -ENOENT) { /* removed meanwhile */
			err = 0;
			continue;
		}
		if (err == 0)
			err = S_ISDIR(child.node->type) ? dirs_add(dirs, &child)
							: raise_name(dir, name, &child, cancel);
	}
	return err;
}

/* The directory @o holds all that it shows: make the layers below it invisible for good. */
static errint_t cut_off(struct object *o)
{
	struct node_table *t = &o->fs->table;
	_cleanup_permit_ struct lamina_permit permit = {.u = NULL};
	_cleanup_place_dir_ struct place_dir place = {0};
	errint_t err = place_dir_open(t, o->node, &place);
	struct lamina_stack *stack;

	if (err < 0)
		return err == -ENOENT ? 0 : err; /* removed meanwhile */
	if (place.dir.n == 1)
		return 0;
	err = lamina_permit_begin(o->fs->u, place.dir.parts[0].fd, place.dir.parts[0].path, "",
				  &permit);
	if (err == 0)
		err = lamina_opaque_write(o->fs->u, place.dir.parts[0].fd);
	if (err == 0)
		err = lamina_whiteout_clear(
			place.dir.parts[0].fd,
			lamina_dir_xwhiteouts(&place.dir, 0) ? LAMINA_CLEAR_MARKED : 0);
	lamina_permit_end(&permit);
	if (err < 0)
		return err;
	pthread_rwlock_wrlock(&t->tree);
	stack = o->node->stack;
	for (unsigned int i = 1; i < stack->n; i++)
		free(stack->parts[i].path);
	stack->n = 1;
	pthread_rwlock_unlock(&t->tree);
	node_changed(t, o->node);
	return 0;
}

errint_t raise_tree(struct object *o, const atomic_bool *cancel)
{
	_cleanup_(dirs_done) struct dirs dirs = {0};
	struct object top = *o;
	errint_t err;

	pthread_mutex_lock(&o->fs->table.lock);
	top.node->pins++;
	pthread_mutex_unlock(&o->fs->table.lock);
	err = dirs_add(&dirs, &top);
	if (err < 0)
		object_done(&top);
	for (size_t i = 0; err == 0 && i < dirs.n; i++) {
		struct object dir = dirs.objects[i]; /* the array may move */

		err = raise_entries(&dir, &dirs, cancel);
	}
	for (size_t i = dirs.n; err == 0 && i-- > 0;)
		err = cut_off(&dirs.objects[i]);
	return err;
}
