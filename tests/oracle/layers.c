// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Random layers, made twice with the same decisions: once as kernel overlayfs reads them, once with
 * the whiteout form under test. Decisions look only at the kernel's copy.
 */
#include "oracle.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#define DEPTH_MAX 3

static const char *const names[] = {"a", "b", "c", "d", "e", "f"};
#define N_NAMES (sizeof(names) / sizeof(names[0]))

static int layer_fds[LAYERS_MAX];

static int open_dir(int at, const char *path)
{
	int fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		err(2, "open %s", path);
	return fd;
}

static void must(int result, const char *what, const char *name)
{
	if (result < 0)
		err(2, "%s %s", what, name);
}

static bool is_whiteout(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && st->st_rdev == 0;
}

static bool is_opaque(int at, const char *path)
{
	char link[64], value[2];
	int fd = openat(at, path, O_PATH | O_CLOEXEC);
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = getxattr(link, "trusted.overlay.opaque", value, sizeof(value));
	close(fd);
	return n == 1 && value[0] == 'y';
}

/*
 * Which layers below @above take part in the directory @path; 0 if it is none there, or nothing.
 * *@ret_file: it is something else than a directory.
 */
static unsigned int visible_mask(unsigned int above, const char *path, bool *ret_file)
{
	unsigned int mask = (1u << above) - 1;
	char prefix[256] = "";
	const char *at = path;

	*ret_file = false;
	while (*at) {
		size_t length = strcspn(at, "/");
		unsigned int next = 0;

		snprintf(prefix + strlen(prefix), sizeof(prefix) - strlen(prefix), "%s%.*s",
			 *prefix ? "/" : "", (int)length, at);
		at += length + (at[length] == '/');
		for (int i = (int)above - 1; i >= 0; i--) {
			struct stat st;

			if (!(mask & 1u << i) ||
			    fstatat(layer_fds[i], prefix, &st, AT_SYMLINK_NOFOLLOW) < 0)
				continue;
			if (is_whiteout(&st))
				break;
			if (!S_ISDIR(st.st_mode)) {
				*ret_file = next == 0 && !*at;
				break;
			}
			next |= 1u << i;
			if (is_opaque(layer_fds[i], prefix))
				break;
		}
		mask = next;
		if (!mask)
			return 0;
	}
	return mask;
}

static struct timespec old_time(struct rng *r)
{
	return (struct timespec){.tv_sec = 1000 + rng_below(r, 1000000000),
				 .tv_nsec = rng_below(r, 1000000000)};
}

static void set_xattr(int at, const char *name, const char *xattr, const char *value, size_t size)
{
	char path[128];

	snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", at, name);
	must(lsetxattr(path, xattr, value, size, 0), "setxattr", xattr);
}

/* An access ACL that gives user 1000 rwx, in the kernel's format, version 2. */
static const unsigned char acl_value[] = {
	2, 0,	0,   0,	  1,   0,   6,	0, 255, 255, 255, 255, 2,   0,	 7,
	0, 232, 3,   0,	  0,   4,   0,	4, 0,	255, 255, 255, 255, 16,	 0,
	7, 0,	255, 255, 255, 255, 32, 0, 4,	0,   255, 255, 255, 255,
};

/* cap_net_raw+ep, as setcap writes it. */
static const unsigned char cap_value[] = {1, 0, 0, 2, 0, 32, 0, 0, 0, 0,
					  0, 0, 0, 0, 0, 0,  0, 0, 0, 0};

struct attributes {
	uid_t uid;
	gid_t gid;
	mode_t mode;
	unsigned int xattrs; /* bits */
	struct timespec times[2];
};

static struct attributes random_attributes(struct rng *r)
{
	static const mode_t modes[] = {0644, 0755, 0600, 0444, 04755, 02755, 0777, 0640};
	struct attributes a = {
		.uid = rng_one_in(r, 3) ? 1000 : 0,
		.gid = rng_one_in(r, 3) ? 1000 : 0,
		.mode = modes[rng_below(r, 8)],
		.xattrs = rng_below(r, 32),
	};

	a.times[0] = old_time(r);
	a.times[1] = old_time(r);
	return a;
}

