/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The server of a writable view: it does in the upper what the kernel asks for by upcalls, and has
 * nothing to remember. Two servers one after the other are as good as one: each upcall may be
 * repeated after any part of it was done.
 */
#pragma once

#include <pthread.h>

#include "union/idmap.h"
#include "union/union.h"
#include "wire/session.h"

struct lamina_upcall_server {
	struct lamina_union *u;
	const struct lamina_idmap *uids, *gids; /* of new objects' owners */
	struct wire_session *session;		/* set before the first upcall */

	/*
	 * Held while directories on the way are copied up, which several upcalls may want at once.
	 * No other lock is taken under it.
	 */
	pthread_mutex_t raising;
};

/* @u and the mappings must outlive @ret. */
void lamina_upcall_server_init(struct lamina_upcall_server *ret, struct lamina_union *u,
			       const struct lamina_idmap *uids, const struct lamina_idmap *gids);
void lamina_upcall_server_done(struct lamina_upcall_server *s);

/* The handler, with a `struct lamina_upcall_server` as user. */
extern const struct wire_ops lamina_upcall_ops;
