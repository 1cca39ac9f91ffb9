// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ioctls DIRECTORY [NAME=PATH]...
 *
 * What the ioctls on the device promise, one property a test, in TAP. DIRECTORY is scratch space.
 * NAME=PATH gives a directory of a kind that this program can't make itself.
 */
#include <pthread.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "connection.h"
#include "tap.h"

#define MAX 500

static char **given;

static struct connection new_connection(uint32_t depth)
{
	struct connection c;

	must(connection_make(&c), "connection");
	must(answer_init(c.device, depth), "FUSE_INIT");
	return c;
}

static const char *find_given(const char *name)
{
	size_t n = strlen(name);

	for (char **g = given; *g; g++) {
		if (!strncmp(*g, name, n) && (*g)[n] == '=')
			return *g + n + 1;
	}
	return NULL;
}

static void test_features(void)
{
	struct {
		struct fuse_bpf_features known;
		uint64_t more;
	} long_arg = {.more = 1};
	struct fuse_bpf_features f;
	int device = open_device();

	memset(&f, 0xff, sizeof(f));
	expect("features need no connection", ioctl(device, FUSE_BPF_IOC_FEATURES, &f), 0);
	result(f.features == (FUSE_BPF_FEATURE_VIEWS | FUSE_BPF_FEATURE_FILTERS |
			      FUSE_BPF_FEATURE_WRITABLE | FUSE_BPF_FEATURE_DATA) &&
		       f.layers_max == MAX && !f.reserved,
	       "features are those of this kernel", "");
	expect("features: a short argument is refused",
	       ioctl(device, _IOR(FUSE_BPF_IOC_MAGIC, 0xb0, uint32_t), &f), EINVAL);
	expect("features: a long argument is filled with zeros",
	       ioctl(device, _IOR(FUSE_BPF_IOC_MAGIC, 0xb0, long_arg), &long_arg), 0);
	result(long_arg.known.layers_max == MAX && !long_arg.more, "features: and they are zeros",
	       "");
	expect("features: a bad address is refused", ioctl(device, FUSE_BPF_IOC_FEATURES, 1L),
	       EFAULT);
	close(device);
}

static void test_no_connection(const char *dir)
{
	int device = open_device();
	uint32_t id = 1;

	expect("a device without a connection takes no layer", add_layer(device, dir), EPERM);
	expect("a device without a connection drops no layer",
	       ioctl(device, FUSE_BPF_IOC_LAYER_DEL, &id), EPERM);
	expect("a device without a connection sets no view", set_view(device, &id, 1, 0), EPERM);
	close(device);
}

static void test_numbers(const char *dir)
{
	struct connection c = new_connection(1);
	struct fuse_bpf_layer_add arg = {.fd = open(dir, O_PATH)};

	expect("an unknown number is no ioctl",
	       ioctl(c.device, _IOW(FUSE_BPF_IOC_MAGIC, 0xb9, struct fuse_bpf_layer_add), &arg),
	       ENOTTY);
	expect("another direction is another ioctl",
	       ioctl(c.device, _IOWR(FUSE_BPF_IOC_MAGIC, 0xb1, struct fuse_bpf_layer_add), &arg),
	       ENOTTY);
	expect("another magic number is another ioctl",
	       ioctl(c.device, _IOW('x', 0xb1, struct fuse_bpf_layer_add), &arg), ENOTTY);
	close(arg.fd);
	connection_close(&c);
}

static void test_sizes(const char *dir)
{
	struct {
		struct fuse_bpf_layer_add known;
		uint64_t more;
	} arg = {.known.fd = open(dir, O_PATH)};
	struct connection c = new_connection(1);

	expect("a layer without fd and flags is refused",
	       ioctl(c.device, _IOW(FUSE_BPF_IOC_MAGIC, 0xb1, uint32_t), &arg), EINVAL);
	expect("a layer without more than fd and flags is taken",
	       ioctl(c.device, _IOW(FUSE_BPF_IOC_MAGIC, 0xb1, uint64_t), &arg), 0);
	expect("a longer layer with zeros is taken",
	       ioctl(c.device, _IOW(FUSE_BPF_IOC_MAGIC, 0xb1, arg), &arg), 0);
	arg.more = 1;
	expect("a longer layer with something in it is refused",
	       ioctl(c.device, _IOW(FUSE_BPF_IOC_MAGIC, 0xb1, arg), &arg), E2BIG);
	expect("a layer at a bad address is refused", ioctl(c.device, FUSE_BPF_IOC_LAYER_ADD, 1L),
	       EFAULT);
	arg.known.flags = 2;
	expect("a layer with an unknown flag is refused",
	       ioctl(c.device, FUSE_BPF_IOC_LAYER_ADD, &arg), EINVAL);
	arg.known.flags = 0;
	arg.known.reserved[1] = 1;
	expect("a layer with a reserved field is refused",
	       ioctl(c.device, FUSE_BPF_IOC_LAYER_ADD, &arg), EINVAL);
	close(arg.known.fd);
	connection_close(&c);
}

