// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * linked MOUNTPOINT LAYER LINK: mounts a view whose filter is given by the file of a kept link.
 * linked -s MOUNTPOINT LAYER FILTER: as a server, by ioctls, and checks on the way what they refuse.
 */
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include <linux/fuse_bpf.h>

#include "connection.h"
#include "view.h"

static int open_link(const char *path)
{
	union bpf_attr attr;
	int fd;

	memset(&attr, 0, sizeof(attr));
	attr.pathname = (uintptr_t)path;
	fd = (int)syscall(SYS_bpf, BPF_OBJ_GET, &attr, sizeof(attr));
	/* Any other file will do for what must be refused. */
	return fd >= 0 ? fd : open(path, O_RDONLY | O_CLOEXEC);
}

static void check(int result, const char *what)
{
	if (result < 0)
		fail(what);
}

static int without_server(char **argv)
{
	int fs = sys_fsopen(fuse_type()), layer = open(argv[1], O_RDONLY | O_CLOEXEC);
	int link = open_link(argv[2]), mnt;

	check(fs, "fsopen");
	check(layer, argv[1]);
	check(link, argv[2]);
	check(sys_fsconfig(fs, CFG_SET_FD, "root_dir", NULL, layer), "root_dir");
	check(sys_fsconfig(fs, CFG_SET_FD, "filter_link", NULL, link), "filter_link");
	check(sys_fsconfig(fs, CFG_SET_FLAG, "no_daemon", NULL, 0), "no_daemon");
	check(sys_fsconfig(fs, CFG_CREATE, NULL, NULL, 0), "create");
	mnt = sys_fsmount(fs, 0);
	check(mnt, "fsmount");
	check(sys_move_mount(mnt, argv[0]), "move_mount");
	return 0;
}

static int add_filter(const struct connection *c, const char *id, int link_fd, uint32_t flags)
{
	struct fuse_bpf_filter_add arg = {.link_fd = link_fd, .flags = flags, .cookie = 5};

	memcpy(arg.id, id, strnlen(id, sizeof(arg.id)));
	return ioctl(c->device, FUSE_BPF_IOC_FILTER_ADD, &arg);
}

static void expect(int result, int expected, const char *what)
{
	if (result == -1 && errno == expected)
		return;
	if (result != -1)
		errno = 0;
	fail(what);
}

/* A FILTER_ADD with an argument of another size, zero behind @id's. */
static int add_sized(const struct connection *c, const char *id, unsigned int size, char last)
{
	char arg[128] = {0};
	struct fuse_bpf_filter_add *known = (struct fuse_bpf_filter_add *)arg;

	known->link_fd = -1;
	snprintf(known->id, sizeof(known->id), "%s", id);
	arg[size - 1] = last;
	return ioctl(c->device, _IOC(_IOC_WRITE, FUSE_BPF_IOC_MAGIC, 0xb4, size), arg);
}

static void refuse_sizes(const struct connection *c)
{
	struct fuse_bpf_filter_add arg = {.link_fd = -1, .id = "nobody", .reserved = {0, 1}};

	expect(add_sized(c, "nobody", 8, 0), EINVAL, "too short");
	expect(add_sized(c, "nobody", 32, 0), ENOENT, "the least that there must be");
	expect(add_sized(c, "nobody", 96, 0), ENOENT, "longer, with zeros");
	expect(add_sized(c, "nobody", 96, 1), E2BIG, "longer, with something in it");
	expect(ioctl(c->device, FUSE_BPF_IOC_FILTER_ADD, &arg), EINVAL, "a reserved field");
	expect(ioctl(c->device, FUSE_BPF_IOC_FILTER_ADD, 1UL), EFAULT, "a bad address");
}

static void add_filters(const struct connection *c, const char *id)
{
	int other = open("/", O_RDONLY | O_CLOEXEC);

	refuse_sizes(c);
	expect(add_filter(c, id, -1, 1), EINVAL, "unknown flags");
	expect(add_filter(c, id, other, 0), EINVAL, "both a name and a link");
	expect(add_filter(c, "0123456789abcdef", -1, 0), EINVAL, "a name without an end");
	expect(add_filter(c, "", 9999, 0), EBADF, "no such fd");
	expect(add_filter(c, "", other, 0), EINVAL, "no link");
	expect(add_filter(c, "nobody", -1, 0), ENOENT, "no such filter");
	check(add_filter(c, id, -1, 0), id);
	expect(add_filter(c, id, -1, 0), EEXIST, "twice");
	close(other);
}

static int with_server(char **argv)
{
	struct connection c;
	struct stat st;
	uint32_t id;

	check(connection_make(&c), "connection");
	check(answer_init(c.device, 1), "FUSE_INIT");
	id = (uint32_t)add_layer(c.device, argv[1]);
	check((int)id, argv[1]);
	add_filters(&c, argv[2]);
	check(set_view(c.device, &id, 1, 0), "VIEW_SET");
	expect(add_filter(&c, "nobody", -1, 0), EBUSY, "after VIEW_SET");
	check(fstatat(c.mnt, "pass", &st, 0), "pass");
	expect(fstatat(c.mnt, "hide", &st, 0), ENOENT, "hide");
	check(sys_move_mount(c.mnt, argv[0]), "move_mount");
	connection_close(&c);
	check(connection_make(&c), "connection");
	check(answer_init(c.device, 1), "FUSE_INIT");
	close(c.fs);
	close(c.mnt);
	expect(add_filter(&c, argv[2], -1, 0), ENOTCONN, "after the unmount");
	close(c.device);
	return 0;
}

int main(int argc, char **argv)
{
	bool server = argc == 5 && !strcmp(argv[1], "-s");

	if (argc != 4 && !server)
		return 2;
	return server ? with_server(argv + 2) : without_server(argv + 1);
}
