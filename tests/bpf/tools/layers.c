// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * layers [-m] [-p FILE] SEED DIRECTORY
 *
 * Makes a random set of layers 1, 2, ... in a new DIRECTORY, the same for the same seed, and prints how
 * many. Names are few, so that layers meet: directories to be merged, whiteouts and opaque
 * directories where there is something to hide and where there is nothing, files over directories
 * and the other way round, hard links, all types, modes, owners, times, extended attributes and
 * ACLs. With -m, nothing is in them that only overlayfs, or only the filter overlay, takes for more
 * than it is. -p writes to FILE, in a random order, one a line: each path that is in some layer, and
 * for each one that is in none.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/xattr.h>

#include "paths.h"
#include "view.h"

#define MAX_DEPTH  4
#define MAX_LAYERS 12

static bool only_marks;
static uint64_t state;
static char link_source[8192]; /* a file of this layer, or empty */
static size_t top;	       /* where paths in this layer begin */

static unsigned int any(unsigned int below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned int)((state * 0x2545f4914f6cdd1dULL) >> 33) % below;
}

static bool one_in(unsigned int n)
{
	return any(n) == 0;
}

static const char *pick_name(unsigned int i)
{
	static char longest[256];
	static const char *const names[] = {
		"a", "b", "c", "d", "etc", ".hidden", ".wh.a", ".wh..wh..opq", "a b", "\303\244\n",
	};

	if (i < sizeof(names) / sizeof(*names))
		return only_marks && !strncmp(names[i], ".wh.", 4) ? names[i] + 1 : names[i];
	memset(longest, 'n', 255);
	return longest;
}

#define NAMES 11

static void check(int result, const char *path)
{
	if (result)
		fail(path);
}

static void make_file(const char *path)
{
	static char data[120000];
	const size_t word = sizeof(state);
	size_t size = one_in(20) ? any(sizeof(data)) : any(3000);
	int fd = open(path, O_CREAT | O_EXCL | O_WRONLY, 0600);
	off_t at = one_in(4) ? any(1 << 20) : 0;

	if (fd < 0)
		fail(path);
	for (size_t i = 0; i < size; i += word) {
		any(1);
		memcpy(data + i, &state, word);
	}
	if (pwrite(fd, data, size, at) != (ssize_t)size)
		fail(path);
	if (one_in(4))
		check(ftruncate(fd, (off_t)any(1 << 20)), path);
	close(fd);
}

static void make_socket(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	char dir[8192], *name;
	int here = open(".", O_RDONLY);

	/* The address has no room for a long path. */
	snprintf(dir, sizeof(dir), "%s", path);
	name = strrchr(dir, '/');
	*name++ = '\0';
	if (strlen(name) < sizeof(address.sun_path)) {
		strcpy(address.sun_path, name);
		check(chdir(dir), dir);
		check(bind(fd, (struct sockaddr *)&address, sizeof(address)), path);
		check(fchdir(here), ".");
	} else {
		check(mkfifo(path, 0600), path);
	}
	close(here);
	close(fd);
}

static void make_symlink(const char *path)
{
	char target[4000];
	size_t n = one_in(5) ? 60 + any(3000) : 1 + any(50);

	memset(target, 'x', n);
	target[n] = '\0';
	if (one_in(3))
		strcpy(target, "../a/b");
	check(symlink(target, path), path);
}

static void set(const char *path, const char *name, const void *value, size_t size)
{
	check(lsetxattr(path, name, value, size, 0), path);
}

/* An access ACL as it is kept in the extended attribute: for user 1000, and a mask. */
static void set_acl(const char *path, const char *name)
{
	static const struct {
		uint32_t version;
		struct {
			uint16_t tag, perm;
			uint32_t id;
		} e[5];
	} acl = {2, {{1, 6, ~0u}, {2, 5, 1000}, {4, 4, ~0u}, {16, 7, ~0u}, {32, 0, ~0u}}};

	set(path, name, &acl, sizeof(acl));
}