static void test_kinds(const char *dir)
{
	static const struct {
		const char *name;
		const char *property;
		int error;
	} kinds[] = {
		{"overlay", "a layer on a stacked file system is refused at depth 1", ELOOP},
		{"casefold", "a layer whose file system folds case is refused", EOPNOTSUPP},
		{"encrypted", "an encrypted directory is no layer", EOPNOTSUPP},
		{"unbindable", "a layer on an unbindable mount is refused", EINVAL},
	};
	struct connection c = new_connection(1);
	const char *path;
	char *file;
	int fd;

	expect("a bad fd is no layer", add_layer_fd(c.device, -1), EBADF);
	if (asprintf(&file, "%s/file", dir) < 0)
		abort();
	fd = open(file, O_CREAT | O_RDWR, 0600);
	expect("a file is no layer", add_layer_fd(c.device, fd), ENOTDIR);
	expect("the device is no layer", add_layer_fd(c.device, c.device), ENOTDIR);
	expect("the connection's own mount is no layer", add_layer_fd(c.device, c.mnt), ELOOP);
	close(fd);
	free(file);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		path = find_given(kinds[i].name);
		if (path)
			expect(kinds[i].property, add_layer(c.device, path), kinds[i].error);
	}
	fd = (int)syscall(SYS_open_tree, AT_FDCWD, dir, 1 /* OPEN_TREE_CLONE */);
	expect("a detached mount is no layer", add_layer_fd(c.device, fd), EINVAL);
	close(fd);
	connection_close(&c);

	path = find_given("overlay");
	if (path) {
		c = new_connection(2);
		expect("a layer on a stacked file system is taken at depth 2",
		       add_layer(c.device, path), 0);
		connection_close(&c);
	}
}

static int in_child(int (*f)(const struct connection *c, const char *dir),
		    const struct connection *c, const char *dir)
{
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(f(c, dir));
	waitpid(pid, &status, 0);
	errno = WEXITSTATUS(status);
	return errno ? -1 : 0;
}

/* Every ioctl, by the root of a user namespace of its own: EPERM if each of them says so. */
static int use_from_user_ns(const struct connection *c, const char *dir)
{
	struct fuse_bpf_filter_add filter = {.link_fd = -1, .id = "none"};
	uint32_t id = 1;

	if (unshare(CLONE_NEWUSER))
		return 255;
	if (add_layer(c->device, dir) >= 0 || errno != EPERM ||
	    ioctl(c->device, FUSE_BPF_IOC_LAYER_DEL, &id) >= 0 || errno != EPERM ||
	    ioctl(c->device, FUSE_BPF_IOC_FILTER_ADD, &filter) >= 0 || errno != EPERM ||
	    set_view(c->device, &id, 1, 0) >= 0)
		return 0;
	return errno;
}

static int add_from_mount_ns(const struct connection *c, const char *dir)
{
	int fd = open(dir, O_PATH);

	if (unshare(CLONE_NEWNS))
		return 255;
	return add_layer_fd(c->device, fd) < 0 ? errno : 0;
}

static int add_unprivileged(const struct connection *c, const char *dir)
{
	if (setresuid(1000, 1000, 1000))
		return 255;
	return add_layer(c->device, dir) < 0 ? errno : 0;
}

static int set_unprivileged(const struct connection *c, const char *dir)
{
	uint32_t id = 1;

	(void)dir;
	if (setresuid(1000, 1000, 1000))
		return 255;
	return set_view(c->device, &id, 1, 0) < 0 ? errno : 0;
}

static void test_rights(const char *dir)
{
	struct connection c = new_connection(1);

	must(add_layer(c.device, dir), "layer");
	expect("another user namespace changes nothing", in_child(use_from_user_ns, &c, dir),
	       EPERM);
	expect("an fd of another mount namespace is no layer", in_child(add_from_mount_ns, &c, dir),
	       EINVAL);
	expect("without CAP_SYS_ADMIN no layer is added", in_child(add_unprivileged, &c, dir),
	       EPERM);
	expect("without CAP_SYS_ADMIN no view is set", in_child(set_unprivileged, &c, dir), EPERM);
	connection_close(&c);
}

