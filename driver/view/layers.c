// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Layers on their way to the kernel. One thread, before the view is seen by anybody.
 */
#include "view/layers.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/limits.h"
#include "view/userns.h"

/* Where a child mounts clones, in a mount namespace of its own: this is there wherever we work. */
#define PLACE "/proc"

static bool is_mapped(const struct lamina_view_spec *spec)
{
	return (spec->uids && lamina_idmap_active(spec->uids)) ||
	       (spec->gids && lamina_idmap_active(spec->gids));
}

static errint_t add_all(const struct lamina_view_spec *spec, const int *fds, view_add_layer add,
			void *user, uint32_t *ids, struct lamina_error *error)
{
	for (size_t i = 0; i < spec->n_layers; i++) {
		errint_t id = add(user, spec, i, fds[i], error);

		if (id < 0)
			return id;
		ids[i] = (uint32_t)id;
	}
	return 0;
}

/* ---- mapped ---- */

/* What a child leaves its parent. */
struct report {
	errint_t result;
	struct lamina_error error;
	uint32_t ids[LAMINA_MAX_LOWERS + 1];
};

/* A clone of layer @i's mount that shows the ids of the user namespace @userns. */
static errint_t clone_mapped(const struct lamina_view_spec *spec, size_t i, int userns,
			     struct lamina_error *error)
{
	struct mount_attr attr = {
		.attr_set = MOUNT_ATTR_IDMAP,
		.userns_fd = (unsigned int)userns,
	};
	_cleanup_fd_ int clone =
		open_tree(spec->fds[i], "",
			  AT_EMPTY_PATH | OPEN_TREE_CLONE | (unsigned int)OPEN_TREE_CLOEXEC);

	if (clone < 0)
		return lamina_error_set(error, -errno, "cannot clone the mount of '%s'",
					spec->paths[i]);
	if (mount_setattr(clone, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
		return lamina_error_set(error, -errno,
					"the file system of '%s' cannot show mapped ids",
					spec->paths[i]);
	return TAKE_FD(clone);
}

/* Mount the clone as an entry of PLACE and open it there. */
static errint_t mount_clone(int clone, size_t i)
{
	char path[sizeof(PLACE) + 24];
	int fd;

	snprintf(path, sizeof(path), PLACE "/%zu", i);
	if (mkdir(path, 0700) < 0 ||
	    move_mount(clone, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return -errno;
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static errint_t enter_namespace(struct lamina_error *error)
{
	if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("lamina", PLACE, "tmpfs", 0, "mode=700") < 0)
		return lamina_error_set(error, -errno,
					"cannot mount layers in a namespace of their own");
	return 0;
}

static errint_t add_mapped(const struct lamina_view_spec *spec, view_add_layer add, void *user,
			   uint32_t *ids, struct lamina_error *error)
{
	_cleanup_free_ int *fds = NULL;
	_cleanup_fd_ int userns = view_userns_open(spec->uids, spec->gids);
	errint_t err;

	fds = calloc(spec->n_layers, sizeof(*fds));
	if (userns < 0 || !fds)
		return lamina_error_set(error, userns < 0 ? userns : -ENOMEM,
					"cannot make a user namespace with the mapping of ids");
	for (size_t i = 0; i < spec->n_layers; i++) {
		fds[i] = clone_mapped(spec, i, userns, error);
		if (fds[i] < 0)
			return fds[i];
	}
	err = enter_namespace(error);
	for (size_t i = 0; err == 0 && i < spec->n_layers; i++) {
		fds[i] = mount_clone(fds[i], i);
		if (fds[i] < 0)
			err = lamina_error_set(error, fds[i], "cannot mount '%s' with mapped ids",
					       spec->paths[i]);
	}
	/* The process ends soon, and with it all that is open here. */
	return err < 0 ? err : add_all(spec, fds, add, user, ids, error);
}

static errint_t wait_for(pid_t child, const struct report *report, struct lamina_error *error)
{
	int status;

	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (report->result < 0) {
		*error = report->error;
		return report->result;
	}
	return lamina_error_say(error, -EIO, "the process that gives layers to the kernel died");
}

static errint_t add_in_child(const struct lamina_view_spec *spec, view_add_layer add, void *user,
			     uint32_t *ids, struct lamina_error *error)
{
	struct report *report = mmap(NULL, sizeof(*report), PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	errint_t err;
	pid_t child;

	if (report == MAP_FAILED)
		return lamina_error_set(error, -errno, "cannot share memory with a child");
	child = fork();
	if (child == 0) {
		report->result = add_mapped(spec, add, user, report->ids, &report->error);
		_exit(report->result < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
	}
	err = child < 0 ? lamina_error_set(error, -errno, "cannot start a process")
			: wait_for(child, report, error);
	for (size_t i = 0; err == 0 && i < spec->n_layers; i++)
		ids[i] = report->ids[i];
	munmap(report, sizeof(*report));
	return err;
}

errint_t view_layers_add(const struct lamina_view_spec *spec, view_add_layer add, void *user,
			 uint32_t *ids, struct lamina_error *error)
{
	if (!is_mapped(spec))
		return add_all(spec, spec->fds, add, user, ids, error);
	return add_in_child(spec, add, user, ids, error);
}
