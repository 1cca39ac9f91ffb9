/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An upcall, taken apart: what <linux/fuse_upcall.h> describes, checked. The kernel is believed what
 * it asks for, not that it can count.
 */
#pragma once

#include <linux/fuse_upcall.h>
#include <stdbool.h>

#include "base/errint.h"
#include "wire/request.h"

struct lamina_upcall {
	const struct fuse_upcall_in *in;
	const char *path; /* below the root of the view: "a/b", or "" for the root itself */
	const char *dir;  /* what is before the last "/" of it, or "" */
	const char *name; /* what is behind */
	const char *text; /* the second text, or NULL */
	bool again;	  /* another server may have acted on it already */
	char *owned;	  /* holds `dir` */
};

/*
 * Take @r apart. All of @ret but `owned` lies in the request's buffer. Returns 0; -EINVAL: lengths or
 * texts that cannot be meant; -ENOSYS: a kind that is not known; -ENOMEM.
 */
errint_t lamina_upcall_decode(const struct wire_request *r, struct lamina_upcall *ret);

void lamina_upcall_done(struct lamina_upcall *upcall);

#define _cleanup_upcall_ _cleanup_(lamina_upcall_done)
