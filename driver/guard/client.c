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
#include "guard/control.h"
#include "guard/data.h"

errint_t lamina_client_open(const char *path, struct lamina_error *error)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? lamina_error_set(error, -errno, "cannot open '%s'", path) : fd;
}

errint_t lamina_client_control(int root, struct lamina_control *request, struct lamina_error *error)
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

errint_t lamina_client_memfd(struct lamina_error *error)
{
	int fd = memfd_create("lamina-policy", MFD_CLOEXEC);

	return fd < 0 ? lamina_error_set(
				error, -errno,
				"cannot make a memfd to hand the policy over (memfd_create(2))")
		      : fd;
}

/* ---- the policy ---- */

errint_t lamina_client_show_set(int root, struct lamina_bundle *ret, uint32_t *ret_set,
				struct lamina_error *error)
{
	struct lamina_control request = {.op = LAMINA_CONTROL_SHOW, .in = -1};
	_cleanup_fd_ int out = request.out = lamina_client_memfd(error);
	errint_t err = out < 0 ? out : lamina_client_control(root, &request, error);

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
					 : lamina_client_show_set(root, ret, &set, error);
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
	err = lamina_client_control(root, request, error);
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

	return lamina_client_control(root, &request, error);
}
