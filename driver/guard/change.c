// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * From the set of policies in force to the next one. A daemon takes a set only in the place of the one that it was
 * made from; a view's data are changed under the lock on records. All of it is done by a child process, which the
 * parent waits for as long as there is time.
 */
#include "guard/change.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/limited.h"
#include "base/limits.h"
#include "guard/again.h"
#include "guard/client.h"
#include "guard/control.h"
#include "guard/data.h"
#include "mount/record.h"

/* A change, and what the child tells of it. In memory that both see, but for what is pointed to. */
struct change {
	int root;
	const char *label;
	const struct lamina_sources *part; /* NULL: it goes */
	int paths;			   /* a memfd for the names to look at again */
	unsigned int ms;		   /* the limit, and when it ends */
	long end;
	atomic_bool in_force;
	struct lamina_error error;
};

/* Whether anything becomes different from what is in force. */
static bool changes(const struct change *c, const struct lamina_bundle *now)
{
	if (c->part && c->part->n > 0)
		return true;
	for (size_t i = 0; now && i < now->sources.n; i++) {
		const struct lamina_source *source = &now->sources.list[i];

		if (!source->base && (!c->label || !strcmp(source->label, c->label)))
			return true;
	}
	return false;
}

/* What is to be in force. Returns 1, 0 (nothing) or -errno; -EALREADY: it is so already. */
static errint_t make_changed(struct lamina_bundle *ret, struct change *c,
			     const struct lamina_bundle *now)
{
	if (!changes(c, now))
		return -EALREADY;
	return lamina_bundle_change(ret, now, c->label, c->part, &c->error);
}

/* ---- a daemon ---- */

/* Put @bundle (NULL: nothing) in force in the place of the set @set. */
static errint_t hand_over(struct change *c, const struct lamina_bundle *bundle, uint32_t set)
{
	struct lamina_control request = {
		.op = LAMINA_CONTROL_APPLY, .set = set, .in = -1, .out = -1};
	_cleanup_fd_ int in = -1;
	errint_t err = 0;

	if (bundle) {
		err = request.in = in = lamina_client_memfd(&c->error);
		if (err >= 0)
			err = lamina_bundle_write(bundle, in);
		if (in >= 0 && err < 0)
			lamina_error_set(&c->error, err, "cannot hand over the policy");
	}
	return err < 0 ? err : lamina_client_control(c->root, &request, &c->error);
}

/* -EAGAIN: another program was faster. */
static errint_t change_once(struct change *c)
{
	struct lamina_bundle now = {0}, then = {0};
	uint32_t set;
	errint_t found = lamina_client_show_set(c->root, &now, &set, &c->error);
	errint_t err = found < 0 ? found : make_changed(&then, c, found ? &now : NULL);

	if (err >= 0)
		err = hand_over(c, err > 0 ? &then : NULL, set);
	lamina_bundle_done(&now);
	lamina_bundle_done(&then);
	return err;
}

/* Up to 20 ms, so that programs that were slower at the same time don't meet again. */
static void pause_a_while(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	nanosleep(&(struct timespec){.tv_nsec = now.tv_nsec % 20000 * 1000}, NULL);
}

/* Ask until it is done, or there is no time left. @out: a memfd for names; -1: listings are waited for. */
static errint_t settle(struct change *c, int out)
{
	struct lamina_control request = {.op = LAMINA_CONTROL_SETTLE, .in = -1, .out = out};
	errint_t err;

	do {
		err = lamina_client_control(c->root, &request, &c->error);
	} while (err == -EINPROGRESS && lamina_limited_now() < c->end);
	return err == -EINPROGRESS ? -ETIME : err;
}

static errint_t change_daemon(struct change *c)
{
	errint_t err = -EAGAIN;

	for (unsigned int i = 0; err == -EAGAIN && i < LAMINA_CHANGE_TRIES; i++) {
		if (i > 0)
			pause_a_while();
		err = change_once(c);
	}
	if (err < 0)
		return err;
	atomic_store(&c->in_force, true);
	return settle(c, c->paths);
}

/* ---- a view ---- */

