// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Handlers that make new objects and new names.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "engine/orphan.h"
#include "engine/passthrough.h"
#include "engine/policy.h"
#include "engine/protect.h"
#include "engine/raise.h"
#include "engine/show.h"
#include "union/attr.h"
#include "union/create.h"
#include "union/xattr.h"

/* Whose the new object is: the caller's, in the ids of the layers. */
static errint_t set_owner(const struct lamina_fs *fs, const struct wire_request *r,
			  struct lamina_new *what)
{
	return lamina_idmap_owner(&fs->options.uids, &fs->options.gids, r->in->uid, r->in->gid,
				  &what->uid, &what->gid);
}

/* The entry of what was just made as @name in @dir, without asking the layers below. */
static errint_t entry_of_new(struct lamina_dir *dir, const char *name, int fd,
			     struct lamina_entry *ret)
{
	errint_t err;

	if (fd >= 0)
		err = lamina_attr_read_fd(dir->u, 0, fd, &ret->st);
	else
		err = lamina_attr_read_at(dir->u, 0, dir->parts[0].fd, name, &ret->st);
	if (err < 0)
		return err;
	ret->ino = lamina_attr_ino(dir->u, 0, lamina_statx_dev(&ret->st), ret->st.stx_ino);
	ret->data_known = true;
	ret->protection = 0;
	if (!S_ISDIR(ret->st.stx_mode))
		return 0;
	ret->stack = lamina_stack_new(1);
	if (!ret->stack)
		return -ENOMEM;
	ret->stack->n = 1; /* the upper alone: it is opaque, or nothing lies below */
	return 0;
}

/* Make @name in @parent and enter it as a node. The file of a regular one stays cached. */
static errint_t create(struct object *parent, const char *name, const struct lamina_new *what,
		       struct object *ret, struct statx *st)
{
	struct node_table *t = &parent->fs->table;
	_cleanup_held_ struct held_file made = {.fs = parent->fs};
	_cleanup_entry_ struct lamina_entry entry = {0};
	_cleanup_place_dir_ struct place_dir place = {0};
	int fd = -1;
	errint_t err = place_dir_open(t, parent->node, &place);

	if (err == 0)
		err = lamina_create(&place.dir, name, what, &fd);
	if (err < 0)
		return err;
	place_dir_keep(&place);
	if (fd >= 0)
		made.file = file_new(fd, true, true);
	err = entry_of_new(&place.dir, name, made.file ? fd : -1, &entry);
	if (err < 0)
		return err;
	*st = entry.st;
	*ret = (struct object){parent->fs, node_enter(t, parent->node, name, &entry)};
	if (!ret->node)
		return -ENOMEM;
	if (made.file)
		node_set_file(t, ret->node, made.file);
	return 0;
}

/* @opens: the accesses of opening what was made at the same time. */
static errint_t make(struct wire_request *r, struct lamina_new *what, unsigned int opens,
		     struct object *ret, struct fuse_entry_out *out)
{
	struct lamina_fs *fs = fs_of(r);
	_cleanup_object_ struct object parent = {0};
	struct statx st;
	errint_t err = object_get_dir(fs, r->in->nodeid, &parent);

	if (err == 0)
		err = policy_name(r, &parent, r->name, policy_make_bit(what->mode) | opens);
	if (err == 0)
		err = protect_object(&parent, PROTECT_APPEND);
	if (err == 0)
		err = raise_object(&parent, RAISE_WHOLE, &r->interrupted);
	if (err == 0)
		err = set_owner(fs, r, what);
	if (err < 0)
		return err;
	err = create(&parent, r->name, what, ret, &st);
	node_changed(&fs->table, parent.node);
	if (err < 0)
		return err;
	show_entry(r, ret, &st, out);
	return 0;
}

