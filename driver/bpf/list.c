// SPDX-License-Identifier: GPL-2.0-or-later
#include "bpf/list.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>

#include "base/cleanup.h"
#include "mount/record.h"
#include "mount/table.h"
#include "view/kernel.h"

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
	struct lamina_view_kernel kernel;
	struct lamina_error none = {0};
	struct dirent *entry;
	errint_t err;
	int fd;

	/* Without FUSE-BPF there are no views. */
	if (lamina_view_kernel_probe(&kernel, &none) < 0)
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

/* Views by the module, with and without a server; views in a kernel that has them built in. */
static bool may_be_view(const char *type)
{
	return !strncmp(type, "fuse_bpf", 8) || !strcmp(type, "fuse");
}

struct reading {
	struct lamina_list *list;
	errint_t err;
};

static errint_t add_names(struct lamina_list_mount *mount, const struct lamina_table_entry *entry)
{
	free(mount->target);
	free(mount->source);
	mount->target = strdup(entry->target);
	mount->source = strdup(entry->source);
	return mount->target && mount->source ? 0 : -ENOMEM;
}

static bool read_mount(void *user, const struct lamina_table_entry *entry)
{
	struct reading *r = user;
	bool served = lamina_table_is_served(entry);
	struct lamina_list_mount *mount;

	if (major(entry->dev) != 0 || (!served && !may_be_view(entry->type)))
		return true;
	mount = find(r->list, minor(entry->dev));
	if (!mount && served) {
		mount = add(r->list, minor(entry->dev), "fuse");
		r->err = mount ? 0 : -ENOMEM;
	}
	/* A kernel with views built in shows connections of servers among them. */
	if (mount && served && !mount->engine)
		mount->engine = "fuse";
	if (mount && r->err == 0)
		r->err = add_names(mount, entry);
	return r->err == 0;
}

static errint_t read_mounts(struct lamina_list *list, struct lamina_error *error)
{
	struct reading reading = {.list = list};
	errint_t err = lamina_table_each(LAMINA_TABLE_SELF, read_mount, &reading);

	if (err == 0)
		err = reading.err;
	return err < 0 ? lamina_error_set(error, err, "cannot list the mounts") : 0;
}

/* A process that a record names may be gone, or another one by now. */
static pid_t if_alive(pid_t pid)
{
	char path[32], name[16] = "";
	_cleanup_fd_ int fd = -1;

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	fd = pid > 0 ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	if (fd < 0 || read(fd, name, sizeof(name) - 1) <= 0)
		return 0;
	/* mount(8) calls "mount.fuse.lamina-mount", of which the kernel keeps 15 bytes. */
	return strstr(name, "lamina") || strstr(name, "fuse-overlayfs") ||
			       !strncmp(name, "mount.fuse", strlen("mount.fuse"))
		       ? pid
		       : 0;
}

/* What was written down when it was mounted. */
static void add_record(struct lamina_list_mount *mount)
{
	struct lamina_record record = {0};

	if (!mount->target || lamina_record_read(makedev(0, mount->minor), &record) < 0)
		return;
	if (record.engine && !strcmp(record.engine, "passthrough") && mount->engine &&
	    !strcmp(mount->engine, "fuse"))
		mount->engine = "passthrough";
	mount->server = if_alive(record.server);
	mount->keeper = if_alive(record.keeper);
	mount->why = TAKE_PTR(record.why);
	lamina_record_done(&record);
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
	free(mount->why);
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
	for (size_t i = 0; i < list.n; i++)
		add_record(&list.mounts[i]);
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
