// SPDX-License-Identifier: GPL-2.0-or-later
/* mount(2) of type fuse. Can go when no container engine in use knows less than fsopen(2). */
#include "mount/call.h"

#include <errno.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"

static unsigned long flags_of(const struct lamina_mount_spec *spec)
{
	static const struct {
		uint64_t attr;
		unsigned long flag;
	} flags[] = {
		{MOUNT_ATTR_NOSUID, MS_NOSUID},	  {MOUNT_ATTR_NODEV, MS_NODEV},
		{MOUNT_ATTR_NOEXEC, MS_NOEXEC},	  {MOUNT_ATTR_NODIRATIME, MS_NODIRATIME},
		{MOUNT_ATTR_NOATIME, MS_NOATIME}, {MOUNT_ATTR_NOSYMFOLLOW, MS_NOSYMFOLLOW},
	};
	unsigned long result = spec->read_only ? MS_RDONLY : 0;

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (spec->attrs & flags[i].attr)
			result |= flags[i].flag;
	return result;
}

errint_t mount_by_call(const struct lamina_mount *m, const struct lamina_mount_spec *spec)
{
	const char *context = mount_context(spec);
	_cleanup_free_ char *options = NULL;
	char path[LAMINA_FD_PATH_SIZE];

	if (asprintf(&options,
		     "fd=%d,rootmode=%o,user_id=%u,group_id=%u,default_permissions%s%s%s%s",
		     m->device, spec->root_mode & S_IFMT, geteuid(), getegid(),
		     spec->allow_other ? ",allow_other" : "", context ? ",context=\"" : "",
		     context ? context : "", context ? "\"" : "") < 0)
		return -ENOMEM;
	lamina_fd_path(path, m->target_fd);
	return mount(spec->source, path, "fuse." MOUNT_SUBTYPE, flags_of(spec), options) < 0
		       ? -errno
		       : 0;
}
