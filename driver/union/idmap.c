// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Mapping ids. No locks; a mapping does not change after it was parsed.
 */
#include "union/idmap.h"

#include <endian.h>
#include <errno.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"

#define NO_ID UINT32_MAX

/* Read a number and the colon behind it, if there is one. */
static bool take_number(const char **at, uint32_t *ret)
{
	unsigned long long value;
	char *end;

	if (**at < '0' || **at > '9')
		return false;
	value = strtoull(*at, &end, 10);
	if (value > UINT32_MAX || (*end && *end != ':'))
		return false;
	*ret = (uint32_t)value;
	*at = *end ? end + 1 : end;
	return true;
}

static errint_t add_range(struct lamina_idmap *map, const struct lamina_id_range *range)
{
	struct lamina_id_range *ranges;

	if (range->count == 0 || range->count > UINT32_MAX - range->disk ||
	    range->count > UINT32_MAX - range->shown)
		return -EINVAL;
	if (map->n >= LAMINA_MAX_ID_RANGES)
		return -E2BIG;
	ranges = realloc(map->ranges, (map->n + 1) * sizeof(*ranges));
	if (!ranges)
		return -ENOMEM;
	map->ranges = ranges;
	map->ranges[map->n++] = *range;
	return 0;
}

errint_t lamina_idmap_parse(const char *text, struct lamina_idmap *ret)
{
	struct lamina_idmap map = {0};
	const char *at = text;
	errint_t err = 0;

	if (*at == ':') /* containers/storage writes one in front */
		at++;
	if (!*at)
		return -EINVAL;
	while (*at && err == 0) {
		struct lamina_id_range range;

		if (take_number(&at, &range.disk) && take_number(&at, &range.shown) &&
		    take_number(&at, &range.count))
			err = add_range(&map, &range);
		else
			err = -EINVAL;
	}
	if (err < 0) {
		free(map.ranges);
		return err;
	}
	lamina_idmap_done(ret);
	ret->ranges = map.ranges;
	ret->n = map.n;
	return 0;
}

void lamina_idmap_done(struct lamina_idmap *map)
{
	free(map->ranges);
	map->ranges = NULL;
	map->n = 0;
}

uint32_t lamina_idmap_show(const struct lamina_idmap *map, uint32_t disk)
{
	if (map->squash)
		return map->squash_to;
	if (map->n == 0)
		return disk;
	for (size_t i = 0; i < map->n; i++)
		if (disk - map->ranges[i].disk < map->ranges[i].count)
			return map->ranges[i].shown + (disk - map->ranges[i].disk);
	return LAMINA_OVERFLOW_ID;
}

uint32_t lamina_idmap_store(const struct lamina_idmap *map, uint32_t shown)
{
	if (map->squash)
		return map->squash_to;
	if (map->n == 0)
		return shown;
	for (size_t i = 0; i < map->n; i++)
		if (shown - map->ranges[i].shown < map->ranges[i].count)
			return map->ranges[i].disk + (shown - map->ranges[i].shown);
	return NO_ID;
}

errint_t lamina_idmap_owner(const struct lamina_idmap *uids, const struct lamina_idmap *gids,
			    uint32_t uid, uint32_t gid, uint32_t *ret_uid, uint32_t *ret_gid)
{
	uint32_t disk_uid = lamina_idmap_store(uids, uid);
	uint32_t disk_gid = lamina_idmap_store(gids, gid);

	if (disk_uid == NO_ID && uid == 0) {
		disk_uid = LAMINA_OVERFLOW_ID;
		if (disk_gid == NO_ID)
			disk_gid = LAMINA_OVERFLOW_ID;
	}
	if (disk_uid == NO_ID || disk_gid == NO_ID)
		return -EOVERFLOW;
	*ret_uid = disk_uid;
	*ret_gid = disk_gid;
	return 0;
}

bool lamina_idmap_active(const struct lamina_idmap *map)
{
	return map->squash || map->n > 0;
}

errint_t lamina_idmap_acl(const struct lamina_idmap *uids, const struct lamina_idmap *gids,
			  void *acl, size_t size, bool store)
{
	struct posix_acl_xattr_header *header = acl;
	struct posix_acl_xattr_entry *entries = (void *)(header + 1);
	size_t n;

	if (size < sizeof(*header) || (size - sizeof(*header)) % sizeof(*entries) != 0 ||
	    le32toh(header->a_version) != POSIX_ACL_XATTR_VERSION)
		return -EINVAL;
	n = (size - sizeof(*header)) / sizeof(*entries);
	for (size_t i = 0; i < n; i++) {
		uint16_t tag = le16toh(entries[i].e_tag);
		uint32_t id = le32toh(entries[i].e_id);
		const struct lamina_idmap *map = tag == ACL_USER ? uids : gids;

		if (tag != ACL_USER && tag != ACL_GROUP)
			continue;
		id = store ? lamina_idmap_store(map, id) : lamina_idmap_show(map, id);
		if (id == NO_ID)
			return -EINVAL;
		entries[i].e_id = htole32(id);
	}
	return 0;
}
