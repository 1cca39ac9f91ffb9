// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * serve [OPTION]... MOUNTPOINT UPPER WORK LOWER...
 *
 * Mounts a writable view and answers its upcalls, in the background, until the view is unmounted. It
 * does on disk what <linux/fuse_upcall.h> asks for in the plainest way: one thread, path names.
 *
 *	-a		don't mount; become the server of the view that is mounted there
 *	-r		with -a: replace its server
 *	-w SECONDS	how long the view waits for a server (0)
 *	-m MARKS	trusted, none (trusted)
 *	-f FILTER	name of a filter, which is given the cookie 1; may be repeated
 *	-l FILE		append a line for each upcall
 *	-c FILE		before each upcall, read what to do instead: lines "KIND ACTION [NUMBER]"
 *			die: end before acting; act-die: act, and end before answering; error N; retry;
 *			lie: answer DONE without acting; hang: wait until the line is gone
 */
#include <dirent.h>
#include <limits.h>
#include <sys/file.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include <linux/fuse_upcall.h>

#include "connection.h"
#include "disk.h"

static const char *const kinds[] = {
	[FUSE_UPCALL_COPY_UP] = "COPY_UP", [FUSE_UPCALL_WHITEOUT] = "WHITEOUT",
	[FUSE_UPCALL_MAKE] = "MAKE",	   [FUSE_UPCALL_RENAME] = "RENAME",
	[FUSE_UPCALL_JOIN] = "JOIN",
};

static const char *log_path, *control_path;
static const char *filters[8];
static unsigned int n_filters, wait_seconds, marks = FUSE_VIEW_MARKS_TRUSTED;

static int act(const struct fuse_upcall_in *in, const char *path, const char *text)
{
	switch (in->kind) {
	case FUSE_UPCALL_COPY_UP:
		return disk_copy_up(path, in->layer, (off_t)in->size);
	case FUSE_UPCALL_WHITEOUT:
		return disk_whiteout(path);
	case FUSE_UPCALL_MAKE:
		return disk_make(path, in, text);
	case FUSE_UPCALL_RENAME:
		return disk_raise_tree(path);
	case FUSE_UPCALL_JOIN:
		return disk_join(path);
	default:
		return -ENOSYS;
	}
}

/* What the control file says of this kind of upcall; "" for nothing. */
static void read_control(const char *kind, char action[16], int *ret_number)
{
	FILE *file = control_path ? fopen(control_path, "r") : NULL;
	char line[128], name[16];

	*action = '\0';
	*ret_number = 0;
	while (file && !*action && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%15s %15s %d", name, action, ret_number) < 2 ||
		    strcmp(name, kind))
			*action = '\0';
	}
	if (file)
		fclose(file);
}

static int handle(const struct fuse_in_header *header)
{
	const struct fuse_upcall_in *in = (const void *)(header + 1);
	const char *path = (const char *)(in + 1), *text = path + in->path_len;
	const char *kind = in->kind <= FUSE_UPCALL_JOIN ? kinds[in->kind] : "?";
	char action[16];
	int number, ret;
	FILE *log;

	log = log_path ? fopen(log_path, "a") : NULL;
	if (log) {
		fprintf(log, "%s %s%s%s%s\n", kind, path, in->text_len ? " " : "",
			in->text_len ? text : "", header->unique >> 63 ? " again" : "");
		fclose(log);
	}
	for (;;) {
		read_control(kind, action, &number);
		if (strcmp(action, "hang"))
			break;
		usleep(20000);
	}
	if (!strcmp(action, "die"))
		_exit(0);
	if (!strcmp(action, "error"))
		return -number;
	if (!strcmp(action, "retry"))
		return FUSE_UPCALL_RETRY;
	if (!strcmp(action, "lie"))
		return FUSE_UPCALL_DONE;
	ret = act(in, path, in->text_len ? text : NULL);
	if (!strcmp(action, "act-die"))
		_exit(0);
	return ret;
}

static void answer(int device, const struct fuse_in_header *header, int ret)
{
	struct {
		struct fuse_out_header header;
		struct fuse_upcall_out out;
	} reply = {
		.header = {.unique = header->unique, .error = ret < 0 ? ret : 0},
		.out = {.answer = ret > 0 ? (uint32_t)ret : 0},
	};

	reply.header.len = ret < 0 ? sizeof(reply.header) : sizeof(reply);
	if (write(device, &reply, reply.header.len) < 0 && errno != ENOENT)
		fail("answer");
}

