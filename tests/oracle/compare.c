// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Comparing two trees: names, attributes, content, extended attributes, and which names are links
 * of one file. Times that the operations set count as equal when both are younger than the start.
 */
#include "oracle.h"

#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define NAMES_MAX 256
#define LINKS_MAX 1024

struct names {
	unsigned int n;
	struct dirent entries[NAMES_MAX];
};

/* Inode numbers of files with several names, on both sides: the relation must be one to one. */
struct links {
	unsigned int n;
	ino_t kernel[LINKS_MAX], ours[LINKS_MAX];
};

struct walk {
	struct scene *scene;
	const char *what;
	struct links links;
};

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct dirent *)a)->d_name, ((const struct dirent *)b)->d_name);
}

static void read_names(int fd, struct names *names)
{
	DIR *dir = fdopendir(openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	const struct dirent *d;

	if (!dir)
		err(2, "opendir");
	names->n = 0;
	errno = 0;
	while ((d = readdir(dir)) && names->n < NAMES_MAX)
		names->entries[names->n++] = *d;
	if (errno)
		err(2, "readdir");
	closedir(dir);
	qsort(names->entries, names->n, sizeof(names->entries[0]), by_name);
}

static bool same_time(const struct scene *s, const struct timespec *a, const struct timespec *b)
{
	if (a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec)
		return true;
	return a->tv_sec >= s->start.tv_sec && b->tv_sec >= s->start.tv_sec;
}

static bool compare_stat(struct walk *w, const char *path, const struct stat *k,
			 const struct stat *o)
{
	struct scene *s = w->scene;

	if (k->st_mode != o->st_mode)
		return scene_differs(s, "%s: %s: mode %o, ours %o", w->what, path, k->st_mode,
				     o->st_mode);
	if (k->st_uid != o->st_uid || k->st_gid != o->st_gid)
		return scene_differs(s, "%s: %s: owner %u:%u, ours %u:%u", w->what, path, k->st_uid,
				     k->st_gid, o->st_uid, o->st_gid);
	if (k->st_rdev != o->st_rdev)
		return scene_differs(s, "%s: %s: device %lx, ours %lx", w->what, path, k->st_rdev,
				     o->st_rdev);
	if (!same_time(s, &k->st_mtim, &o->st_mtim))
		return scene_differs(s, "%s: %s: mtime %ld.%09ld, ours %ld.%09ld", w->what, path,
				     k->st_mtim.tv_sec, k->st_mtim.tv_nsec, o->st_mtim.tv_sec,
				     o->st_mtim.tv_nsec);
	/* With relatime, reads of what is in the kernel's cache are not told of. */
	if (s->noatime && !same_time(s, &k->st_atim, &o->st_atim))
		return scene_differs(s, "%s: %s: atime %ld.%09ld, ours %ld.%09ld", w->what, path,
				     k->st_atim.tv_sec, k->st_atim.tv_nsec, o->st_atim.tv_sec,
				     o->st_atim.tv_nsec);
	if (S_ISDIR(k->st_mode))
		return true;
	if (k->st_size != o->st_size)
		return scene_differs(s, "%s: %s: size %ld, ours %ld", w->what, path, k->st_size,
				     o->st_size);
	if (k->st_nlink != o->st_nlink)
		return scene_differs(s, "%s: %s: nlink %lu, ours %lu", w->what, path, k->st_nlink,
				     o->st_nlink);
	return true;
}

static bool compare_links(struct walk *w, const char *path, const struct stat *k,
			  const struct stat *o)
{
	struct links *l = &w->links;

	for (unsigned int i = 0; i < l->n; i++)
		if ((l->kernel[i] == k->st_ino) != (l->ours[i] == o->st_ino))
			return scene_differs(w->scene,
					     "%s: %s: linked differently (inode %lu, ours %lu)",
					     w->what, path, k->st_ino, o->st_ino);
	if (l->n < LINKS_MAX) {
		l->kernel[l->n] = k->st_ino;
		l->ours[l->n++] = o->st_ino;
	}
	return true;
}

static bool compare_content(struct walk *w, const struct pair *at, const char *name,
			    const char *path)
{
	static char a[65536], b[65536];
	int k = openat(at->kernel, name, O_RDONLY | O_CLOEXEC);
	int o = openat(at->ours, name, O_RDONLY | O_CLOEXEC);
	bool same = true;

	if (k < 0 || o < 0)
		return scene_differs(w->scene, "%s: %s: cannot open: %d, ours %d: %m", w->what,
				     path, k, o);
	for (off_t at_byte = 0; same;) {
		ssize_t n = pread(k, a, sizeof(a), at_byte);
		ssize_t m = pread(o, b, sizeof(b), at_byte);

		same = n == m && n >= 0 && memcmp(a, b, (size_t)n) == 0;
		if (n <= 0)
			break;
		at_byte += n;
	}
	close(k);
	close(o);
	return same || scene_differs(w->scene, "%s: %s: content differs", w->what, path);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static unsigned int flags_of(int at, const char *name)
{
	int fd = openat(at, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	unsigned int flags = 0;

	if (fd < 0 || ioctl(fd, FS_IOC_GETFLAGS, &flags) < 0)
		flags = 0;
	close(fd);
	return flags & FLAGS_SEEN;
}

/* All attributes of an object as one sorted text, those of security only if @security. */
static void describe_xattrs(int at, const char *name, bool security, char *text, size_t size)
{
	char path[128], list[4096], value[4096];
	const char *names[64] = {NULL};
	unsigned int n_names = 0;
	size_t used = 0;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", at, name);
	n = llistxattr(path, list, sizeof(list));
	for (char *p = list; n > 0 && p < list + n && n_names < 64; p += strlen(p) + 1)
		if (security || strncmp(p, "security.", 9))
			names[n_names++] = p;
	qsort(names, n_names, sizeof(names[0]), by_text);
	*text = '\0';
	for (unsigned int i = 0; i < n_names; i++) {
		ssize_t m = lgetxattr(path, names[i], value, sizeof(value));

		used += (size_t)snprintf(text + used, size - used, "%s=", names[i]);
		for (ssize_t j = 0; j < m && used < size - 4; j++)
			used += (size_t)snprintf(text + used, size - used, "%02x",
						 (unsigned char)value[j]);
		used += (size_t)snprintf(text + used, size - used, " ");
	}
}

static bool compare_xattrs(struct walk *w, const struct pair *at, const char *name,
			   const char *path, bool regular)
{
	char k[8192], o[8192];
	/* The kernel drops capabilities before it asks us to truncate what is append-only. */
	bool security = !(regular && (flags_of(at->kernel, name) & FS_APPEND_FL));

	describe_xattrs(at->kernel, name, security, k, sizeof(k));
	describe_xattrs(at->ours, name, security, o, sizeof(o));
	return !strcmp(k, o) ||
	       scene_differs(w->scene, "%s: %s: attributes %s, ours %s", w->what, path, k, o);
}

static bool compare_flags(struct walk *w, const struct pair *at, const char *name, const char *path)
{
	unsigned int k = flags_of(at->kernel, name), o = flags_of(at->ours, name);

	return k == o || scene_differs(w->scene, "%s: %s: flags %x, ours %x", w->what, path, k, o);
}

static bool compare_targets(struct walk *w, const struct pair *at, const char *name,
			    const char *path)
{
	char k[4096] = "", o[4096] = "";

	if (readlinkat(at->kernel, name, k, sizeof(k) - 1) < 0 ||
	    readlinkat(at->ours, name, o, sizeof(o) - 1) < 0)
		return scene_differs(w->scene, "%s: %s: readlink: %m", w->what, path);
	return !strcmp(k, o) ||
	       scene_differs(w->scene, "%s: %s: target %s, ours %s", w->what, path, k, o);
}

static bool compare_dirs(struct walk *w, int kernel, int ours, const char *path);

static bool compare_entry(struct walk *w, const struct pair *at, const struct dirent *kd,
			  const struct dirent *od, const char *path)
{
	struct stat k, o;

	if (fstatat(at->kernel, kd->d_name, &k, AT_SYMLINK_NOFOLLOW) < 0 ||
	    fstatat(at->ours, kd->d_name, &o, AT_SYMLINK_NOFOLLOW) < 0)
		return scene_differs(w->scene, "%s: %s: stat: %m", w->what, path);
	if (IFTODT(o.st_mode) != od->d_type)
		return scene_differs(w->scene, "%s: %s: our d_type is %u, mode %o", w->what, path,
				     od->d_type, o.st_mode);
	if (od->d_ino != o.st_ino)
		return scene_differs(w->scene, "%s: %s: our d_ino is %lu, st_ino %lu", w->what,
				     path, od->d_ino, o.st_ino);
	if (!compare_stat(w, path, &k, &o) ||
	    !compare_xattrs(w, at, kd->d_name, path, S_ISREG(k.st_mode)))
		return false;
	if (!S_ISDIR(k.st_mode) && k.st_nlink > 1 && !compare_links(w, path, &k, &o))
		return false;
	if ((S_ISREG(k.st_mode) || S_ISDIR(k.st_mode)) && !compare_flags(w, at, kd->d_name, path))
		return false;
	if (S_ISLNK(k.st_mode))
		return compare_targets(w, at, kd->d_name, path);
	if (S_ISREG(k.st_mode))
		return compare_content(w, at, kd->d_name, path);
	if (S_ISDIR(k.st_mode)) {
		int kernel = openat(at->kernel, kd->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		int ours = openat(at->ours, kd->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		bool same = kernel >= 0 && ours >= 0
				    ? compare_dirs(w, kernel, ours, path)
				    : scene_differs(w->scene, "%s: %s: opendir: %m", w->what, path);

		close(kernel);
		close(ours);
		return same;
	}
	return true;
}

static bool compare_dirs(struct walk *w, int kernel, int ours, const char *path)
{
	struct names *k = malloc(sizeof(*k)), *o = malloc(sizeof(*o));
	const struct pair at = {kernel, ours};
	bool same = true;

	if (!k || !o)
		err(2, "malloc");
	read_names(kernel, k);
	read_names(ours, o);
	for (unsigned int i = 0; same && (i < k->n || i < o->n); i++) {
		const char *kn = i < k->n ? k->entries[i].d_name : "(nothing)";
		const char *on = i < o->n ? o->entries[i].d_name : "(nothing)";
		char inner[1024];

		if (strcmp(kn, on)) {
			same = scene_differs(w->scene, "%s: %s: has %s, ours %s", w->what,
					     *path ? path : "/", kn, on);
			break;
		}
		if (!strcmp(kn, ".") || !strcmp(kn, ".."))
			continue;
		snprintf(inner, sizeof(inner), "%s/%s", path, kn);
		same = compare_entry(w, &at, &k->entries[i], &o->entries[i], inner);
	}
	free(k);
	free(o);
	return same;
}

bool compare_trees(struct scene *s, int kernel, int ours, const char *what)
{
	static struct walk w;

	w = (struct walk){.scene = s, .what = what};
	return compare_dirs(&w, kernel, ours, "");
}