errint_t op_mknod(struct wire_request *r)
{
	const struct fuse_mknod_in *in = r->arg;
	_cleanup_object_ struct object made = {0};
	struct lamina_new what = {.mode = in->mode, .rdev = in->rdev, .umask = in->umask};

	if (S_ISDIR(what.mode) || S_ISLNK(what.mode))
		return -EINVAL;
	if (!(what.mode & S_IFMT))
		what.mode |= S_IFREG;
	return make(r, &what, 0, &made, wire_out(r, sizeof(struct fuse_entry_out)));
}

errint_t op_mkdir(struct wire_request *r)
{
	const struct fuse_mkdir_in *in = r->arg;
	_cleanup_object_ struct object made = {0};
	struct lamina_new what = {.mode = S_IFDIR | (in->mode & 07777), .umask = in->umask};

	return make(r, &what, 0, &made, wire_out(r, sizeof(struct fuse_entry_out)));
}

errint_t op_symlink(struct wire_request *r)
{
	_cleanup_object_ struct object made = {0};
	struct lamina_new what = {.mode = S_IFLNK | 0777, .target = r->text};

	return make(r, &what, 0, &made, wire_out(r, sizeof(struct fuse_entry_out)));
}

/* Reply of CREATE and TMPFILE: an entry and an open file. */
struct created {
	struct fuse_entry_out entry;
	struct wire_open_out open;
};

errint_t op_create(struct wire_request *r)
{
	const struct fuse_create_in *in = r->arg;
	struct created *out = wire_out(r, sizeof(*out));
	_cleanup_object_ struct object made = {0};
	struct lamina_new what = {.mode = S_IFREG | (in->mode & 07777), .umask = in->umask};
	errint_t err;

	if (!policy_answers_open(r))
		return -ENOSYS; /* the kernel goes on with MKNOD */
	err = make(r, &what, policy_open_bits(in->flags & ~(unsigned int)O_TRUNC), &made,
		   &out->entry);
	return err < 0 ? err : passthrough_open(&made, true, &out->open);
}

/* ---- files without a name ---- */

static errint_t create_unnamed(struct object *parent, const struct lamina_new *what,
			       struct object *ret, struct statx *st)
{
	struct lamina_fs *fs = parent->fs;
	_cleanup_held_ struct held_file made = {.fs = fs};
	_cleanup_entry_ struct lamina_entry entry = {0};
	_cleanup_place_dir_ struct place_dir place = {0};
	errint_t err = place_dir_open(&fs->table, parent->node, &place);

	if (err == 0)
		err = lamina_create_unnamed(&place.dir, what);
	if (err < 0)
		return err;
	made.file = file_new(err, true, true);
	if (!made.file)
		return -ENOMEM;
	err = entry_of_new(&place.dir, NULL, made.file->fd, &entry);
	if (err < 0)
		return err;
	*st = entry.st;
	*ret = (struct object){fs, node_enter_unnamed(&fs->table, parent->node, &entry)};
	if (!ret->node)
		return -ENOMEM;
	err = orphan_adopt(ret, made.file->fd);
	if (err < 0) {
		object_done(ret);
		return err;
	}
	node_set_file(&fs->table, ret->node, made.file);
	return 0;
}

errint_t op_tmpfile(struct wire_request *r)
{
	struct lamina_fs *fs = fs_of(r);
	const struct fuse_create_in *in = r->arg;
	struct created *out = wire_out(r, sizeof(*out));
	_cleanup_object_ struct object parent = {0}, made = {0};
	struct lamina_new what = {.mode = S_IFREG | (in->mode & 07777), .umask = in->umask};
	struct statx st;
	errint_t err = object_get_dir(fs, r->in->nodeid, &parent);

	if (err == 0)
		err = policy_name(r, &parent, NODE_UNNAMED,
				  POLICY_BIT(MAKE_REG) | policy_open_bits(in->flags));
	if (err == 0)
		err = protect_object(&parent, PROTECT_APPEND);
	if (err == 0)
		err = raise_object(&parent, RAISE_WHOLE, &r->interrupted);
	if (err == 0)
		err = set_owner(fs, r, &what);
	if (err < 0)
		return err;
	err = create_unnamed(&parent, &what, &made, &st);
	if (err < 0)
		return err;
	show_entry(r, &made, &st, &out->entry);
	return passthrough_open(&made, true, &out->open);
}