static void test_limits(const char *dir)
{
	struct connection c = new_connection(1);
	struct rlimit old, small;
	uint32_t id = 7;
	int i, fd = open(dir, O_PATH);

	for (i = 0; i < MAX && add_layer_fd(c.device, fd) == i + 1; i++)
		;
	result(i == MAX, "500 layers are taken, with ids from 1", "");
	expect("a 501st layer is refused", add_layer_fd(c.device, fd), EMFILE);
	expect("a layer is dropped", ioctl(c.device, FUSE_BPF_IOC_LAYER_DEL, &id), 0);
	expect("a layer is dropped once", ioctl(c.device, FUSE_BPF_IOC_LAYER_DEL, &id), ENOENT);
	result(add_layer_fd(c.device, fd) == 7, "the id of a dropped layer is used again", "");
	id = 0;
	expect("there is no layer 0", ioctl(c.device, FUSE_BPF_IOC_LAYER_DEL, &id), ENOENT);
	id = 501;
	expect("there is no layer 501", ioctl(c.device, FUSE_BPF_IOC_LAYER_DEL, &id), ENOENT);
	connection_close(&c);

	c = new_connection(1);
	must(getrlimit(RLIMIT_NOFILE, &old), "getrlimit");
	small = old;
	small.rlim_cur = 20;
	must(setrlimit(RLIMIT_NOFILE, &small), "setrlimit");
	for (i = 0; i < 20 && add_layer_fd(c.device, fd) > 0; i++)
		;
	result(i == 20, "as many layers are taken as files may be open", "");
	expect("and no more", add_layer_fd(c.device, fd), EMFILE);
	must(setrlimit(RLIMIT_NOFILE, &old), "setrlimit");
	close(fd);
	connection_close(&c);
}

static char *make_dir(const char *dir, const char *name)
{
	char *path;

	if (asprintf(&path, "%s/%s", dir, name) < 0)
		abort();
	if (mkdir(path, 0755) && errno != EEXIST)
		fail(path);
	return path;
}

static void test_view(const char *dir)
{
	struct connection c = new_connection(1);
	char *a = make_dir(dir, "a"), *b = make_dir(dir, "b"), *inner = make_dir(a, "inner");
	static const uint32_t twice[] = {1, 1}, none[] = {0}, missing[] = {1, 9};
	static const uint32_t nested[] = {3, 2, 1}, good[] = {2, 1};
	struct fuse_bpf_view_set arg = {.layers = (uintptr_t)good, .nr = 2, .reserved = {1}};
	uint32_t id = 1;

	expect("a view of layers that are not there is refused", set_view(c.device, good, 2, 0),
	       ENOENT);
	must(add_layer(c.device, a), a);
	must(add_layer(c.device, b), b);
	must(add_layer(c.device, inner), inner);
	expect("a view without layers is refused", set_view(c.device, good, 0, 0), EINVAL);
	expect("a view with two kinds of marks is refused", set_view(c.device, good, 2, 3), EINVAL);
	expect("a view with unknown flags is refused", set_view(c.device, good, 2, 8), EINVAL);
	expect("a view with too many layers is refused", set_view(c.device, good, 501, 0), E2BIG);
	expect("a view with layer 0 is refused", set_view(c.device, none, 1, 0), ENOENT);
	expect("a view with an unknown layer is refused", set_view(c.device, missing, 2, 0),
	       ENOENT);
	expect("a view with a layer twice is refused", set_view(c.device, twice, 2, 0), ELOOP);
	expect("a view with a layer in another is refused", set_view(c.device, nested, 3, 0),
	       ELOOP);
	expect("a view whose layers are at a bad address is refused",
	       set_view(c.device, (uint32_t *)8, 2, 0), EFAULT);
	expect("a view with a reserved field is refused",
	       ioctl(c.device, FUSE_BPF_IOC_VIEW_SET, &arg), EINVAL);
	expect("a view is set", set_view(c.device, good, 2, 0), 0);
	expect("a view is set once", set_view(c.device, good, 2, 0), EBUSY);
	expect("a set view gets no more layers", add_layer(c.device, a), EBUSY);
	expect("a set view keeps its layers", ioctl(c.device, FUSE_BPF_IOC_LAYER_DEL, &id), EBUSY);
	expect("a set view shows its layers", faccessat(c.mnt, "inner", F_OK, 0), 0);
	connection_close(&c);
	free(a);
	free(b);
	free(inner);
}

static void test_init(const char *dir)
{
	struct connection c;

	must(connection_make(&c), "connection");
	expect("before FUSE_INIT is answered no layer is taken", add_layer(c.device, dir),
	       EOPNOTSUPP);
	must(answer_init(c.device, 0), "FUSE_INIT");
	expect("a server without passthrough adds no layer", add_layer(c.device, dir), EOPNOTSUPP);
	connection_close(&c);
}

