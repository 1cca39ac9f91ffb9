// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Talking to a mount. One thread, in a program of somebody who is not bound by policies.
 */
#include "guard/client.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "base/limits.h"
#include "guard/control.h"
#include "guard/data.h"
#include "mount/record.h"

errint_t lamina_client_open(const char *path, struct lamina_error *error)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? lamina_error_set(error, -errno, "cannot open '%s'", path) : fd;
}

static errint_t control(int root, struct lamina_control *request, struct lamina_error *error)
{
	int result;

	request->version = LAMINA_CONTROL_VERSION;
	if (ioctl(root, LAMINA_IOC_CONTROL, request) == 0)
		return 0;
	result = -errno;
	if (result == -ENOTTY)
		return lamina_error_say(
			error, result,
			"this is not the root of a mount of lamina-mount that takes "
			"policies from here: only who mounted it may give them, from "
			"the mount namespace of the mount");
	request->error[sizeof(request->error) - 1] = '\0';
	if (!request->error[0])
		return lamina_error_set(error, result, "cannot talk to the mount");
	return lamina_error_say(error, result, "%s", request->error);
}

static errint_t new_memfd(struct lamina_error *error)
{
	int fd = memfd_create("lamina-policy", MFD_CLOEXEC);

	return fd < 0 ? lamina_error_set(
				error, -errno,
				"cannot make a memfd to hand the policy over (memfd_create(2))")
		      : fd;
}

/* ---- the kernel looks again ---- */

/*
 * Make the kernel look at @name of @parent again: a new name is asked for where one is, for which any
 * name that it knows is looked up anew, with the lock of the directory. That nothing is made if there
 * is none any more, the other end sees to: a directory gets no second name.
 */
static void look_again(int parent, const char *name)
{
	if (linkat(parent, ".", parent, name, 0) == 0)
		unlinkat(parent, name, 0); /* no kernel does this */
}

static void look_again_at(int root, char *path)
{
	char *name = strrchr(path, '/');
	_cleanup_fd_ int parent = -1;

	if (!name || !name[1])
		return;
	*name++ = '\0';
	parent = lamina_fd_open_beneath(root, *path ? path + 1 : "", O_PATH | O_DIRECTORY);
	if (parent >= 0)
		look_again(parent, name); /* else it is gone, or something is mounted over it */
}

static errint_t look_again_at_all(int root, int paths, struct lamina_error *error)
{
	off_t size = lseek(paths, 0, SEEK_END);
	_cleanup_free_ char *text = size < 0 ? NULL : malloc((size_t)size + 1);
	ssize_t n;

	if (!text)
		return lamina_error_set(error, -ENOMEM, "cannot take names back from the kernel");
	n = pread(paths, text, (size_t)size, 0);
	if (n < 0)
		return lamina_error_set(error, -errno, "cannot take names back from the kernel");
	text[n] = '\0';
	for (char *at = text; at < text + n;) {
		char *next = at + strlen(at) + 1;

		look_again_at(root, at);
		at = next;
	}
	return 0;
}

/* ---- the policy ---- */

/* The policy in force, and the number of the set. Returns 1, or 0 if there is none. */
static errint_t show(int root, struct lamina_bundle *ret, uint32_t *ret_set,
		     struct lamina_error *error)
{
	struct lamina_control request = {.op = LAMINA_CONTROL_SHOW, .in = -1};
	_cleanup_fd_ int out = request.out = new_memfd(error);
	errint_t err = out < 0 ? out : control(root, &request, error);

	if (err < 0)
		return err;
	*ret_set = request.set;
	if (lseek(out, 0, SEEK_END) == 0)
		return 0;
	err = lamina_bundle_receive(out, ret, error);
	return err < 0 ? err : 1;
}

errint_t lamina_client_show(int root, struct lamina_bundle *ret, struct lamina_error *error)
{
	uint32_t set;

	return lamina_data_is_view(root) ? lamina_data_get(root, ret, NULL, error)
					 : show(root, ret, &set, error);
}

/* Put @bundle (NULL: nothing) in force in the place of the set @set. */
static errint_t hand_over(int root, const struct lamina_bundle *bundle, uint32_t set,
			  struct lamina_error *error)
{
	struct lamina_control request = {.op = LAMINA_CONTROL_APPLY, .set = set, .in = -1};
	_cleanup_fd_ int in = -1, out = request.out = new_memfd(error);
	errint_t err = out < 0 ? out : 0;

	if (err == 0 && bundle)
		err = request.in = in = new_memfd(error);
	if (err < 0)
		return err;
	if (bundle)
		err = lamina_bundle_write(bundle, in);
	if (err < 0)
		return lamina_error_set(error, err, "cannot hand over the policy");
	err = control(root, &request, error);
	return err < 0 ? err : look_again_at_all(root, out, error);
}

