/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The mapping between the ids that lie in the layers ("disk") and those that processes have and
 * see ("shown"): fuse-overlayfs' uidmapping=, gidmapping= and squash_to_* options.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/errint.h"

/* What the kernel shows for an id without a mapping (/proc/sys/kernel/overflowuid). */
#define LAMINA_OVERFLOW_ID 65534u

struct lamina_id_range {
	uint32_t disk, shown, count;
};

struct lamina_idmap {
	struct lamina_id_range *ranges; /* none: ids are shown as they are */
	size_t n;
	bool squash; /* everything is shown as, and belongs to, `squash_to` */
	uint32_t squash_to;
};

/*
 * Parse "[:]DISK:SHOWN:COUNT[:DISK:SHOWN:COUNT...]" into @ret, for lamina_idmap_done().
 * Returns 0, -EINVAL (malformed), -E2BIG (too many ranges) or -ENOMEM.
 */
errint_t lamina_idmap_parse(const char *text, struct lamina_idmap *ret);
void lamina_idmap_done(struct lamina_idmap *map);

/* The id to show for @disk: the kernel's overflow id if it has no mapping. */
uint32_t lamina_idmap_show(const struct lamina_idmap *map, uint32_t disk);

/* The id to store for @shown: UINT32_MAX, which is no id, if it has no mapping. */
uint32_t lamina_idmap_store(const struct lamina_idmap *map, uint32_t shown);

/*
 * Whose a new object is on disk that @uid and @gid, as shown, make. Who has no id there can own
 * nothing: -EOVERFLOW. But root does the container manager's work, which is to make a file and then
 * give it to somebody in the container: until then it is nobody's.
 */
errint_t lamina_idmap_owner(const struct lamina_idmap *uids, const struct lamina_idmap *gids,
			    uint32_t uid, uint32_t gid, uint32_t *ret_uid, uint32_t *ret_gid);

/* Whether ids differ at all between disk and processes. */
bool lamina_idmap_active(const struct lamina_idmap *map);

/*
 * Translate the ids in the value of a `system.posix_acl_*` attribute, in place: to be stored, or
 * to be shown. Returns 0, or -EINVAL (no ACL, or an id that cannot be stored).
 */
errint_t lamina_idmap_acl(const struct lamina_idmap *uids, const struct lamina_idmap *gids,
			  void *acl, size_t size, bool store);