/* The kernel takes what it is given: only the lock keeps others from changing it meanwhile. */
static errint_t change_view(struct change *c)
{
	_cleanup_fd_ int lock = lamina_record_lock();
	struct lamina_bundle now = {0}, then = {0};
	errint_t found, err;

	if (lock < 0)
		return lamina_error_set(&c->error, lock,
					"cannot keep others from changing the policy meanwhile: "
					"neither /run/lamina nor $XDG_RUNTIME_DIR/lamina can be "
					"locked");
	found = lamina_data_get(c->root, &now, NULL, &c->error);
	err = found < 0 ? found : make_changed(&then, c, found ? &now : NULL);
	if (err >= 0)
		err = lamina_data_set(c->root, err > 0 ? &then : NULL, &c->error);
	if (err >= 0)
		atomic_store(&c->in_force, true);
	lamina_bundle_done(&now);
	lamina_bundle_done(&then);
	return err;
}

/* ---- with a limit ---- */

static errint_t work(void *user)
{
	struct change *c = user;
	errint_t err = lamina_data_is_view(c->root) ? change_view(c) : change_daemon(c);

	return err == -EALREADY ? 0 : err;
}

/* A second child: what is left to be forgotten. */
static errint_t wait_for_listings(void *user)
{
	struct change *c = user;

	return lamina_data_is_view(c->root) ? 0 : settle(c, -1);
}

/* Of an error @err of a child, what it was. */
static errint_t tell(const struct change *c, errint_t err, struct lamina_error *error)
{
	unsigned int seconds = c->ms / 1000;

	if (err == -ETIME && !atomic_load(&c->in_force))
		return lamina_error_say(
			error, -ETIME,
			"the mount has not answered within %u seconds; it is not known "
			"which policy is in force",
			seconds);
	if (err == -ETIME)
		return lamina_error_say(
			error, -ETIMEDOUT,
			"the policy is in force, but a process has kept the kernel for "
			"%u seconds from forgetting the listing of a directory: what "
			"was open before may still show names that are hidden now",
			seconds);
	return lamina_error_say(error, err, "%s",
				c->error.text[0] ? c->error.text
						 : "the process that talks to the mount has been "
						   "killed");
}

/* Have @function done by a child, which is waited for by lamina_limited_wait(). */
static errint_t start(struct change *c, errint_t (*function)(void *user),
		      struct lamina_limited *ret, struct lamina_error *error)
{
	/* The last may be none, which stands for no fd. */
	const int keep[] = {c->root, c->paths, lamina_record_held()};
	errint_t err = lamina_limited_start(ret, function, c, keep, sizeof(keep) / sizeof(keep[0]));

	return err < 0 ? lamina_error_set(error, err, "cannot start a process") : 0;
}

static errint_t wait_until_end(struct change *c, struct lamina_limited *child,
			       struct lamina_error *error)
{
	errint_t err = lamina_limited_wait(child, c->end - lamina_limited_now());

	lamina_limited_leave(child);
	return err < 0 ? tell(c, err, error) : 0;
}

static errint_t run(struct change *c, struct lamina_error *error)
{
	struct lamina_limited child;
	struct lamina_error names = {""};
	errint_t err = start(c, work, &child, error), named;

	if (err == 0)
		err = wait_until_end(c, &child, error);
	if (err < 0)
		return err;
	/* Names are looked at while the kernel forgets the rest. */
	err = start(c, wait_for_listings, &child, error);
	if (err < 0)
		return err;
	named = lamina_again_all(c->root, c->paths, c->end, &names);
	err = wait_until_end(c, &child, error);
	if (named < 0)
		*error = names;
	return named < 0 ? named : err;
}

static errint_t change(int root, const char *label, const struct lamina_sources *part,
		       unsigned int ms, struct lamina_error *error)
{
	struct change *c = lamina_limited_alloc(sizeof(*c));
	_cleanup_fd_ int paths = c ? lamina_client_memfd(error) : -1;
	errint_t err = paths;

	if (!c)
		return lamina_error_set(error, -ENOMEM, "cannot talk to the mount");
	if (paths >= 0) {
		c->root = root;
		c->label = label;
		c->part = part;
		c->paths = paths;
		c->ms = ms;
		c->end = lamina_limited_now() + ms;
		err = run(c, error);
	}
	lamina_limited_free(c, sizeof(*c));
	return err;
}

errint_t lamina_change_apply(int root, const char *label, const struct lamina_sources *part,
			     unsigned int ms, struct lamina_error *error)
{
	return change(root, label, part, ms, error);
}

errint_t lamina_change_remove(int root, const char *label, unsigned int ms,
			      struct lamina_error *error)
{
	return change(root, label, NULL, ms, error);
}
