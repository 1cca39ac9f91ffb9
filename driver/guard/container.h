/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From what people call a container to the mount that is its root file system.
 */
#pragma once

#include "base/error.h"

struct lamina_container {
	char *mount; /* a path to the root directory */
	char *label; /* the container, or "" */
};

void lamina_container_done(struct lamina_container *container);

/*
 * @name is the path of a mountpoint, a container for which a policy is in force, one of containerd,
 * what podman calls a container (the environment's LAMINA_PODMAN instead of "podman"), or, if none of
 * these, a mountpoint in the current directory. Of an id its beginning is enough, if no container has that
 * for its name; -ENOTUNIQ: more than one can be meant.
 */
errint_t lamina_container_find(const char *name, struct lamina_container *ret,
			       struct lamina_error *error);

/*
 * All mountpoints of lamina-mount in this mount namespace, but for those of other users' processes; NULL behind the last.
 */
errint_t lamina_container_mounts(char ***ret, struct lamina_error *error);
void lamina_container_mounts_free(char **mounts);

/* What podman answers, "ID MOUNTPOINT", which is changed by that. Returns 1, 0 (it is no answer) or -errno. */
errint_t lamina_container_parse(char *answer, struct lamina_container *ret);
