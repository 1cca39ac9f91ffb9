// SPDX-License-Identifier: GPL-2.0-or-later
#include "bpf/list.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#include "base/cleanup.h"
#include "base/mountinfo.h"
#include "bpf/kernel.h"

static struct lamina_list_mount *find(struct lamina_list *list, unsigned int minor)
{
	for (size_t i = 0; i < list->n; i++) {
		if (list->mounts[i].minor == minor)
			return &list->mounts[i];
	}
	return NULL;
}

static struct lamina_list_mount *add(struct lamina_list *list, unsigned int minor,
				     const char *engine)
{
	struct lamina_list_mount *mounts = reallocarray(list->mounts, list->n + 1, sizeof(*mounts));

	if (!mounts)
		return NULL;
	list->mounts = mounts;
	mounts[list->n] = (struct lamina_list_mount){.minor = minor, .engine = engine};
	return &mounts[list->n++];
}

static errint_t add_item(struct lamina_list_mount *mount, const char *key, const char *value)
{
	struct lamina_list_item *items =
		reallocarray(mount->items, mount->n_items + 1, sizeof(*items));

	if (!items)
		return -ENOMEM;
	mount->items = items;
	items[mount->n_items] = (struct lamina_list_item){strdup(key), strdup(value)};
	mount->n_items++;
	return items[mount->n_items - 1].key && items[mount->n_items - 1].value ? 0 : -ENOMEM;
}

/* Lines "key:\tvalue" of a connection's file. A connection without a view has no state. */
static errint_t read_view(struct lamina_list *list, int dir, const char *name)
{
	_cleanup_free_ char *line = NULL, *path = NULL;
	_cleanup_file_ FILE *file = NULL;
	struct lamina_list_mount *mount;
	size_t size = 0;
	errint_t err = 0;
	int fd;

	if (asprintf(&path, "%s/view", name) < 0)
		return -ENOMEM;
	fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	file = fdopen(fd, "r");
	mount = file ? add(list, (unsigned int)strtoul(name, NULL, 10), "bpf") : NULL;
	if (!mount)
		return -ENOMEM;
	while (err == 0 && getline(&line, &size, file) > 0) {
		char *value = strchr(line, ':');

		if (!value)
			continue;
		*value++ = '\0';
		value += strspn(value, "\t ");
		value[strcspn(value, "\n")] = '\0';
		err = add_item(mount, line, value);
	}
	if (err == 0 && !lamina_list_value(mount, "state"))
		mount->engine = NULL;
	return err;
}

/* A mount of the control file system that nobody else sees: it need not be mounted anywhere. */
static errint_t open_control(const char *type)
{
	_cleanup_fd_ int fs = fsopen(type, FSOPEN_CLOEXEC);
	int fd;

	if (fs < 0 || fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -errno;
	fd = fsmount(fs, FSMOUNT_CLOEXEC, 0);
	return fd < 0 ? -errno : fd;
}

static errint_t read_views(struct lamina_list *list, struct lamina_error *error)
{
	_cleanup_dir_ DIR *dir = NULL;
	struct lamina_bpf_kernel kernel;
	struct lamina_error none = {0};
	struct dirent *entry;
	errint_t err;
	int fd;

	/* Without FUSE-BPF there are no views. */
	if (lamina_bpf_kernel_probe(&kernel, &none) < 0)
		return 0;
	fd = open_control(kernel.control);
	if (fd < 0)
		return lamina_error_set(error, fd, "cannot look at the views; only root may");
	dir = fdopendir(openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	close(fd);
	if (!dir)
		return lamina_error_set(error, -errno, "cannot list the views");
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] < '0' || entry->d_name[0] > '9')
			continue;
		err = read_view(list, dirfd(dir), entry->d_name);
		if (err < 0)
			return lamina_error_set(error, err, "cannot read the view %s",
						entry->d_name);
	}
	return 0;
}

static bool is_ours(const char *type)
{
	return !strcmp(type, "fuse.lamina") || !strcmp(type, "fuse_bpf") || !strcmp(type, "fuse");
}

/* A line of /proc/self/mountinfo. */
static errint_t read_mount(struct lamina_list *list, const char *line)
{
	_cleanup_free_ char *target = NULL, *type = NULL, *source = NULL;
	struct lamina_list_mount *mount;
	const char *rest = strstr(line, " - ");
	unsigned int major, minor;

	if (!rest || sscanf(line, "%*u %*u %u:%u %*s %ms", &major, &minor, &target) != 3 ||
	    sscanf(rest, " - %ms %ms", &type, &source) != 2 || major != 0 || !is_ours(type))
		return 0;
	mount = find(list, minor);
	if (!mount) {
		if (strcmp(type, "fuse.lamina") != 0)
			return 0;
		mount = add(list, minor, "fuse");
		if (!mount)
			return -ENOMEM;
	}
	free(mount->target);
	free(mount->source);
	lamina_mountinfo_unescape(target);
	lamina_mountinfo_unescape(source);
	mount->target = TAKE_PTR(target);
	mount->source = TAKE_PTR(source);
	return 0;
}

static errint_t read_mounts(struct lamina_list *list, struct lamina_error *error)
{
	_cleanup_file_ FILE *file = fopen("/proc/self/mountinfo", "re");
	_cleanup_free_ char *line = NULL;
	size_t size = 0;
	errint_t err = 0;

	if (!file)
		return lamina_error_set(error, -errno, "cannot read /proc/self/mountinfo");
	while (err == 0 && getline(&line, &size, file) > 0)
		err = read_mount(list, line);
	return err < 0 ? lamina_error_set(error, err, "cannot list the mounts") : 0;
}

static void mount_done(struct lamina_list_mount *mount)
{
	for (size_t i = 0; i < mount->n_items; i++) {
		free(mount->items[i].key);
		free(mount->items[i].value);
	}
	free(mount->items);
	free(mount->target);
	free(mount->source);
}

/* Connections of other FUSE servers are none of ours. */
static void drop_others(struct lamina_list *list)
{
	size_t kept = 0;

	for (size_t i = 0; i < list->n; i++) {
		if (list->mounts[i].engine)
			list->mounts[kept++] = list->mounts[i];
		else
			mount_done(&list->mounts[i]);
	}
	list->n = kept;
}

errint_t lamina_list_read(struct lamina_list *ret, struct lamina_error *error)
{
	struct lamina_list list = {0};
	errint_t err = read_views(&list, error);

	if (err == 0)
		err = read_mounts(&list, error);
	if (err < 0) {
		lamina_list_done(&list);
		return err;
	}
	drop_others(&list);
	*ret = list;
	return 0;
}

void lamina_list_done(struct lamina_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		mount_done(&list->mounts[i]);
	free(list->mounts);
}

const char *lamina_list_value(const struct lamina_list_mount *mount, const char *key)
{
	for (size_t i = 0; i < mount->n_items; i++) {
		if (!strcmp(mount->items[i].key, key))
			return mount->items[i].value;
	}
	return NULL;
}
