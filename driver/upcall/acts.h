/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the server does for each kind of upcall. Each act returns FUSE_UPCALL_DONE, FUSE_UPCALL_RETRY
 * (things are not as the upcall says), or -errno for the caller of the system call, with nothing half
 * done. Each may find that a server before it has come any way through the same act.
 */
#pragma once

#include "upcall/decode.h"
#include "upcall/place.h"
#include "upcall/server.h"

errint_t upcall_copy_up(struct lamina_upcall_server *s, struct wire_request *r,
			const struct lamina_upcall *c);
errint_t upcall_join(struct lamina_upcall_server *s, struct wire_request *r,
		     const struct lamina_upcall *c);
errint_t upcall_whiteout(struct lamina_upcall_server *s, const struct lamina_upcall *c);
errint_t upcall_make(struct lamina_upcall_server *s, const struct lamina_upcall *c);
errint_t upcall_rename(struct lamina_upcall_server *s, struct wire_request *r,
		       const struct lamina_upcall *c);

/* ---- what they share, in copy.c ---- */

/* All of a file's data. */
#define UPCALL_WHOLE INT64_MAX

/*
 * Bring the directory @path into the upper, with all above it. Returns 0; FUSE_UPCALL_RETRY if
 * something else is in the way; or -errno.
 */
errint_t upcall_raise_dirs(struct lamina_upcall_server *s, const char *path);

/*
 * Copy @from up as @name of the upper's directory @path, at most @size bytes. Returns 0, also if the
 * upper has it by now; FUSE_UPCALL_RETRY; or -errno.
 */
errint_t upcall_copy_to(struct lamina_upcall_server *s, const char *path, const char *name,
			const struct lower_object *from, uint64_t size, const atomic_bool *cancel);