/* ---- links ---- */

/* Where a name of a copied-up object lies must say that its entries have an origin. */
static errint_t pass_on_origin(struct place_dir *place, int fd)
{
	struct lamina_dir *dir = &place->dir;
	char xattr[LAMINA_XATTR_NAME_SIZE];
	errint_t err;

	if ((dir->parts[0].flags & LAMINA_PART_IMPURE) ||
	    !lamina_xattr_own(dir->u, "origin", xattr) ||
	    lamina_xattr_get_fd(fd, xattr, NULL, 0) < 0)
		return 0;
	err = lamina_origin_mark_parent(dir->u, dir->parts[0].fd);
	if (err < 0)
		return err;
	dir->parts[0].flags |= LAMINA_PART_IMPURE;
	place_dir_note_flags(place);
	return 0;
}

/* From now on @o may be met by a name that is not known here: it is found again by its key. */
static errint_t give_key(struct object *o, int fd, const struct place_dir *place, const char *name)
{
	struct node_table *t = &o->fs->table;
	char key[LAMINA_KEY_SIZE];
	struct statx st;
	errint_t err;

	if (o->node->key)
		return 0;
	err = lamina_attr_read_fd(t->u, 0, fd, &st);
	if (err == 0)
		err = lamina_key_of(t->u, 0, place->dir.parts[0].fd, name, &st, key);
	if (err == 0 && key[0])
		node_set_key(t, o->node, key);
	return err;
}

static errint_t link_name(struct object *parent, const char *name, struct object *o)
{
	struct node_table *t = &parent->fs->table;
	_cleanup_held_ struct held_file held = {0};
	_cleanup_place_dir_ struct place_dir place = {0};
	errint_t err = object_hold(o, &held);

	if (err < 0)
		return err;
	err = place_dir_open(t, parent->node, &place);
	if (err == 0)
		err = pass_on_origin(&place, held.file->fd);
	if (err == 0)
		err = lamina_create_link(&place.dir, name, held.file->fd);
	if (err == 0)
		err = node_add_alias(t, o->node, parent->node, name);
	return err < 0 ? err : give_key(o, held.file->fd, &place, name);
}

errint_t op_link(struct wire_request *r)
{
	struct lamina_fs *fs = fs_of(r);
	const struct fuse_link_in *in = r->arg;
	struct fuse_entry_out *out = wire_out(r, sizeof(*out));
	_cleanup_object_ struct object parent = {0}, o = {0};
	struct statx st;
	errint_t err = object_get(fs, in->oldnodeid, &o);

	if (err == 0 && S_ISDIR(o.node->type))
		err = -EPERM;
	if (err == 0)
		err = object_get_dir(fs, r->in->nodeid, &parent);
	if (err == 0)
		err = policy_link(r, &o, &parent, r->name);
	if (err == 0)
		err = protect_object(&parent, PROTECT_APPEND);
	if (err == 0)
		err = protect_object(&o, PROTECT_CHANGE);
	if (err == 0)
		err = raise_object(&parent, RAISE_WHOLE, &r->interrupted);
	if (err == 0)
		err = raise_object(&o, RAISE_WHOLE, &r->interrupted);
	if (err < 0)
		return err;
	node_begin_change(&fs->table, o.node);
	err = link_name(&parent, r->name, &o);
	node_end_change(&fs->table, o.node);
	node_changed(&fs->table, parent.node);
	if (err == 0)
		err = object_stat(&o, &st);
	if (err < 0)
		return err;
	show_entry(r, &o, &st, out);
	return 0;
}
