// SPDX-License-Identifier: GPL-2.0-or-later
#include "bpf/filter.h"

#include <dirent.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "bpf/rules.h"
#include "hide.skel.h"
#include "overlay.skel.h"
#include "policy.skel.h"
#include "trace.skel.h"
#include "view/kernel.h"

#define BPF_FS	       "/sys/fs/bpf"
#define BPF_FS_MAGIC_L 0xcafe4a11
#define LINK_NAME      "link"

static const struct builtin {
	const char *name;
	const void *(*bytes)(size_t *size);
} builtins[] = {
	{"overlay", filter_overlay__elf_bytes},
	{"hide", filter_hide__elf_bytes},
	{"policy", filter_policy__elf_bytes},
	{"trace", filter_trace__elf_bytes},
};

#define N_BUILTINS (sizeof(builtins) / sizeof(builtins[0]))

const char *const lamina_filter_names[] = {"overlay", "hide", "policy", "trace", NULL};

/* A filter that is being loaded. */
struct loading {
	const struct lamina_filter_spec *spec;
	struct bpf_object *object;
	struct bpf_map *ops; /* of type struct_ops */
	char id[16];
};

/* What libbpf said last, for errors: its return codes alone say little. */
static char complaint[256];
static bool speak;

static int __attribute__((__format__(__printf__, 2, 0))) listen_to_libbpf(
	enum libbpf_print_level level, const char *format, va_list arguments)
{
	va_list again;

	if (level == LIBBPF_DEBUG)
		return 0;
	va_copy(again, arguments);
	if (speak)
		vfprintf(stderr, format, arguments);
	if (level == LIBBPF_WARN) {
		vsnprintf(complaint, sizeof(complaint), format, again);
		complaint[strcspn(complaint, "\n")] = '\0';
	}
	va_end(again);
	return 0;
}

static bool id_valid(const char *id)
{
	size_t len = strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");

	/* The kernel takes dots, too, but the BPF file system doesn't. */
	return len && len < sizeof(((struct loading *)NULL)->id) && !id[len];
}

static void pin_path(char path[PATH_MAX], const char *id, const char *name)
{
	snprintf(path, PATH_MAX, LAMINA_FILTER_DIR "/%s%s%s", id, name ? "/" : "",
		 name ? name : "");
}