static void serve(int device)
{
	const struct fuse_in_header *header;

	while ((header = next_request(device))) {
		if (header->opcode == FUSE_UPCALL)
			answer(device, header, handle(header));
		else if (header->opcode != FUSE_INTERRUPT)
			answer_error(device, header, ENOSYS);
	}
}

static void add(int device, const char *path, uint32_t flags, uint32_t *ret_id)
{
	struct fuse_bpf_layer_add arg = {.fd = open(path, O_PATH | O_CLOEXEC), .flags = flags};
	int id = ioctl(device, FUSE_BPF_IOC_LAYER_ADD, &arg);

	must(id, path);
	*ret_id = (uint32_t)id;
	close(arg.fd);
}

static int mount_view(char **argv, int argc)
{
	struct fuse_bpf_view_set set = {
		.flags = marks | FUSE_VIEW_WRITABLE,
		.index = disk.index,
		.work = disk.work,
		.wait = wait_seconds,
		.own = DISK_OWN,
		.opaque = DISK_OPAQUE,
	};
	struct connection c;
	uint32_t ids[501];

	must(connection_make(&c), "connection");
	must(answer_init(c.device, 1), "FUSE_INIT");
	add(c.device, argv[1], FUSE_LAYER_UPPER, &ids[set.nr++]);
	for (int i = 3; i < argc; i++)
		add(c.device, argv[i], 0, &ids[set.nr++]);
	for (unsigned int i = 0; i < n_filters; i++) {
		struct fuse_bpf_filter_add filter = {.link_fd = -1, .cookie = 1};

		snprintf(filter.id, sizeof(filter.id), "%s", filters[i]);
		must(ioctl(c.device, FUSE_BPF_IOC_FILTER_ADD, &filter), filters[i]);
	}
	set.layers = (uintptr_t)ids;
	must(ioctl(c.device, FUSE_BPF_IOC_VIEW_SET, &set), "view");
	must(sys_move_mount(c.mnt, argv[0]), argv[0]);
	close(c.fs);
	close(c.mnt);
	return c.device;
}

static int attach(const char *mountpoint, uint32_t flags)
{
	struct fuse_bpf_attach arg = {.fd = open(mountpoint, O_PATH | O_CLOEXEC), .flags = flags};
	int device = open_device();

	must(ioctl(device, FUSE_BPF_IOC_ATTACH, &arg), "attach");
	close(arg.fd);
	return device;
}

/* The server works in the root directory. */
static const char *absolute(const char *path)
{
	char cwd[PATH_MAX], *ret;

	if (*path == '/' || !getcwd(cwd, sizeof(cwd)))
		return path;
	return asprintf(&ret, "%s/%s", cwd, path) < 0 ? path : ret;
}

static void go_to_background(void)
{
	int null = open("/dev/null", O_RDWR);

	if (fork())
		_exit(0);
	setsid();
	for (int i = 0; i < 3; i++)
		dup2(null, i);
	must(chdir("/"), "/");
}

int main(int argc, char **argv)
{
	bool attaching = false;
	uint32_t flags = 0;
	int c, device;

	while ((c = getopt(argc, argv, "arw:m:f:l:c:")) != -1) {
		if (c == 'a')
			attaching = true;
		else if (c == 'r')
			flags = FUSE_ATTACH_REPLACE;
		else if (c == 'w')
			wait_seconds = (unsigned int)strtoul(optarg, NULL, 0);
		else if (c == 'm')
			marks = strcmp(optarg, "none") ? FUSE_VIEW_MARKS_TRUSTED : 0;
		else if (c == 'f' && n_filters < 8)
			filters[n_filters++] = optarg;
		else if (c == 'l')
			log_path = absolute(optarg);
		else if (c == 'c')
			control_path = absolute(optarg);
		else
			return 2;
	}
	argv += optind;
	argc -= optind;
	if (argc < 4)
		return 2;
	umask(0);
	disk_open(argv + 1, (unsigned int)argc - 1);
	device = attaching ? attach(argv[0], flags) : mount_view(argv, argc);
	go_to_background();
	/* Only one may change the upper at a time. */
	must(flock(disk.index, LOCK_EX), "lock");
	serve(device);
	return 0;
}