/* The part of the policy that becomes another one; see lamina_bundle_change(). */
struct change {
	const char *label;
	const struct lamina_sources *part;
};

/* Whether @change makes anything different from what is in force. */
static bool changes(const struct change *change, const struct lamina_bundle *now)
{
	if (change->part && change->part->n > 0)
		return true;
	for (size_t i = 0; now && i < now->sources.n; i++) {
		const struct lamina_source *source = &now->sources.list[i];

		if (!source->base && (!change->label || !strcmp(source->label, change->label)))
			return true;
	}
	return false;
}

/* What is to be in force by @change. Returns 1, 0 (nothing) or -errno; -EALREADY: it is so already. */
static errint_t make_changed(struct lamina_bundle *ret, const struct change *change,
			     const struct lamina_bundle *now, struct lamina_error *error)
{
	if (!changes(change, now))
		return -EALREADY;
	return lamina_bundle_change(ret, now, change->label, change->part, error);
}

/* -EAGAIN: somebody else was faster. */
static errint_t change_once(int root, const struct change *change, struct lamina_error *error)
{
	struct lamina_bundle now = {0}, then = {0};
	uint32_t set;
	errint_t found = show(root, &now, &set, error);
	errint_t err = found < 0 ? found : make_changed(&then, change, found ? &now : NULL, error);

	if (err >= 0)
		err = hand_over(root, err > 0 ? &then : NULL, set, error);
	lamina_bundle_done(&now);
	lamina_bundle_done(&then);
	return err == -EALREADY ? 0 : err;
}

/* Up to 20 ms, so that those who were slower at the same time don't meet again. */
static void pause_a_while(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	nanosleep(&(struct timespec){.tv_nsec = now.tv_nsec % 20000 * 1000}, NULL);
}

static errint_t change_daemon(int root, const struct change *change, struct lamina_error *error)
{
	errint_t err = -EAGAIN;

	for (unsigned int i = 0; err == -EAGAIN && i < LAMINA_CHANGE_TRIES; i++) {
		if (i > 0)
			pause_a_while();
		err = change_once(root, change, error);
	}
	return err;
}

/* The kernel takes what it is given: only the lock keeps others from changing it meanwhile. */
static errint_t change_view(int root, const struct change *change, struct lamina_error *error)
{
	_cleanup_fd_ int lock = lamina_record_lock();
	struct lamina_bundle now = {0}, then = {0};
	errint_t found, err;

	if (lock < 0)
		return lamina_error_set(error, lock,
					"cannot keep others from changing the policy meanwhile: "
					"neither /run/lamina nor $XDG_RUNTIME_DIR/lamina can be "
					"locked");
	found = lamina_data_get(root, &now, NULL, error);
	err = found < 0 ? found : make_changed(&then, change, found ? &now : NULL, error);
	if (err >= 0)
		err = lamina_data_set(root, err > 0 ? &then : NULL, error);
	lamina_bundle_done(&now);
	lamina_bundle_done(&then);
	return err == -EALREADY ? 0 : err;
}

static errint_t change(int root, const struct change *change, struct lamina_error *error)
{
	return lamina_data_is_view(root) ? change_view(root, change, error)
					 : change_daemon(root, change, error);
}

errint_t lamina_client_apply(int root, const char *label, const struct lamina_sources *part,
			     struct lamina_error *error)
{
	return change(root, &(struct change){label, part}, error);
}

errint_t lamina_client_remove(int root, const char *label, struct lamina_error *error)
{
	return change(root, &(struct change){label, NULL}, error);
}

static errint_t listen_to(int root, struct lamina_control *request, struct lamina_error *error)
{
	_cleanup_fd_ int ours = -1, theirs = -1;
	int ends[2];
	errint_t err;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return lamina_error_set(error, -errno, "cannot make a pipe");
	ours = ends[0];
	request->in = -1;
	request->out = theirs = ends[1];
	err = control(root, request, error);
	return err < 0 ? err : TAKE_FD(ours);
}

errint_t lamina_client_trace(int root, bool follow, struct lamina_error *error)
{
	struct lamina_control request = {
		.op = LAMINA_CONTROL_TRACE,
		.flags = LAMINA_CONTROL_EARLIER | (follow ? 0 : LAMINA_CONTROL_PAST),
	};

	return listen_to(root, &request, error);
}

errint_t lamina_client_learn(int root, bool at_exec, struct lamina_error *error)
{
	struct lamina_control request = {
		.op = LAMINA_CONTROL_LEARN,
		.flags = at_exec ? LAMINA_CONTROL_AT_EXEC : 0,
	};

	return listen_to(root, &request, error);
}

errint_t lamina_client_end_learning(int root, struct lamina_error *error)
{
	struct lamina_control request = {.op = LAMINA_CONTROL_LEARN_END, .in = -1, .out = -1};

	return control(root, &request, error);
}
