/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Objects that are immutable or append-only. The kernel's FUSE does not know which are, so what the VFS
 * refuses on other file systems is refused here, where a handler begins to change something. With
 * engine fuse the kernel does not tell of opens: there the first write is refused, and not the open.
 */
#pragma once

#include "engine/object.h"

/* What is refused, by what the object is. */
enum protect_against {
	PROTECT_APPEND, /* immutable: writing at the end, new times of now, a new name in a directory */
	PROTECT_CHANGE, /* or append-only: all other changes, also of its names */
};

/* 0, -EPERM, or the error of looking. */
errint_t protect_object(struct object *o, enum protect_against against);

/* The same for the name @name that goes from @parent: both the directory and @o may forbid it. */
errint_t protect_removal(struct object *parent, struct object *o);

/* The protection of @o, FS_*_FL flags; and that it was changed to @flags. */
errint_t protect_flags(struct object *o);
void protect_note(struct object *o, unsigned int flags);
