// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * From a request to an act and its answer.
 */
#include "upcall/server.h"

#include <errno.h>

#include "union/creds.h"
#include "upcall/acts.h"

static errint_t act(struct lamina_upcall_server *s, struct wire_request *r,
		    const struct lamina_upcall *c)
{
	switch (c->in->kind) {
	case FUSE_UPCALL_COPY_UP:
		return upcall_copy_up(s, r, c);
	case FUSE_UPCALL_WHITEOUT:
		return upcall_whiteout(s, c);
	case FUSE_UPCALL_MAKE:
		return upcall_make(s, c);
	case FUSE_UPCALL_RENAME:
		return upcall_rename(s, r, c);
	case FUSE_UPCALL_JOIN:
		return upcall_join(s, r, c);
	}
	return -ENOSYS;
}

static errint_t handle(struct wire_request *r)
{
	struct lamina_upcall_server *s = r->user;
	_cleanup_upcall_ struct lamina_upcall c = {0};
	struct fuse_upcall_out *out;
	errint_t answer = lamina_upcall_decode(r, &c);

	r->name = c.path; /* what is printed of a request */
	if (answer == 0)
		answer = act(s, r, &c);
	if (answer < 0)
		return answer;
	out = wire_out(r, sizeof(*out));
	out->answer = (uint32_t)answer;
	return 0;
}

static void start_thread(void *user)
{
	(void)user;
	/* Without its own umask a thread would still create correctly, one user at a time. */
	(void)lamina_creds_start_thread();
}

const struct wire_ops lamina_upcall_ops = {.thread_start = start_thread, .upcall = handle};

void lamina_upcall_server_init(struct lamina_upcall_server *ret, struct lamina_union *u,
			       const struct lamina_idmap *uids, const struct lamina_idmap *gids)
{
	*ret = (struct lamina_upcall_server){.u = u, .uids = uids, .gids = gids};
	pthread_mutex_init(&ret->raising, NULL);
}

void lamina_upcall_server_done(struct lamina_upcall_server *s)
{
	pthread_mutex_destroy(&s->raising);
}
