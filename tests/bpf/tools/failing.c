// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * failing MOUNTPOINT FILTER[,FILTER...] LAYER...
 *
 * Whatever can be done with a view is done again and again, each time with another of the kernel's
 * allocations for it failing: the first, the second and so on, until it is done without one that is
 * left to fail. That nothing breaks is seen in the kernel's log; here, each thing must work afterwards.
 * TAP. Of the layers, which are at least two, the first has dir/file, dir/white (removed),
 * single/white (removed) and this program as single/program. Needs a kernel with fault injection, and
 * the filters kept by `lamina filter load`.
 */
#include <dirent.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/fs.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include "connection.h"
#include "tap.h"

#define MOST 10000 /* allocations that one thing can take */

/* One thing: an act that gives 0 if it worked, and what goes before and after without failures. */
struct thing {
	const char *name;
	void (*before)(void);
	int (*act)(void);
	void (*after)(void);
};

static const char *target, *filters[8];
static char **layers;
static int n_layers, n_filters, fault = -1, dir = -1, fs = -1, mnt = -1;
static unsigned int try;
static struct connection connection;

static void fail_nth(unsigned int n)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", n);

	if (pwrite(fault, text, (size_t)len, 0) != len)
		fail("fail-nth");
}

/* Is there a failure left that was asked for? */
static bool left(void)
{
	char text[16] = "";

	if (pread(fault, text, sizeof(text) - 1, 0) < 0)
		fail("fail-nth");
	return atoi(text) != 0;
}

static void open_fault(void)
{
	fault = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	if (fault < 0)
		fail("/proc/thread-self/fail-nth");
}

static int add_layers(void)
{
	for (int i = 0; i < n_layers; i++) {
		int fd = open(layers[i], O_RDONLY | O_CLOEXEC), ret;

		ret = sys_fsconfig(fs, CFG_SET_FD, "root_dir", NULL, fd);
		close(fd);
		if (ret)
			return -1;
	}
	return 0;
}

static int add_filters(void)
{
	if (set_mount_option(fs, "cookie", "1"))
		return -1;
	for (int i = 0; i < n_filters; i++) {
		if (set_mount_option(fs, "filter", filters[i]))
			return -1;
	}
	return 0;
}