/* Answers everything with ENOENT until the connection ends. */
static void *serve(void *arg)
{
	const struct connection *c = arg;
	const struct fuse_in_header *in;

	while ((in = next_request(c->device)))
		answer_error(c->device, in, ENOENT);
	return NULL;
}

static void test_busy(const char *dir)
{
	struct connection c = new_connection(1);
	char *abort_path;
	struct statx st;
	uint32_t id;
	pthread_t thread;
	int fd;

	id = (uint32_t)add_layer(c.device, dir);
	pthread_create(&thread, NULL, serve, &c);
	faccessat(c.mnt, "name", F_OK, 0);
	expect("a root below which a name is known gets no view", set_view(c.device, &id, 1, 0),
	       EBUSY);
	must(statx(c.mnt, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, 0, &st), "statx");
	if (asprintf(&abort_path, "/sys/fs/%s/connections/%u/abort", fuse_type(),
		     st.stx_dev_minor) < 0)
		abort();
	fd = open(abort_path, O_WRONLY);
	must(fd, abort_path);
	must(write(fd, "1", 1), "abort");
	pthread_join(thread, NULL);
	expect("an aborted connection takes no layer", add_layer(c.device, dir), ENOTCONN);
	expect("an aborted connection gets no view", set_view(c.device, &id, 1, 0), ENOTCONN);
	close(fd);
	free(abort_path);
	connection_close(&c);
}

static void test_unmounted(const char *dir)
{
	struct connection c = new_connection(1);
	int device = dup(c.device);
	uint32_t id = 1;

	must(add_layer(c.device, dir), "layer");
	connection_close(&c);
	expect("an unmounted connection takes no layer", add_layer(device, dir), ENOTCONN);
	expect("an unmounted connection drops no layer", ioctl(device, FUSE_BPF_IOC_LAYER_DEL, &id),
	       ENOTCONN);
	expect("an unmounted connection gets no view", set_view(device, &id, 1, 0), ENOTCONN);
	close(device);
}

static void test_clone(const char *dir)
{
	struct connection c = new_connection(1);
	int clone = open_device();
	uint32_t old = (uint32_t)c.device;

	must(ioctl(clone, _IOR(229, 0, uint32_t), &old), "clone");
	expect("a second device of the connection takes layers", add_layer(clone, dir), 0);
	close(clone);
	connection_close(&c);
}

/* What a server writes is data, whatever the numbers in it mean to the server. */
static void test_write(const char *dir)
{
	struct connection c = new_connection(1);
	struct fuse_bpf_layer_add arg = {.fd = open(dir, O_PATH)};
	struct {
		struct fuse_out_header header;
		struct fuse_bpf_layer_add layer;
	} notify = {.header = {.len = sizeof(notify), .error = 0xb1}, .layer = arg};

	expect("a layer can't be added by a write",
	       write(c.device, &notify, sizeof(notify)) < 0 ? -1 : 0, EINVAL);
	close(arg.fd);
	connection_close(&c);
}

/* A view needs its server for nothing. */
static void test_server_death(const char *dir)
{
	struct connection c = new_connection(1);
	char *a = make_dir(dir, "served"), text[4] = "";
	uint32_t id;
	int fd;

	fd = openat(open(a, O_PATH), "file", O_CREAT | O_WRONLY, 0644);
	must(write(fd, "abc", 3), "write");
	close(fd);
	id = (uint32_t)add_layer(c.device, a);
	must(set_view(c.device, &id, 1, 0), "view");
	close(c.device);
	c.device = -1;
	fd = openat(c.mnt, "file", O_RDONLY);
	expect("files of a view are opened after its server's end", fd, 0);
	result(read(fd, text, 3) == 3 && !strcmp(text, "abc"), "and are read", text);
	expect("and names that don't exist are known not to", faccessat(c.mnt, "none", F_OK, 0),
	       ENOENT);
	expect("and nothing is written", openat(c.mnt, "file", O_WRONLY), EROFS);
	close(fd);
	connection_close(&c);
	free(a);
}

int main(int argc, char **argv)
{
	if (argc < 2)
		return 2;
	given = argv + 2;
	test_features();
	test_no_connection(argv[1]);
	test_numbers(argv[1]);
	test_sizes(argv[1]);
	test_kinds(argv[1]);
	test_rights(argv[1]);
	test_limits(argv[1]);
	test_view(argv[1]);
	test_init(argv[1]);
	test_busy(argv[1]);
	test_unmounted(argv[1]);
	test_clone(argv[1]);
	test_write(argv[1]);
	test_server_death(argv[1]);
	return tap_end();
}
