// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reading mountinfo files. No state.
 */
#include "mount/table.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "base/cleanup.h"
#include "base/text.h"

/* FUSE has the mounter's uid, as this user namespace shows it, among the options of its file systems. */
static uid_t owner_in(const char *options)
{
	const char *at = options ? strstr(options, "user_id=") : NULL;

	return at ? (uid_t)strtoul(at + strlen("user_id="), NULL, 10) : LAMINA_TABLE_NO_OWNER;
}

bool lamina_table_line(const char *line,
		       bool (*each)(void *user, const struct lamina_table_entry *entry), void *user)
{
	_cleanup_free_ char *root = NULL, *target = NULL, *type = NULL, *source = NULL,
			    *options = NULL;
	const char *rest = strstr(line, " - ");
	unsigned int major, minor;

	if (!rest || sscanf(line, "%*u %*u %u:%u %ms %ms", &major, &minor, &root, &target) != 4 ||
	    sscanf(rest, " - %ms %ms %ms", &type, &source, &options) < 2)
		return true;
	lamina_text_unescape(root);
	lamina_text_unescape(target);
	lamina_text_unescape(source);

	const struct lamina_table_entry entry = {
		.dev = makedev(major, minor),
		.root = root,
		.target = target,
		.type = type,
		.source = source,
		.owner = owner_in(options),
	};

	return each(user, &entry);
}

errint_t lamina_table_each(const char *path,
			   bool (*each)(void *user, const struct lamina_table_entry *entry),
			   void *user)
{
	_cleanup_file_ FILE *file = fopen(path, "re");
	_cleanup_free_ char *line = NULL;
	size_t size = 0;

	if (!file)
		return -errno;
	while (getline(&line, &size, file) > 0)
		if (!lamina_table_line(line, each, user))
			break;
	return 0;
}

bool lamina_table_is_served(const struct lamina_table_entry *entry)
{
	/* Versions before this one had the other subtype. */
	return !strcmp(entry->type, "fuse.lamina-mount") || !strcmp(entry->type, "fuse.lamina");
}

bool lamina_table_is_ours(const struct lamina_table_entry *entry)
{
	/* The type of a view may have a subtype. */
	return (lamina_table_is_served(entry) || !strncmp(entry->type, "fuse_bpf", 8)) &&
	       !strcmp(entry->root, "/");
}