static int mount_view(void)
{
	fs = sys_fsopen(fuse_type());
	if (fs < 0 || set_mount_option(fs, "allow_other", NULL) ||
	    set_mount_option(fs, "no_daemon", NULL) || add_layers() || add_filters() ||
	    sys_fsconfig(fs, CFG_CREATE, NULL, NULL, 0))
		return -1;
	mnt = sys_fsmount(fs, 0);
	if (mnt < 0)
		return -1;
	return sys_move_mount(mnt, target);
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void unmount_view(void)
{
	close_fd(&dir);
	close_fd(&fs);
	close_fd(&mnt);
	/* It may not have been mounted. */
	umount2(target, MNT_DETACH);
}

static void need_view(void)
{
	if (mount_view())
		fail("mount");
	dir = open(target, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	must(dir, target);
}

static int unmount_it(void)
{
	close_fd(&dir);
	close_fd(&fs);
	close_fd(&mnt);
	return umount2(target, 0);
}

static int look_up(void)
{
	struct stat st;

	return fstatat(dir, "dir/file", &st, 0);
}

static int look_up_nothing(void)
{
	struct stat st;
	char name[32];

	/* Another each time, so that the layers don't know it yet. */
	snprintf(name, sizeof(name), "dir/none%u", try);
	return fstatat(dir, name, &st, 0) && errno == ENOENT ? 0 : -1;
}

static int list(const char *path, int expected)
{
	char buffer[4096];
	int fd = openat(dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), n = 0;
	long len;

	if (fd < 0)
		return -1;
	/* readdir of the C library allocates, too. */
	while ((len = syscall(SYS_getdents64, fd, buffer, sizeof(buffer))) > 0) {
		for (long at = 0; at < len; at += *(unsigned short *)(buffer + at + 16))
			n++;
	}
	close(fd);
	return len < 0 || n < expected ? -1 : 0;
}

static int list_merged(void)
{
	return list("dir", 3);
}

static int list_single(void)
{
	return list("single", 3);
}

static int use_file(void)
{
	int fd = openat(dir, "dir/file", O_RDONLY | O_CLOEXEC), pipes[2] = {-1, -1};
	char text[16];
	void *address;
	int ret = -1;

	if (fd < 0)
		return -1;
	address = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	if (address != MAP_FAILED && read(fd, text, sizeof(text)) > 0 &&
	    lseek(fd, 0, SEEK_END) > 0 && posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL) == 0 &&
	    fsync(fd) == 0 && pipe(pipes) == 0 && lseek(fd, 0, SEEK_SET) == 0 &&
	    splice(fd, NULL, pipes[1], NULL, 4, 0) > 0)
		ret = 0;
	if (address != MAP_FAILED)
		munmap(address, 4096);
	close_fd(&pipes[0]);
	close_fd(&pipes[1]);
	close(fd);
	return ret;
}

static int use_attributes(void)
{
	int fd = openat(dir, "dir/file", O_RDONLY | O_CLOEXEC), flags, ret = -1;
	struct statfs stfs;
	char value[64];

	if (fd < 0)
		return -1;
	if (fgetxattr(fd, "user.x", value, sizeof(value)) > 0 && flistxattr(fd, value, 0) >= 0 &&
	    (fgetxattr(fd, "system.posix_acl_access", value, sizeof(value)) > 0 ||
	     errno == ENODATA) &&
	    ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0 && fstatfs(fd, &stfs) == 0 &&
	    readlinkat(dir, "link", value, sizeof(value)) > 0)
		ret = 0;
	close(fd);
	return ret;
}

/* exec of this very program, which says by its status whether a failure is left. */
enum { LEFT = 10, NONE_LEFT, NOT_STARTED };

static int say_left(void)
{
	open_fault();
	return left() ? LEFT : NONE_LEFT;
}

static void start_program(unsigned int n)
{
	char *argv[] = {(char *)(uintptr_t)"program", NULL};

	open_fault();
	fail_nth(n);
	syscall(SYS_execveat, dir, "single/program", argv, environ, 0);
	_exit(NOT_STARTED);
}

static bool execute(unsigned int n, bool *ret_left)
{
	int status;
	pid_t pid = fork();

	must(pid, "fork");
	if (pid == 0)
		start_program(n);
	must(waitpid(pid, &status, 0), "waitpid");
	/* The kernel kills it where it can't go back. */
	*ret_left = WIFEXITED(status) && WEXITSTATUS(status) == LEFT;
	return *ret_left || (WIFEXITED(status) && WEXITSTATUS(status) == NONE_LEFT);
}

static void make_connection(void)
{
	if (connection_make(&connection) || answer_init(connection.device, 2))
		fail("connection");
}

static int make_server(void)
{
	if (connection_make(&connection))
		return -1;
	/* Who waits for a first request that couldn't be made is never woken. */
	if (fcntl(connection.device, F_SETFL, O_NONBLOCK))
		return -1;
	return answer_init(connection.device, 2);
}

static void end_connection(void)
{
	connection_close(&connection);
	connection.device = connection.fs = connection.mnt = -1;
}

static int set_by_ioctls(void)
{
	struct fuse_bpf_filter_add filter = {.link_fd = -1, .cookie = 1};
	uint32_t ids[8];
	struct stat st;

	for (int i = 0; i < n_layers; i++) {
		int id = add_layer(connection.device, layers[i]);

		if (id < 0)
			return -1;
		ids[i] = (uint32_t)id;
	}
	for (int i = 0; i < n_filters; i++) {
		snprintf(filter.id, sizeof(filter.id), "%s", filters[i]);
		if (ioctl(connection.device, FUSE_BPF_IOC_FILTER_ADD, &filter))
			return -1;
	}
	if (set_view(connection.device, ids, (uint32_t)n_layers, 0))
		return -1;
	return fstatat(connection.mnt, "dir/file", &st, 0);
}

static int read_file(const char *path)
{
	char text[4096];
	int fd = open(path, O_RDONLY | O_CLOEXEC), ret;

	if (fd < 0)
		return -1;
	ret = read(fd, text, sizeof(text)) > 0 ? 0 : -1;
	close(fd);
	return ret;
}

static int read_control(void)
{
	char path[64];
	struct stat st;

	if (fstat(dir, &st))
		return -1;
	snprintf(path, sizeof(path), "/sys/fs/%s/connections/%u/view", fuse_type(),
		 (unsigned int)st.st_dev);
	return read_file(path) ?: read_file("/proc/self/mountinfo");
}

static int call_bpf(int cmd, union bpf_attr *attr)
{
	return (int)syscall(SYS_bpf, cmd, attr, sizeof(*attr));
}

/* Tells all views that a filter has changed, as if it had. */
static int update_filter(const char *filter)
{
	struct bpf_link_info info = {0};
	union bpf_attr attr = {0};
	char path[64];
	int link, map, ret = -1;

	snprintf(path, sizeof(path), "/sys/fs/bpf/lamina/%s/link", filter);
	attr.pathname = (uintptr_t)path;
	link = call_bpf(BPF_OBJ_GET, &attr);
	if (link < 0)
		return -1;
	memset(&attr, 0, sizeof(attr));
	attr.info.bpf_fd = (uint32_t)link;
	attr.info.info = (uintptr_t)&info;
	attr.info.info_len = sizeof(info);
	if (call_bpf(BPF_OBJ_GET_INFO_BY_FD, &attr) == 0) {
		memset(&attr, 0, sizeof(attr));
		attr.map_id = info.struct_ops.map_id;
		map = call_bpf(BPF_MAP_GET_FD_BY_ID, &attr);
		memset(&attr, 0, sizeof(attr));
		attr.link_update.link_fd = (uint32_t)link;
		attr.link_update.new_map_fd = (uint32_t)map;
		if (map >= 0)
			ret = call_bpf(BPF_LINK_UPDATE, &attr);
		close_fd(&map);
	}
	close(link);
	return ret;
}

static int update_filters(void)
{
	struct stat st;

	for (int i = 0; i < n_filters; i++) {
		if (update_filter(filters[i]))
			return -1;
	}
	/* All is asked for again, from the root down. */
	return fstatat(dir, "dir/file", &st, 0);
}

static const struct thing things[] = {
	{"mounting a view", NULL, mount_view, unmount_view},
	{"unmounting it", need_view, unmount_it, unmount_view},
	{"looking up a name", need_view, look_up, unmount_view},
	{"looking up what isn't there", need_view, look_up_nothing, unmount_view},
	{"listing a merged directory", need_view, list_merged, unmount_view},
	{"listing a directory of one layer", need_view, list_single, unmount_view},
	{"opening, reading and mapping a file", need_view, use_file, unmount_view},
	{"reading attributes", need_view, use_attributes, unmount_view},
	{"executing a program", need_view, NULL, unmount_view},
	{"describing the view", need_view, read_control, unmount_view},
	{"updating filters", need_view, update_filters, unmount_view},
	{"making a server's mount", NULL, make_server, end_connection},
	{"setting a server's view", make_connection, set_by_ioctls, end_connection},
};

/* One attempt, in which allocation number @n fails. Did it work, and is the failure left? */
static bool attempt(const struct thing *thing, unsigned int n, bool *ret_left)
{
	bool worked;

	if (thing->before)
		thing->before();
	if (thing->act) {
		fail_nth(n);
		worked = thing->act() == 0;
		*ret_left = left();
		fail_nth(0);
	} else {
		worked = execute(n, ret_left);
	}
	thing->after();
	return worked;
}

static void run(const struct thing *thing)
{
	char detail[128];
	bool worked, unused = false;
	unsigned int failed = 0;

	for (try = 1; try < MOST; try++) {
		worked = attempt(thing, try, &unused);
		if (unused)
			break;
		failed += !worked;
	}
	snprintf(detail, sizeof(detail), "%s: each of %u allocations failed once, and it %u times",
		 thing->name, try - 1, failed);
	result(unused && worked && try > 1, detail, "it didn't work without a failure");
}

int main(int argc, char **argv)
{
	char *list;

	if (argc == 1)
		return say_left();
	if (argc < 5)
		return 2;
	target = argv[1];
	for (list = strtok(argv[2], ","); list && n_filters < 8; list = strtok(NULL, ","))
		filters[n_filters++] = list;
	layers = argv + 3;
	n_layers = argc - 3;
	if (n_layers > 8)
		return 2;
	connection.device = connection.fs = connection.mnt = -1;
	open_fault();
	for (size_t i = 0; i < sizeof(things) / sizeof(*things); i++)
		run(&things[i]);
	return tap_end();
}
