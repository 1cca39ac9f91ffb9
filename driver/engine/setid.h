/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Set-id bits that a change takes away, as the VFS does on other file systems. FUSE tells when a change
 * takes them. But where the group may not execute, set-gid stays with a caller that is in the group or
 * has CAP_FSETID, of which FUSE tells nothing: in that rare case /proc is asked. What cannot be seen there
 * counts as missing.
 */
#pragma once

#include "engine/object.h"

/* The content or owner of the upper object @o, whose file @fd is, is changed, and takes bits away. */
errint_t setid_clear(const struct wire_request *r, struct object *o, int fd);

/* The caller sets an ACL of @o, and the kernel says that it must not leave set-gid. */
errint_t setid_clear_gid(struct object *o, int fd);

/* The caller removes the access ACL of @o, or would if it had one: of that the kernel does not say so. */
errint_t setid_at_acl_removal(struct wire_request *r, struct object *o);

/* Whether what a SETATTR asks for includes setid_clear(). */
bool setid_asked_for(const struct wire_request *r, const struct fuse_setattr_in *in);
