/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Getting a FUSE mount from the kernel: by the mount API where the process may mount, by fusermount3
 * for plain users. The mount becomes visible only after the session has answered; but at once where
 * fusermount3 or mount(2) has to make it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

struct lamina_mount_spec {
	int at; /* the directory from which a relative `target` is meant */
	const char *source;
	const char *target;
	const char *context; /* SELinux label, or NULL */
	uint64_t attrs;	     /* MOUNT_ATTR_* but for RDONLY */
	bool read_only;
	bool allow_other;
	mode_t root_mode;
};

struct lamina_mount {
	int device;	/* /dev/fuse; the session takes it */
	int mount_fd;	/* not yet attached, or -1 */
	int target_fd;	/* the mountpoint, O_PATH */
	char *target;	/* absolute path, for unmounting */
	dev_t dev;	/* of the mount, once lamina_mount_identify() was called */
	uint64_t mntns; /* the mount namespace in which `target` is, if this process has left it */
	bool early;	/* it was attached when it was made */
};

/*
 * Only open the mountpoint @target, relative to the directory @at: for a mount that is made elsewhere,
 * and then is @ret's mount_fd.
 */
errint_t lamina_mount_open_target(struct lamina_mount *ret, int at, const char *target,
				  struct lamina_error *error);

/* Open the device and make the mount. The kernel's INIT waits on the device then. */
errint_t lamina_mount_prepare(struct lamina_mount *ret, const struct lamina_mount_spec *spec,
			      struct lamina_error *error);

/* Find the device number of the mount. The session must be answering. */
void lamina_mount_identify(struct lamina_mount *m);

/*
 * Make the mount visible at its target. In the mount namespace of the target, by any process that has
 * the descriptors; the session must be answering. Returns 0 or -errno.
 */
errint_t lamina_mount_attach(const struct lamina_mount *m);

/* Let go of what only attaching needed: the mount lives as long as it is attached. */
void lamina_mount_attached(struct lamina_mount *m);

/* Take away again what was mounted early, where the session could not be started. */
void lamina_mount_undo(const struct lamina_mount *m);

/* Detach the mount if it still is at its target; processes that use it go on using it. */
void lamina_mount_detach(const struct lamina_mount *m);

void lamina_mount_done(struct lamina_mount *m);

/* ---- for what makes mounts ---- */

/* mount.fuse3 runs the program of this name. */
#define MOUNT_SUBTYPE "lamina-mount"

/* The SELinux label to mount with: NULL where SELinux is not at work. */
const char *mount_context(const struct lamina_mount_spec *spec);
