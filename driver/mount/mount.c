// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Mounting and unmounting. One thread, at the start and the end of the daemon.
 */
#include "mount/mount.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/calls.h"
#include "base/cleanup.h"
#include "base/fd.h"
#include "base/mntns.h"
#include "mount/call.h"
#include "mount/daemon.h"

#define FUSE_DEVICE "/dev/fuse"

static errint_t open_directory(int at, const char *target)
{
	int fd = openat(at, target, O_PATH | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/*
 * A daemon that was killed leaves a mount on which nothing works, and on which nothing can be mounted.
 * Takes it away; returns whether there was one.
 */
static bool clear_dead_mount(int fd)
{
	_cleanup_free_ char *path = NULL;
	struct statfs fs;

	if (fstatfs(fd, &fs) == 0 || errno != ENOTCONN)
		return false;
	return lamina_fd_where(fd, &path) == 0 && umount2(path, MNT_DETACH) == 0;
}

static errint_t open_target(struct lamina_mount *m, int at, const char *target,
			    struct lamina_error *error)
{
	errint_t err = m->target_fd = open_directory(at, target);

	if (err >= 0 && clear_dead_mount(m->target_fd)) {
		lamina_cleanup_fd(&m->target_fd);
		err = m->target_fd = open_directory(at, target);
	}
	if (err < 0)
		return lamina_error_set(error, err, "cannot open the mountpoint '%s'", target);
	err = lamina_fd_where(m->target_fd, &m->target);
	return err < 0 ? lamina_error_set(error, err, "cannot resolve the mountpoint '%s'", target)
		       : 0;
}

static errint_t open_device(struct lamina_mount *m, struct lamina_error *error)
{
	m->device = open(FUSE_DEVICE, O_RDWR | O_CLOEXEC);
	if (m->device >= 0)
		return 0;
	if (errno == ENOENT || errno == ENODEV || errno == ENXIO)
		return lamina_error_set(error, -errno,
					"cannot open " FUSE_DEVICE
					"; this kernel has no FUSE, or its module is not loaded");
	return lamina_error_set(error, -errno,
				"cannot open " FUSE_DEVICE "; an ordinary user needs mode 0666");
}

/* ---- the mount API ---- */

static errint_t set_string(int fs, const char *key, const char *value)
{
	return fsconfig(fs, FSCONFIG_SET_STRING, key, value, 0) < 0 ? -errno : 0;
}

static errint_t set_number(int fs, const char *key, const char *format, unsigned int value)
{
	char text[16];

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(text, sizeof(text), format, value);
#pragma GCC diagnostic pop
	return set_string(fs, key, text);
}

static errint_t set_flag(int fs, const char *key)
{
	return fsconfig(fs, FSCONFIG_SET_FLAG, key, NULL, 0) < 0 ? -errno : 0;
}

const char *mount_context(const struct lamina_mount_spec *spec)
{
	return access("/sys/fs/selinux/enforce", F_OK) == 0 ? spec->context : NULL;
}

static errint_t configure(int fs, int device, const struct lamina_mount_spec *spec)
{
	errint_t err = set_string(fs, "source", spec->source);

	if (err == 0)
		err = set_string(fs, "subtype", MOUNT_SUBTYPE);
	if (err == 0)
		err = set_number(fs, "fd", "%u", (unsigned int)device);
	if (err == 0)
		err = set_number(fs, "rootmode", "%o", spec->root_mode & S_IFMT);
	if (err == 0)
		err = set_number(fs, "user_id", "%u", geteuid());
	if (err == 0)
		err = set_number(fs, "group_id", "%u", getegid());
	if (err == 0)
		err = set_flag(fs, "default_permissions");
	if (err == 0 && spec->allow_other)
		err = set_flag(fs, "allow_other");
	if (err == 0 && mount_context(spec))
		err = set_string(fs, "context", mount_context(spec));
	if (err == 0 && spec->read_only)
		err = set_flag(fs, "ro");
	if (err == 0 && fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		err = -errno;
	return err;
}

static errint_t mount_by_api(struct lamina_mount *m, int fs, const struct lamina_mount_spec *spec,
			     struct lamina_error *error)
{
	uint64_t attrs = spec->attrs | (spec->read_only ? MOUNT_ATTR_RDONLY : 0);
	errint_t err = open_device(m, error);

	if (err < 0)
		return err;
	err = configure(fs, m->device, spec);
	if (err < 0)
		return lamina_error_set(error, err, "cannot make the FUSE mount for '%s'",
					spec->target);
	m->mount_fd = fsmount(fs, FSMOUNT_CLOEXEC, (unsigned int)attrs);
	if (m->mount_fd < 0)
		return lamina_error_set(error, -errno, "cannot make the FUSE mount for '%s'",
					spec->target);
	return 0;
}

/* ---- fusermount3 ---- */

static errint_t receive_fd(int socket)
{
	char byte;
	struct iovec data = {&byte, 1};
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct msghdr message = {
		.msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	const struct cmsghdr *c;
	int fd;

	if (recvmsg(socket, &message, MSG_CMSG_CLOEXEC) <= 0)
		return -EIO;
	c = CMSG_FIRSTHDR(&message);
	if (!c || c->cmsg_type != SCM_RIGHTS || c->cmsg_len != CMSG_LEN(sizeof(fd)))
		return -EIO;
	memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	return fd;
}

static void exec_fusermount(int socket, const char *options, const char *target)
{
	char number[16];

	snprintf(number, sizeof(number), "%d", socket);
	setenv("_FUSE_COMMFD", number, 1);
	fcntl(socket, F_SETFD, 0);
	execlp("fusermount3", "fusermount3", "-o", options, "--", target, NULL);
	fprintf(stderr, "lamina-mount: cannot run fusermount3: %s\n", strerror(errno));
	_exit(127);
}

static errint_t fusermount_options(const struct lamina_mount_spec *spec, char **ret)
{
	int length = asprintf(ret, "fsname=%s,subtype=" MOUNT_SUBTYPE ",default_permissions%s%s",
			      spec->source, spec->allow_other ? ",allow_other" : "",
			      spec->read_only ? ",ro" : "");

	return length < 0 ? -ENOMEM : 0;
}

static errint_t mount_by_helper(struct lamina_mount *m, const struct lamina_mount_spec *spec,
				struct lamina_error *error)
{
	_cleanup_free_ char *options = NULL;
	_cleanup_fd_ int ours = -1, theirs = -1;
	int sockets[2], status = 0;
	errint_t err = fusermount_options(spec, &options);
	pid_t child;

	if (err == 0 && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) < 0)
		err = -errno;
	if (err < 0)
		return lamina_error_set(error, err, "cannot talk to fusermount3");
	ours = sockets[0];
	theirs = sockets[1];
	child = fork();
	if (child < 0)
		return lamina_daemon_no_process(error, -errno, "run fusermount3");
	if (child == 0)
		exec_fusermount(theirs, options, m->target);
	lamina_cleanup_fd(&theirs);
	m->device = receive_fd(ours);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	m->early = m->device >= 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
	if (m->early)
		return 0;
	return lamina_error_say(error, -EPERM, "fusermount3 could not mount on '%s'", spec->target);
}

/* ---- sandboxes ---- */

/*
 * The mount API is refused to us by something that is not the kernel: that may not know the call, and
 * know mount(2); or it wants nobody to mount.
 */
static errint_t mount_in_sandbox(struct lamina_mount *m, const struct lamina_mount_spec *spec,
				 const char *refused, struct lamina_error *error)
{
	errint_t err = open_device(m, error);

	if (err < 0)
		return err;
	err = mount_by_call(m, spec);
	if (err == 0) {
		m->early = true;
		return 0;
	}
	lamina_cleanup_fd(&m->device);
	if (mount_by_helper(m, spec, error) == 0)
		return 0;
	return lamina_error_say(error, err,
				"cannot mount on '%s': %s(2) and mount(2) are refused here, though "
				"this process has CAP_SYS_ADMIN; allow one of them in the sandbox "
				"(seccomp), or mount in a mount namespace of your own",
				spec->target, refused);
}

/* ---- */

/* "/dev/fd/N": mount.fuse3 has opened the device and mounted already. */
static bool is_mounted_device(const char *target, int *ret_fd)
{
	int end = 0;

	return sscanf(target, "/dev/fd/%d%n", ret_fd, &end) == 1 && !target[end];
}

static errint_t prepare(struct lamina_mount *m, const struct lamina_mount_spec *spec,
			struct lamina_error *error)
{
	const char *refused = lamina_call_refused_mounting();
	_cleanup_fd_ int fs = -1;
	errint_t err;

	if (is_mounted_device(spec->target, &m->device))
		return 0;
	err = open_target(m, spec->at, spec->target, error);
	if (err < 0)
		return err;
	if (refused)
		return mount_in_sandbox(m, spec, refused, error);
	fs = fsopen("fuse", FSOPEN_CLOEXEC);
	if (fs < 0 && (errno == EPERM || errno == ENOSYS))
		return mount_by_helper(m, spec, error);
	if (fs < 0)
		return lamina_error_set(error, -errno, "this kernel does not know FUSE");
	return mount_by_api(m, fs, spec, error);
}

errint_t lamina_mount_open_target(struct lamina_mount *ret, int at, const char *target,
				  struct lamina_error *error)
{
	struct lamina_mount m = {.device = -1, .mount_fd = -1, .target_fd = -1};
	errint_t err = open_target(&m, at, target, error);

	if (err < 0) {
		lamina_mount_done(&m);
		return err;
	}
	*ret = m;
	return 0;
}

errint_t lamina_mount_prepare(struct lamina_mount *ret, const struct lamina_mount_spec *spec,
			      struct lamina_error *error)
{
	struct lamina_mount m = {.device = -1, .mount_fd = -1, .target_fd = -1};
	errint_t err = prepare(&m, spec, error);

	if (err < 0) {
		lamina_cleanup_fd(&m.device);
		lamina_mount_done(&m);
		return err;
	}
	*ret = m;
	return 0;
}

static dev_t device_of(int fd, const char *path)
{
	struct stat st;

	return fstatat(fd, path, &st, AT_EMPTY_PATH | AT_NO_AUTOMOUNT) < 0 ? 0 : st.st_dev;
}

void lamina_mount_identify(struct lamina_mount *m)
{
	if (m->mount_fd >= 0)
		m->dev = device_of(m->mount_fd, "");
	else
		m->dev = m->target ? device_of(AT_FDCWD, m->target) : 0;
}

errint_t lamina_mount_attach(const struct lamina_mount *m)
{
	if (m->mount_fd < 0)
		return 0;
	return move_mount(m->mount_fd, "", m->target_fd, "",
			  MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0
		       ? -errno
		       : 0;
}

void lamina_mount_attached(struct lamina_mount *m)
{
	lamina_cleanup_fd(&m->mount_fd);
	lamina_cleanup_fd(&m->target_fd);
}

static void detach_here(const struct lamina_mount *m)
{
	if (umount2(m->target, MNT_DETACH | UMOUNT_NOFOLLOW) == 0 || errno != EPERM)
		return;
	execlp("fusermount3", "fusermount3", "-u", "-z", "--", m->target, NULL);
}

/*
 * In a process of its own, which may go where the mount is, and of which nothing stays there. A mount
 * that never answered has no @dev, and must not be asked for it.
 */
static void detach(const struct lamina_mount *m, dev_t dev)
{
	pid_t child = fork();

	if (child == 0) {
		if ((!m->mntns || lamina_mntns_enter(m->mntns) == 0) &&
		    (dev == 0 || device_of(AT_FDCWD, m->target) == dev))
			detach_here(m);
		_exit(EXIT_FAILURE);
	}
	while (child > 0 && waitpid(child, NULL, 0) < 0 && errno == EINTR)
		;
}

void lamina_mount_detach(const struct lamina_mount *m)
{
	if (m->target && m->dev != 0)
		detach(m, m->dev);
}

void lamina_mount_undo(const struct lamina_mount *m)
{
	if (m->early && m->dev == 0)
		detach(m, 0);
}

void lamina_mount_done(struct lamina_mount *m)
{
	lamina_cleanup_fd(&m->mount_fd);
	lamina_cleanup_fd(&m->target_fd);
	free(m->target);
	m->target = NULL;
}