/* The BPF file system is there, and our folder in it. */
static errint_t need_bpf_fs(struct lamina_error *error)
{
	struct statfs fs;

	if (statfs(BPF_FS, &fs) < 0)
		return lamina_error_set(error, -errno, "%s cannot be used", BPF_FS);
	if ((unsigned long)fs.f_type != BPF_FS_MAGIC_L &&
	    mount("bpf", BPF_FS, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=700") < 0)
		return lamina_error_set(error, -errno,
					"the BPF file system cannot be mounted at %s", BPF_FS);
	if (mkdir(LAMINA_FILTER_DIR, 0700) < 0 && errno != EEXIST)
		return lamina_error_set(error, -errno, "%s cannot be made", LAMINA_FILTER_DIR);
	return 0;
}

/*
 * Who loads or removes filters does it alone, so that others find one whole or not at all. The lock
 * is the descriptor's, and goes with whoever is killed.
 */
static errint_t lock_filters(struct lamina_error *error)
{
	_cleanup_fd_ int fd = open(LAMINA_FILTER_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	errint_t err;

	if (fd < 0)
		return lamina_error_set(error, -errno, "%s cannot be opened", LAMINA_FILTER_DIR);
	err = lamina_fd_lock(fd);
	if (err < 0)
		return lamina_error_set(error, err, "%s cannot be locked", LAMINA_FILTER_DIR);
	return TAKE_FD(fd);
}

static errint_t open_object(struct loading *l, struct lamina_error *error)
{
	const char *what = l->spec->what;
	size_t size;

	for (size_t i = 0; i < N_BUILTINS && !l->object; i++) {
		if (!strcmp(what, builtins[i].name)) {
			const void *bytes = builtins[i].bytes(&size);

			l->object = bpf_object__open_mem(bytes, size, NULL);
		}
	}
	if (!l->object && !strchr(what, '/'))
		return lamina_error_say(
			error, -ENOENT,
			"no filter '%s' is built in; a file needs a '/' in its path", what);
	if (!l->object)
		l->object = bpf_object__open_file(what, NULL);
	if (!l->object)
		return lamina_error_set(error, -errno, "the filter '%s' cannot be opened (%s)",
					what, complaint);
	return 0;
}

/* Where the member id is in the struct_ops variable: each object has its own layout. */
static errint_t find_id(const struct loading *l, char **ret_id)
{
	const struct btf *btf = bpf_object__btf(l->object);
	int type = btf__find_by_name_kind(btf, "fuse_filter_ops", BTF_KIND_STRUCT);
	const struct btf_type *t = type > 0 ? btf__type_by_id(btf, (__u32)type) : NULL;
	size_t size;
	char *data = bpf_map__initial_value(l->ops, &size);

	for (__u32 i = 0; t && data && i < btf_vlen(t); i++) {
		const struct btf_member *member = &btf_members(t)[i];
		__u32 at = btf_member_bit_offset(t, i) / 8;

		if (strcmp(btf__name_by_offset(btf, member->name_off), "id") != 0 ||
		    at + sizeof(l->id) > size)
			continue;
		*ret_id = data + at;
		return 0;
	}
	return -EINVAL;
}

static errint_t find_ops(struct loading *l, struct lamina_error *error)
{
	struct bpf_map *map;
	char *id;

	bpf_object__for_each_map(map, l->object)
	{
		if (bpf_map__type(map) == BPF_MAP_TYPE_STRUCT_OPS)
			l->ops = l->ops ? NULL : map;
	}
	if (!l->ops || find_id(l, &id) < 0)
		return lamina_error_say(error, -EINVAL,
					"'%s' is no filter; it must have one fuse_filter_ops",
					l->spec->what);
	if (l->spec->as) {
		memset(id, 0, sizeof(l->id));
		memcpy(id, l->spec->as, strlen(l->spec->as));
	}
	snprintf(l->id, sizeof(l->id), "%.15s", id);
	if (!id_valid(l->id))
		return lamina_error_say(error, -EINVAL,
					"'%s' has no name that it can be registered by",
					l->spec->what);
	return 0;
}

static errint_t read_rules(const struct loading *l, struct lamina_rules *ret,
			   struct lamina_error *error)
{
	_cleanup_file_ FILE *file = NULL;

	if (!bpf_object__find_map_by_name(l->object, "rules"))
		return lamina_error_say(error, -EINVAL, "the filter '%s' takes no paths",
					l->spec->what);
	file = fopen(l->spec->paths, "re");
	if (!file)
		return lamina_error_set(error, -errno, "%s cannot be read", l->spec->paths);
	return lamina_rules_read(ret, file, l->spec->paths, error);
}

static errint_t fill_rules(const struct loading *l, const struct lamina_rules *rules)
{
	struct bpf_map *map = bpf_object__find_map_by_name(l->object, "rules");

	for (size_t i = 0; i < rules->n; i++) {
		const struct lamina_rule *rule = &rules->list[i];
		int err = bpf_map__update_elem(map, &rule->key, sizeof(rule->key), &rule->rule,
					       sizeof(rule->rule), BPF_NOEXIST);

		if (err < 0)
			return err;
	}
	return 0;
}

/* Maps that were made for others to use have names of their own; libbpf's don't count. */
static bool is_kept(const struct bpf_map *map)
{
	const char *name = bpf_map__name(map);
	enum bpf_map_type type = bpf_map__type(map);

	return type != BPF_MAP_TYPE_STRUCT_OPS && (!strchr(name, '.') || strstr(name, ".bss"));
}

static errint_t keep_maps(const struct loading *l)
{
	char path[PATH_MAX];
	struct bpf_map *map;

	bpf_object__for_each_map(map, l->object)
	{
		const char *name = bpf_map__name(map);

		if (!is_kept(map))
			continue;
		/* What libbpf makes has a part of the object's name before it, cut off anywhere. */
		pin_path(path, l->id, strstr(name, ".bss") ? "variables" : name);
		unlink(path);
		if (bpf_obj_pin(bpf_map__fd(map), path) < 0)
			return -errno;
	}
	return 0;
}

static bool is_loaded(const char *id)
{
	char path[PATH_MAX];

	pin_path(path, id, LINK_NAME);
	return access(path, F_OK) == 0;
}

/* Removes the folder of a filter, if there is one. */
static errint_t remove_files(const char *id)
{
	_cleanup_dir_ DIR *dir = NULL;
	struct dirent *entry;
	char path[PATH_MAX];

	pin_path(path, id, NULL);
	dir = opendir(path);
	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	while ((entry = readdir(dir))) {
		if (lamina_name_valid(entry->d_name))
			unlinkat(dirfd(dir), entry->d_name, 0);
	}
	return rmdir(path) < 0 ? -errno : 0;
}

static errint_t attach_new(struct loading *l, struct lamina_error *error)
{
	struct bpf_link *link;
	char path[PATH_MAX];
	errint_t err;

	if (is_loaded(l->id))
		return lamina_error_say(error, -EEXIST,
					"a filter '%s' is loaded; --replace updates it", l->id);
	pin_path(path, l->id, NULL);
	/* One that was killed may have left a folder. */
	err = remove_files(l->id);
	if (err == 0 && mkdir(path, 0700) < 0)
		err = -errno;
	if (err < 0)
		return lamina_error_set(error, err, "cannot make a folder for '%s' in %s", l->id,
					LAMINA_FILTER_DIR);
	link = bpf_map__attach_struct_ops(l->ops);
	if (!link) {
		err = lamina_error_set(error, -errno, "the filter '%s' cannot be registered",
				       l->id);
		rmdir(path);
		return err;
	}
	err = keep_maps(l);
	pin_path(path, l->id, LINK_NAME);
	if (err == 0 && bpf_link__pin(link, path) < 0)
		err = -errno;
	bpf_link__destroy(link);
	if (err < 0) {
		remove_files(l->id);
		return lamina_error_set(error, err, "the filter '%s' cannot be kept in %s", l->id,
					LAMINA_FILTER_DIR);
	}
	return 0;
}

static errint_t get_link(const char *id, struct lamina_error *error)
{
	char path[PATH_MAX];
	int fd;

	if (!id_valid(id))
		return lamina_error_say(error, -EINVAL, "'%s' is no name of a filter", id);
	pin_path(path, id, LINK_NAME);
	fd = bpf_obj_get(path);
	if (fd < 0 && errno == ENOENT)
		return lamina_error_say(error, -ENOENT, "no filter '%s' is loaded", id);
	if (fd < 0)
		return lamina_error_set(error, -errno, "the filter '%s' cannot be reached", id);
	return fd;
}

/* Puts new programs under a link that is there, or a new link in place of one that was detached. */
static errint_t update_link(const struct loading *l, int old)
{
	/*
	 * This makes the new ops ready, whatever comes of it: as long as the old ones are
	 * registered, no others can be under the same name.
	 */
	struct bpf_link *link = bpf_map__attach_struct_ops(l->ops);
	char path[PATH_MAX];
	errint_t err = 0;

	if (!link)
		return bpf_link_update(old, bpf_map__fd(l->ops), NULL) < 0 ? -errno : 0;
	pin_path(path, l->id, LINK_NAME);
	unlink(path);
	if (bpf_link__pin(link, path) < 0)
		err = -errno;
	bpf_link__destroy(link);
	return err;
}

static errint_t attach_instead(struct loading *l, struct lamina_error *error)
{
	_cleanup_fd_ int link = get_link(l->id, error);
	errint_t err;

	if (link < 0)
		return link;
	err = update_link(l, link);
	if (err < 0)
		return lamina_error_set(error, err, "the filter '%s' cannot be replaced", l->id);
	err = keep_maps(l);
	if (err < 0)
		return lamina_error_set(error, err, "the maps of '%s' cannot be kept in %s", l->id,
					LAMINA_FILTER_DIR);
	return 0;
}

static errint_t load_object(struct loading *l, const struct lamina_rules *rules,
			    struct lamina_error *error)
{
	struct bpf_map *map = bpf_object__find_map_by_name(l->object, "rules");
	struct bpf_map *rings = bpf_object__find_map_by_name(l->object, "rings");
	int cpus = rings ? libbpf_num_possible_cpus() : 0;
	struct lamina_view_kernel kernel;
	errint_t err;

	if (map && rules->n)
		bpf_map__set_max_entries(map, (__u32)rules->n);
	if (cpus > 0)
		bpf_map__set_max_entries(rings, (__u32)cpus);
	err = bpf_object__load(l->object);
	if (err < 0 && lamina_view_kernel_probe(&kernel, error) < 0)
		return err;
	if (err < 0)
		return lamina_error_set(error, err, "the kernel doesn't take the filter '%s' (%s)",
					l->spec->what, complaint);
	if (map)
		err = fill_rules(l, rules);
	if (err < 0)
		return lamina_error_set(error, err, "the paths don't fit into the filter '%s'",
					l->id);
	return l->spec->replace && is_loaded(l->id) ? attach_instead(l, error)
						    : attach_new(l, error);
}

static errint_t load(struct loading *l, struct lamina_error *error)
{
	struct lamina_rules rules = {0};
	errint_t err = open_object(l, error);

	if (err == 0)
		err = find_ops(l, error);
	if (err == 0 && l->spec->paths)
		err = read_rules(l, &rules, error);
	if (err == 0)
		err = load_object(l, &rules, error);
	lamina_rules_done(&rules);
	return err;
}

errint_t lamina_filter_load(const struct lamina_filter_spec *spec, struct lamina_error *error)
{
	struct loading l = {.spec = spec};
	_cleanup_fd_ int lock = -1;
	errint_t err;

	if (spec->as && !id_valid(spec->as))
		return lamina_error_set(
			error, -EINVAL,
			"'%s' cannot be the name of a filter: 1 to 15 letters, digits, "
			"'_' and '-'",
			spec->as);
	err = need_bpf_fs(error);
	if (err < 0)
		return err;
	lock = lock_filters(error);
	if (lock < 0)
		return lock;
	complaint[0] = '\0';
	speak = spec->verbose;
	libbpf_set_print(listen_to_libbpf);
	err = load(&l, error);
	bpf_object__close(l.object);
	return err;
}

errint_t lamina_filter_info(const char *id, struct lamina_filter_info *ret,
			    struct lamina_error *error)
{
	_cleanup_fd_ int link = get_link(id, error);
	struct bpf_link_info info = {0};
	__u32 size = sizeof(info);

	if (link < 0)
		return link;
	if (bpf_link_get_info_by_fd(link, &info, &size) < 0)
		return lamina_error_set(error, -errno, "nothing can be learnt of the filter '%s'",
					id);
	snprintf(ret->id, sizeof(ret->id), "%s", id);
	ret->link = info.id;
	ret->map = info.struct_ops.map_id;
	return 0;
}

errint_t lamina_filter_remove(const char *id, bool detach, struct lamina_error *error)
{
	_cleanup_fd_ int lock = -1, link = get_link(id, error);
	errint_t err;

	if (link < 0)
		return link;
	lock = lock_filters(error);
	if (lock < 0)
		return lock;
	if (detach && bpf_link_detach(link) < 0)
		return lamina_error_set(error, -errno, "the filter '%s' cannot be detached", id);
	err = remove_files(id);
	if (err < 0)
		return lamina_error_set(error, err,
					"the files of the filter '%s' in %s cannot be removed", id,
					LAMINA_FILTER_DIR);
	return 0;
}

errint_t lamina_filter_each(errint_t (*each)(const char *id, void *data), void *data,
			    struct lamina_error *error)
{
	_cleanup_dir_ DIR *dir = opendir(LAMINA_FILTER_DIR);
	struct dirent *entry;
	errint_t err;

	if (!dir && errno == ENOENT)
		return 0;
	if (!dir)
		return lamina_error_set(error, -errno, "%s cannot be read", LAMINA_FILTER_DIR);
	while ((entry = readdir(dir))) {
		err = lamina_name_valid(entry->d_name) ? each(entry->d_name, data) : 0;
		if (err)
			return err;
	}
	return 0;
}

errint_t lamina_filter_map(const char *id, const char *map, struct lamina_error *error)
{
	char path[PATH_MAX];
	int fd;

	if (!id_valid(id))
		return lamina_error_say(error, -EINVAL, "'%s' is no name of a filter", id);
	pin_path(path, id, map);
	fd = bpf_obj_get(path);
	if (fd >= 0)
		return fd;
	if (errno == ENOENT && !is_loaded(id))
		return lamina_error_say(error, -ENOENT,
					"no filter '%s' is loaded; 'lamina filter load' does that",
					id);
	return lamina_error_set(error, -errno, "the filter '%s' has no '%s'", id, map);
}
