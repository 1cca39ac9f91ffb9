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
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "guard/control.h"
#include "guard/data.h"

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

/* ---- */

errint_t lamina_client_apply(int root, const struct lamina_bundle *bundle,
			     struct lamina_error *error)
{
	struct lamina_control request = {.op = LAMINA_CONTROL_APPLY};
	_cleanup_fd_ int in = -1, out = -1;
	errint_t err;

	if (lamina_data_is_view(root))
		return lamina_data_set(root, bundle, error);
	request.in = in = new_memfd(error);
	err = in < 0 ? in : lamina_bundle_write(bundle, in);
	if (in >= 0 && err < 0)
		return lamina_error_set(error, err, "cannot hand over the policy");
	if (err == 0)
		err = request.out = out = new_memfd(error);
	if (err >= 0)
		err = control(root, &request, error);
	return err < 0 ? err : look_again_at_all(root, out, error);
}

/* Somebody else may have put another one in force meanwhile: that stays. */
static errint_t remove_of_view(int root, const char *label, struct lamina_error *error)
{
	struct lamina_bundle bundle;
	bool other;
	errint_t err = label ? lamina_data_get(root, &bundle, NULL, error) : 0;

	if (err > 0) {
		other = strcmp(bundle.label, label) != 0;
		lamina_bundle_done(&bundle);
		if (other)
			return 0;
	}
	return err < 0 ? err : lamina_data_set(root, NULL, error);
}

errint_t lamina_client_remove(int root, const char *label, struct lamina_error *error)
{
	struct lamina_control request = {.op = LAMINA_CONTROL_REMOVE, .in = -1, .out = -1};
	_cleanup_fd_ int in = -1;
	size_t n = label ? strlen(label) : 0;

	if (lamina_data_is_view(root))
		return remove_of_view(root, label, error);
	if (label) {
		request.in = in = new_memfd(error);
		if (in < 0)
			return in;
		if (write(in, label, n) != (ssize_t)n)
			return lamina_error_set(error, -errno, "cannot hand over the name");
	}
	return control(root, &request, error);
}

errint_t lamina_client_show(int root, struct lamina_bundle *ret, struct lamina_error *error)
{
	struct lamina_control request = {.op = LAMINA_CONTROL_SHOW, .in = -1};
	_cleanup_fd_ int out = -1;
	errint_t err;

	if (lamina_data_is_view(root))
		return lamina_data_get(root, ret, NULL, error);
	request.out = out = new_memfd(error);
	err = out < 0 ? out : control(root, &request, error);
	if (err < 0)
		return err;
	if (lseek(out, 0, SEEK_END) == 0)
		return 0;
	err = lamina_bundle_receive(out, ret, error);
	return err < 0 ? err : 1;
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

errint_t lamina_client_trace(int root, bool earlier, struct lamina_error *error)
{
	struct lamina_control request = {
		.op = LAMINA_CONTROL_TRACE,
		.flags = earlier ? LAMINA_CONTROL_EARLIER : 0,
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
