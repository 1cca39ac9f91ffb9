// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What protects a node is found out once and kept with it: of a lower object by the lookup, of an upper
 * one when it is first changed. It changes by an ioctl alone, which says so.
 */
#include "engine/protect.h"

#include <errno.h>

#include "union/attr.h"
#include "union/flags.h"

/* Of an upper object: its attribute, and what it has itself from before there was that. */
static errint_t look(struct object *o)
{
	_cleanup_held_ struct held_file held = {0};
	errint_t err = object_hold(o, &held), flags;
	struct statx st;

	if (err == 0)
		err = lamina_attr_read_fd(o->fs->u, held.layer, held.file->fd, &st);
	if (err < 0)
		return err;
	if (!S_ISREG(st.stx_mode) && !S_ISDIR(st.stx_mode))
		return 0;
	flags = o->fs->u->writable && held.layer == 0 ? lamina_flags_protecting(held.file->fd) : 0;
	return flags < 0 ? flags : (errint_t)((unsigned int)flags | lamina_flags_of(&st));
}

errint_t protect_flags(struct object *o)
{
	unsigned int known = atomic_load(&o->node->protection);
	errint_t flags;

	if (known != NODE_PROTECTION_UNKNOWN)
		return (errint_t)known;
	flags = look(o);
	if (flags >= 0)
		protect_note(o, (unsigned int)flags);
	return flags;
}

void protect_note(struct object *o, unsigned int flags)
{
	atomic_store(&o->node->protection, flags & LAMINA_FLAGS_PROTECTED);
}

errint_t protect_object(struct object *o, enum protect_against against)
{
	errint_t flags = protect_flags(o);

	if (flags <= 0)
		return flags;
	return (flags & FS_IMMUTABLE_FL) || against == PROTECT_CHANGE ? -EPERM : 0;
}

errint_t protect_removal(struct object *parent, struct object *o)
{
	errint_t err = protect_object(parent, PROTECT_CHANGE);

	return err < 0 ? err : protect_object(o, PROTECT_CHANGE);
}