static void decorate(const char *path, mode_t type)
{
	static const mode_t modes[] = {0755, 0644, 0600, 0000, 0111, 04755, 02755, 01777, 0444};
	static const unsigned char caps[20] = {1, 0, 0, 2, 0, 4};
	struct timespec times[2] = {{any(2000000000), any(1000000000)},
				    {any(2000000000), any(1000000000)}};
	char value[200];

	memset(value, 'v', sizeof(value));
	if (one_in(3))
		check(lchown(path, any(3) * 500, any(3) * 500), path);
	if (!S_ISLNK(type))
		check(chmod(path, modes[any(sizeof(modes) / sizeof(*modes))]), path);
	if (one_in(6))
		set(path, "trusted.of", value, any(sizeof(value)));
	if (one_in(8))
		set(path, "trusted.overlay.own", value, 3);
	if (one_in(8) && !only_marks)
		set(path, "trusted.overlay.overlay.nested", value, 4);
	if ((S_ISREG(type) || S_ISDIR(type)) && one_in(4))
		set(path, "user.of", value, any(sizeof(value)));
	if (S_ISREG(type) && one_in(8))
		set(path, "security.capability", caps, sizeof(caps));
	if (!S_ISLNK(type) && one_in(6))
		set_acl(path, "system.posix_acl_access");
	if (S_ISDIR(type) && one_in(8))
		set_acl(path, "system.posix_acl_default");
	check(utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW), path);
}

static void fill(const char *dir, unsigned int depth);

static mode_t make_one(const char *path, unsigned int depth)
{
	unsigned int kind = any(100);

	if (kind < 40 && depth < MAX_DEPTH) {
		check(mkdir(path, 0700), path);
		fill(path, depth + 1);
		if (one_in(6))
			set(path, "trusted.overlay.opaque", one_in(6) ? "n" : "y", 1);
		return S_IFDIR;
	}
	if (kind < 55) {
		check(mknod(path, S_IFCHR, makedev(0, 0)), path);
		return 0;
	}
	if (kind < 62) {
		make_symlink(path);
		return S_IFLNK;
	}
	if (kind < 65) {
		check(mkfifo(path, 0600), path);
		return S_IFIFO;
	}
	if (kind < 67) {
		make_socket(path);
		return S_IFSOCK;
	}
	if (kind < 70) {
		check(mknod(path, S_IFCHR | 0600, makedev(1, 3)), path);
		return S_IFCHR;
	}
	if (kind < 72) {
		check(mknod(path, S_IFBLK | 0600, makedev(7, 200)), path);
		return S_IFBLK;
	}
	if (kind < 80 && link_source[0]) {
		check(link(link_source, path), path);
		return 0;
	}
	make_file(path);
	snprintf(link_source, sizeof(link_source), "%s", path);
	return S_IFREG;
}

static void fill(const char *dir, unsigned int depth)
{
	unsigned int share = 2 + any(3);

	for (unsigned int i = 0; i < NAMES; i++) {
		char *path;
		mode_t type;

		if (!one_in(share))
			continue;
		if (asprintf(&path, "%s/%s", dir, pick_name(i)) < 0)
			abort();
		paths_add(path + top);
		type = make_one(path, depth);
		if (type)
			decorate(path, type);
		free(path);
	}
}

static void make_layer(const char *dir, unsigned int number)
{
	char *path;
	int length = asprintf(&path, "%s/%u", dir, number);

	if (length < 0)
		abort();
	check(mkdir(path, 0755), path);
	link_source[0] = '\0';
	top = (size_t)length + 1;
	fill(path, 0);
	decorate(path, S_IFDIR);
	check(chmod(path, 0755), path);
	free(path);
}

int main(int argc, char **argv)
{
	const char *list = NULL;
	unsigned int n, i;
	int c;

	while ((c = getopt(argc, argv, "mp:")) != -1) {
		if (c == 'm')
			only_marks = true;
		else if (c == 'p')
			list = optarg;
		else
			return 2;
	}
	if (argc - optind != 2)
		return 2;
	state = strtoull(argv[optind], NULL, 10) * 0x9e3779b97f4a7c15ULL + 1;
	for (i = 0; i < 10; i++)
		any(2);
	umask(0);
	check(mkdir(argv[optind + 1], 0755), argv[optind + 1]);
	n = 1 + any(one_in(4) ? MAX_LAYERS : 4);
	for (i = 1; i <= n; i++)
		make_layer(argv[optind + 1], i);
	if (list)
		paths_write(list, any);
	printf("%u\n", n);
	return 0;
}