static void apply(int at, const char *name, const struct attributes *a, mode_t type)
{
	bool link = type == S_IFLNK;
	bool user = type == S_IFREG || type == S_IFDIR;

	must(fchownat(at, name, a->uid, a->gid, AT_SYMLINK_NOFOLLOW), "chown", name);
	if (!link)
		must(fchmodat(at, name, type == S_IFDIR ? a->mode | 0700 : a->mode, 0), "chmod",
		     name);
	if (user && (a->xattrs & 1))
		set_xattr(at, name, "user.test", "value", 5);
	if (a->xattrs & 2)
		set_xattr(at, name, "trusted.test", "trusted value", 13);
	if (type == S_IFREG && (a->xattrs & 4) && (a->xattrs & 8))
		set_xattr(at, name, "security.capability", (const char *)cap_value,
			  sizeof(cap_value));
	if (user && (a->xattrs & 16) && (a->xattrs & 4))
		set_xattr(at, name, "system.posix_acl_access", (const char *)acl_value,
			  sizeof(acl_value));
	must(utimensat(at, name, a->times, AT_SYMLINK_NOFOLLOW), "utimens", name);
}

/* After all else: some flags forbid it. */
static void set_flags(struct scene *s, const struct pair *at, const char *name)
{
	unsigned int flags = rng_one_in(&s->rng, 6) ? flags_draw(&s->rng) : 0;
	int fds[2] = {at->kernel, at->ours};

	for (int i = 0; flags && i < 2; i++) {
		int fd = openat(fds[i], name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

		must(ioctl(fd, FS_IOC_SETFLAGS, &flags), "set flags of", name);
		close(fd);
	}
	s->protects |= flags & FLAGS_PROTECT;
}

static void write_file(int at, const char *name, uint64_t seed, unsigned int size, bool hole)
{
	int fd = openat(at, name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
	struct rng r = {seed};
	char buffer[32768];

	must(fd, "create", name);
	for (unsigned int i = 0; i < size; i++)
		buffer[i] = (char)('a' + rng_below(&r, 26));
	if (size > 0 && pwrite(fd, buffer, size, hole ? 1 << 20 : 0) != (ssize_t)size)
		err(2, "write %s", name);
	close(fd);
}

static void make_object(int at, const char *name, mode_t type, uint64_t seed,
			const struct attributes *a)
{
	struct rng r = {seed};

	switch (type) {
	case S_IFREG: {
		unsigned int size = rng_one_in(&r, 4) ? 0 : rng_below(&r, 12000);

		write_file(at, name, rng_next(&r), size, rng_one_in(&r, 8));
		break;
	}
	case S_IFDIR:
		must(mkdirat(at, name, 0755), "mkdir", name);
		break;
	case S_IFLNK:
		must(symlinkat(rng_one_in(&r, 2) ? "a" : "../b/c", at, name), "symlink", name);
		break;
	case S_IFCHR:
		must(mknodat(at, name, type | 0600, makedev(1, 3)), "mknod", name);
		break;
	default:
		must(mknodat(at, name, type | 0600, 0), "mknod", name);
		break;
	}
	if (type != S_IFDIR)
		apply(at, name, a, type);
}

static mode_t random_type(struct rng *r, unsigned int depth)
{
	unsigned int pick = rng_below(r, 20);

	if (pick < 8 && depth < DEPTH_MAX)
		return S_IFDIR;
	if (pick < 15)
		return S_IFREG;
	if (pick < 17)
		return S_IFLNK;
	if (pick == 17)
		return S_IFIFO;
	return pick == 18 ? S_IFCHR : S_IFSOCK;
}

static void make_whiteout(struct scene *s, const struct pair *at, const char *name)
{
	char dot[64];

	must(mknodat(at->kernel, name, S_IFCHR, 0), "mknod", name);
	if (s->form == FORM_CHR) {
		must(mknodat(at->ours, name, S_IFCHR, 0), "mknod", name);
		return;
	}
	snprintf(dot, sizeof(dot), ".wh.%s", name);
	write_file(at->ours, dot, 0, 0, false);
}

static void make_opaque(struct scene *s, const struct pair *at, const char *name)
{
	static const char *const forms[] = {"trusted.overlay.opaque", "user.overlay.opaque",
					    "user.fuseoverlayfs.opaque"};
	const char *form = forms[rng_below(&s->rng, 3)];
	char path[64];

	set_xattr(at->kernel, name, "trusted.overlay.opaque", "y", 1);
	if (s->form == FORM_CHR) {
		set_xattr(at->ours, name, form, "y", 1);
		return;
	}
	snprintf(path, sizeof(path), "%s/.wh..wh..opq", name);
	write_file(at->ours, path, 0, 0, false);
}

/* A hard link to a file made before in the same layer. */
static bool make_link(struct scene *s, const struct pair *root, const struct pair *at,
		      const char *name, char linkable[][64], unsigned int n_linkable)
{
	const char *target;

	if (n_linkable == 0)
		return false;
	target = linkable[rng_below(&s->rng, n_linkable)];
	must(linkat(root->kernel, target, at->kernel, name, 0), "link", name);
	must(linkat(root->ours, target, at->ours, name, 0), "link", name);
	return true;
}

struct builder {
	struct scene *scene;
	unsigned int layer;
	struct pair root;
	char linkable[64][64];
	unsigned int n_linkable;
};

static void fill(struct builder *b, const struct pair *at, const char *path, unsigned int depth,
		 bool merged);

static void make_dir(struct builder *b, const struct pair *at, const char *name, const char *path,
		     unsigned int depth, bool merged, const struct attributes *a)
{
	struct rng *r = &b->scene->rng;
	bool below = merged && visible_mask(b->layer, path, &(bool){0}) != 0;
	bool opaque = below && rng_one_in(r, 6);
	struct pair inner;

	make_object(at->kernel, name, S_IFDIR, 0, a);
	make_object(at->ours, name, S_IFDIR, 0, a);
	if (opaque)
		make_opaque(b->scene, at, name);
	inner = (struct pair){open_dir(at->kernel, name), open_dir(at->ours, name)};
	fill(b, &inner, path, depth + 1, below && !opaque);
	close(inner.kernel);
	close(inner.ours);
	apply(at->kernel, name, a, S_IFDIR);
	apply(at->ours, name, a, S_IFDIR);
	set_flags(b->scene, at, name);
}

/* One name of a directory, or none. @merged: layers below take part in the directory. */
static void make_name(struct builder *b, const struct pair *at, const char *name, const char *path,
		      unsigned int depth, bool merged)
{
	struct rng *r = &b->scene->rng;
	struct attributes a = random_attributes(r);
	mode_t type = random_type(r, depth);
	uint64_t seed = rng_next(r);
	bool file = false;
	bool below = merged && (visible_mask(b->layer, path, &file) != 0 || file);

	if (rng_one_in(r, 2))
		return;
	if (below && rng_one_in(r, 4)) {
		make_whiteout(b->scene, at, name);
		return;
	}
	if (type == S_IFDIR) {
		make_dir(b, at, name, path, depth, merged, &a);
		return;
	}
	if (type == S_IFREG && rng_one_in(r, 5) &&
	    make_link(b->scene, &b->root, at, name, b->linkable, b->n_linkable))
		return;
	make_object(at->kernel, name, type, seed, &a);
	make_object(at->ours, name, type, seed, &a);
	if (type == S_IFREG && b->n_linkable < 64 && rng_one_in(r, 2))
		snprintf(b->linkable[b->n_linkable++], 64, "%s", path);
	else if (type == S_IFREG)
		set_flags(b->scene, at, name);
}

static void fill(struct builder *b, const struct pair *at, const char *path, unsigned int depth,
		 bool merged)
{
	for (unsigned int i = 0; i < N_NAMES; i++) {
		char inner[64];

		snprintf(inner, sizeof(inner), "%s%s%s", path, *path ? "/" : "", names[i]);
		make_name(b, at, names[i], inner, depth, merged);
	}
}

void layers_make(struct scene *s)
{
	must(mkdir("kernel", 0755), "mkdir", "kernel");
	must(mkdir("ours", 0755), "mkdir", "ours");
	s->n_layers = 1 + rng_below(&s->rng, LAYERS_MAX - 1);
	for (unsigned int i = 0; i < s->n_layers; i++) {
		struct builder b = {.scene = s, .layer = i};
		char path[32];

		snprintf(path, sizeof(path), "kernel/%u", i);
		must(mkdir(path, 0755), "mkdir", path);
		b.root.kernel = layer_fds[i] = open_dir(AT_FDCWD, path);
		snprintf(path, sizeof(path), "ours/%u", i);
		must(mkdir(path, 0755), "mkdir", path);
		b.root.ours = open_dir(AT_FDCWD, path);
		fill(&b, &b.root, "", 0, i > 0);
		close(b.root.ours);
	}
	for (unsigned int i = 0; i < s->n_layers; i++)
		close(layer_fds[i]);
}
