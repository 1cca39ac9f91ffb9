// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What happens to a request between the pool that reads it and the handler that serves it: decoding,
 * the session's own requests, interrupts, the reply. `lock` guards the list of requests in flight
 * and the state; no other lock is taken under it.
 */
#include "wire/session.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/limits.h"
#include "wire/admission.h"
#include "wire/pool.h"

enum state { STARTING, READY, ENDED };

struct wire_session {
	int device;
	int ended_fd;
	bool debug;
	const struct wire_ops *ops;
	void *user;
	struct wire_terms terms; /* written before READY */
	struct wire_pool *pool;
	struct wire_admission *admission;

	pthread_mutex_t lock;
	pthread_cond_t changed; /* of the state */
	enum state state;
	bool let_go;		       /* ops->ended was called, or is being called */
	struct wire_request in_flight; /* head of a ring */
};

/* Whether it is the calling thread's turn to call ops->ended. Under `lock`. */
static bool must_let_go(struct wire_session *s)
{
	bool must = s->ops->ended && s->state == ENDED && !s->let_go &&
		    s->in_flight.next == &s->in_flight;

	s->let_go |= must;
	return must;
}

static void announce_end(struct wire_session *s)
{
	const uint64_t one = 1;

	pthread_mutex_lock(&s->lock);
	if (write(s->ended_fd, &one, sizeof(one)) < 0 && s->debug)
		fprintf(stderr, "eventfd: %s\n", strerror(errno));
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

/* What is still at work is for callers that are gone. */
static void end(void *user)
{
	struct wire_session *s = user;
	bool let_go;

	pthread_mutex_lock(&s->lock);
	s->state = ENDED;
	for (struct wire_request *at = s->in_flight.next; at != &s->in_flight; at = at->next)
		atomic_store(&at->interrupted, true);
	let_go = must_let_go(s);
	pthread_mutex_unlock(&s->lock);
	if (let_go)
		s->ops->ended(s->user);
	announce_end(s);
}

/* ---- replies ---- */

static void debug_reply(const struct wire_session *s, const struct wire_request *r, errint_t err)
{
	if (s->debug)
		fprintf(stderr, "op %u node %llu %s%s-> %s (%zu bytes)\n", r->in->opcode,
			(unsigned long long)r->in->nodeid, r->name ? r->name : "",
			r->name ? " " : "", err < 0 ? strerror(-err) : "ok",
			r->out_size + r->payload_size);
}

static void reply(struct wire_session *s, struct wire_request *r, errint_t err)
{
	struct fuse_out_header header = {.unique = r->in->unique, .error = err < 0 ? err : 0};
	struct iovec parts[3] = {{&header, sizeof(header)}};
	int n = 1;

	if (err == 0 && r->out_size > 0)
		parts[n++] = (struct iovec){r->out, r->out_size};
	if (err == 0 && r->payload_size > 0)
		parts[n++] = (struct iovec){(void *)(uintptr_t)r->payload, r->payload_size};
	for (int i = 0; i < n; i++)
		header.len += (uint32_t)parts[i].iov_len;
	debug_reply(s, r, err);
	wire_pool_about_to_reply(s->pool);
	/* ENOENT: the caller is gone. What the reply would have handed over is taken back, as that of an error is. */
	if ((writev(s->device, parts, n) < 0 || err < 0) && r->lost_node)
		s->ops->forget(s->user, r->lost_node, 1);
}

/* ---- the session's own requests ---- */

static errint_t handle_init(struct wire_session *s, struct wire_request *r)
{
	const uint32_t *version = r->arg; /* major, minor */
	const struct fuse_init_in *in = r->arg;
	struct wire_init_out *out = wire_out(r, sizeof(*out));

	if (version[0] != FUSE_KERNEL_VERSION || version[1] < WIRE_MINOR_MIN ||
	    sizeof(version[0]) * 2 + r->data_size < offsetof(struct fuse_init_in, flags2))
		return -EPROTO;
	s->terms.kernel_minor = in->minor;
	s->terms.offered = in->flags;
	if ((in->flags & FUSE_INIT_EXT) && sizeof(uint32_t) * 2 + r->data_size >= sizeof(*in))
		s->terms.offered |= (uint64_t)in->flags2 << 32;
	if (!(s->terms.offered & FUSE_SETXATTR_EXT))
		return -EPROTO;
	s->ops->init(s->user, &s->terms);
	s->terms.flags &= s->terms.offered;
	s->terms.flags |= FUSE_SETXATTR_EXT; /* as decode.c expects */

	out->major = FUSE_KERNEL_VERSION;
	out->minor = in->minor < WIRE_MINOR_MAX ? in->minor : WIRE_MINOR_MAX;
	out->max_readahead = in->max_readahead;
	out->flags = (uint32_t)s->terms.flags;
	out->flags2 = (uint32_t)(s->terms.flags >> 32);
	if (s->terms.flags >> 32)
		out->flags |= FUSE_INIT_EXT;
	out->max_background = LAMINA_MAX_BACKGROUND;
	out->congestion_threshold = LAMINA_MAX_BACKGROUND * 3 / 4;
	out->max_write = LAMINA_MAX_IO;
	out->max_pages = LAMINA_MAX_IO / 4096;
	out->time_gran = 1;
	out->max_stack_depth = s->terms.max_stack_depth;
	return 0;
}

static void become_ready(struct wire_session *s)
{
	pthread_mutex_lock(&s->lock);
	if (s->state == STARTING)
		s->state = READY;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

/* A request that has not begun ends with the error @err. */
static void answer_early(struct wire_session *s, uint64_t unique, errint_t err)
{
	struct fuse_out_header header = {.len = sizeof(header), .unique = unique, .error = err};

	if (write(s->device, &header, sizeof(header)) < 0 && s->debug)
		fprintf(stderr, "request that has not begun: %s\n", strerror(errno));
}

static errint_t handle_interrupt(struct wire_session *s, struct wire_request *r)
{
	const struct fuse_interrupt_in *in = r->arg;
	errint_t result = -EAGAIN; /* not seen yet, or done: the kernel asks again, or does not */

	if (wire_admission_cancel(s->admission, in->unique)) {
		answer_early(s, in->unique, -EINTR);
		return WIRE_NO_REPLY;
	}
	pthread_mutex_lock(&s->lock);
	for (struct wire_request *at = s->in_flight.next; at != &s->in_flight; at = at->next)
		if (at->in->unique == in->unique) {
			atomic_store(&at->interrupted, true);
			result = WIRE_NO_REPLY;
			break;
		}
	pthread_mutex_unlock(&s->lock);
	return result;
}

static void handle_batch_forget(struct wire_session *s, const struct wire_request *r)
{
	const struct fuse_batch_forget_in *in = r->arg;
	const struct fuse_forget_one *one = r->data;
	size_t n = r->data_size / sizeof(*one);

	for (size_t i = 0; s->ops->forget && i < n && i < in->count; i++)
		s->ops->forget(s->user, one[i].nodeid, one[i].nlookup);
}

static errint_t dispatch(struct wire_session *s, struct wire_request *r)
{
	wire_handler handler;

	switch (r->in->opcode) {
	case FUSE_INIT:
		return s->ops->init ? handle_init(s, r) : -EPROTO;
	case FUSE_FORGET:
		if (s->ops->forget)
			s->ops->forget(s->user, r->in->nodeid,
				       ((const struct fuse_forget_in *)r->arg)->nlookup);
		return WIRE_NO_REPLY;
	case FUSE_BATCH_FORGET:
		handle_batch_forget(s, r);
		return WIRE_NO_REPLY;
	case FUSE_INTERRUPT:
		return handle_interrupt(s, r);
	case FUSE_DESTROY:
		return 0;
	case FUSE_UPCALL:
		return s->ops->upcall ? s->ops->upcall(r) : -ENOSYS;
	default:
		handler = s->ops->handlers[r->in->opcode];
		return handler ? handler(r) : -ENOSYS;
	}
}

/* ---- requests ---- */

/* Returns false if the session has ended: then nothing is served any more. */
static bool enlist(struct wire_session *s, struct wire_request *r)
{
	bool goes_on;

	pthread_mutex_lock(&s->lock);
	goes_on = s->state != ENDED;
	if (goes_on) {
		r->next = s->in_flight.next;
		r->prev = &s->in_flight;
		r->next->prev = r;
		s->in_flight.next = r;
	}
	pthread_mutex_unlock(&s->lock);
	return goes_on;
}

static void delist(struct wire_session *s, struct wire_request *r)
{
	bool let_go;

	pthread_mutex_lock(&s->lock);
	r->next->prev = r->prev;
	r->prev->next = r->next;
	let_go = must_let_go(s);
	pthread_mutex_unlock(&s->lock);
	if (let_go)
		s->ops->ended(s->user);
}

static bool gets_reply(const struct wire_request *r)
{
	return r->in->opcode != FUSE_FORGET && r->in->opcode != FUSE_BATCH_FORGET;
}

/* INIT was answered with @result. */
static void settle_init(struct wire_session *s, errint_t result)
{
	if (result < 0)
		end(s);
	else
		become_ready(s);
}

/* Serve the request @r, which was decoded with @result, and reply. */
static void serve_decoded(struct wire_session *s, struct wire_request *r, errint_t result)
{
	bool listed = result == 0;

	memset(r->out, 0, WIRE_OUT_SIZE);
	if (listed && !enlist(s, r))
		return;
	if (result == 0)
		result = dispatch(s, r);
	if (result != WIRE_NO_REPLY)
		reply(s, r, result);
	if (listed) /* after the reply, which may take something back */
		delist(s, r);
	if (r->in->opcode == FUSE_INIT)
		settle_init(s, result);
}

static struct wire_request request_in(struct wire_session *s, const struct wire_buffers *buffers)
{
	return (struct wire_request){
		.session = s, .user = s->user, .out = buffers->out, .room = buffers->room};
}

/* Serve @r, of @class, and then those that have waited meanwhile, until none may begin. */
static void serve_admitted(struct wire_session *s, struct wire_request *r, enum wire_class class,
			   const struct wire_buffers *buffers)
{
	struct wire_waiting *w;

	serve_decoded(s, r, 0);
	while ((w = wire_admission_leave(s->admission, class))) {
		struct wire_request next = request_in(s, buffers);

		class = w->class;
		serve_decoded(s, &next, wire_decode(&next, w->bytes, w->size));
		free(w);
	}
}

static enum wire_class class_of(const struct wire_session *s, const struct wire_request *r)
{
	switch (r->in->opcode) {
	case FUSE_INIT:
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT:
	case FUSE_DESTROY:
		return WIRE_CONTROL;
	default:
		return s->ops->class ? s->ops->class(r) : WIRE_CONTROL;
	}
}

/*
 * Whether @r is served though there is no room for it: what is released would stay for ever, and of what
 * is written back nobody else has a copy.
 */
static bool must_be_served(const struct wire_request *r, enum wire_class class)
{
	return class == WIRE_WRITE_BACK || r->in->opcode == FUSE_RELEASE ||
	       r->in->opcode == FUSE_RELEASEDIR;
}

static void serve(void *user, struct wire_buffers *buffers, size_t size)
{
	struct wire_session *s = user;
	struct wire_request r = request_in(s, buffers);
	errint_t result = wire_decode(&r, buffers->in, size);
	enum wire_class class;

	if (result == -EBADMSG)
		return;
	if (result < 0 && !gets_reply(&r))
		return;
	class = result == 0 ? class_of(s, &r) : WIRE_CONTROL;
	if (class == WIRE_CONTROL) {
		serve_decoded(s, &r, result);
		return;
	}
	switch (wire_admission_enter(s->admission, class, r.in->unique, buffers->in, size)) {
	case WIRE_SERVE:
		serve_admitted(s, &r, class, buffers);
		break;
	case WIRE_NO_ROOM:
		if (must_be_served(&r, class))
			serve_decoded(s, &r, 0);
		else
			answer_early(s, r.in->unique, -ENOMEM);
		break;
	case WIRE_WAITS:
		break;
	}
}

static void start(void *user)
{
	struct wire_session *s = user;

	s->ops->thread_start(s->user);
}

static const struct wire_pool_ops pool_ops = {.start = start, .serve = serve, .end = end};

/* ---- life ---- */

struct wire_session *wire_session_new(int fd, const struct wire_ops *ops, void *user, bool debug)
{
	struct wire_session *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->ended_fd = eventfd(0, EFD_CLOEXEC);
	s->admission = wire_admission_new();
	s->pool = s->ended_fd < 0 || !s->admission ? NULL : wire_pool_new(fd, &pool_ops, s);
	if (!s->pool) {
		lamina_cleanup_fd(&s->ended_fd);
		wire_admission_free(s->admission);
		free(s);
		return NULL;
	}
	s->device = fd;
	s->debug = debug;
	s->ops = ops;
	s->user = user;
	s->state = ops->init ? STARTING : READY;
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->changed, NULL);
	s->in_flight.next = s->in_flight.prev = &s->in_flight;
	return s;
}

errint_t wire_session_start(struct wire_session *s)
{
	return wire_pool_start(s->pool);
}

void wire_session_block_ahead(struct wire_session *s)
{
	wire_pool_block_ahead(s->pool);
}

errint_t wire_session_wait_ready(struct wire_session *s)
{
	enum state state;

	pthread_mutex_lock(&s->lock);
	while (s->state == STARTING)
		pthread_cond_wait(&s->changed, &s->lock);
	state = s->state;
	pthread_mutex_unlock(&s->lock);
	return state == READY ? 0 : -ENODEV;
}

int wire_session_ended_fd(const struct wire_session *s)
{
	return s->ended_fd;
}

void wire_session_free(struct wire_session *s)
{
	if (!s)
		return;
	wire_pool_free(s->pool);
	wire_admission_free(s->admission);
	pthread_cond_destroy(&s->changed);
	pthread_mutex_destroy(&s->lock);
	close(s->ended_fd);
	lamina_cleanup_fd(&s->device);
	free(s);
}

int wire_session_device(const struct wire_session *s)
{
	return s->device;
}

const struct wire_terms *wire_session_terms(const struct wire_session *s)
{
	return &s->terms;
}

/* Nothing of the content is dropped from a negative offset on, all of it from 0 on. */
static void invalidate(struct wire_session *s, uint64_t id, int64_t offset)
{
	struct {
		struct fuse_out_header header;
		struct fuse_notify_inval_inode_out inode;
	} notice = {
		.header = {.len = sizeof(notice), .error = FUSE_NOTIFY_INVAL_INODE},
		.inode = {.ino = id, .off = offset},
	};

	/* ENOENT: the kernel does not keep it any more, which is as good. */
	if (write(s->device, &notice, sizeof(notice)) < 0 && s->debug)
		fprintf(stderr, "invalidate node %llu: %s\n", (unsigned long long)id,
			strerror(errno));
}

void wire_session_invalidate_attr(struct wire_session *s, uint64_t id)
{
	invalidate(s, id, -1);
}

void wire_session_invalidate_all(struct wire_session *s, uint64_t id)
{
	invalidate(s, id, 0);
}
