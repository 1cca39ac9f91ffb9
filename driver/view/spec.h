/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a view is made of. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "union/idmap.h"

/* The cookie that filters get if none is said: hide's root. */
#define LAMINA_VIEW_COOKIE 1

struct lamina_view_filter {
	char *name;
	uint64_t cookie;
	bool optional; /* the view is made without it, if it can't be had */
};

struct lamina_view_spec {
	const int *fds; /* of the layers, the topmost first; attached mounts of this namespace */
	char *const *paths; /* the same for messages */
	size_t n_layers;
	const struct lamina_idmap *uids, *gids; /* how ids are shown; NULL: as they are */

	const struct lamina_view_filter *filters;
	size_t n_filters;
	const char *marks; /* of the kernel's own: "trusted", "user", "none"; NULL: the filters' */

	const char *source;
	const char *target;  /* for messages */
	const char *context; /* SELinux label, or NULL */
	uint64_t attrs;	     /* MOUNT_ATTR_* */
	bool only_owner;     /* no allow_other */

	/* The rest is for a writable view, whose first layer is the upper. */
	bool writable;
	int work_fd, index_fd;
	const char *xattr_ns; /* "trusted" or "user", for marks and records in the upper */
	uint32_t wait;	      /* seconds that an upcall waits for a server; UINT32_MAX: for ever */
};

struct lamina_view {
	int mount_fd; /* attached nowhere yet */
	int device;   /* the server's; -1 for a read-only view */
};
