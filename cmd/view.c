// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * lamina-mount on engine bpf: the kernel shows and writes the layers; what stays is a server of
 * upcalls and its keeper, or nothing at all where there is no upper.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/fuse_bpf.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "base/limits.h"
#include "base/mntns.h"
#include "base/proc.h"
#include "guard/data.h"
#include "mount/fit.h"
#include "mount/keeper.h"
#include "mount/record.h"
#include "mount/restate.h"
#include "program.h"
#include "union/creds.h"
#include "union/work.h"
#include "view/attach.h"
#include "view/filter.h"
#include "view/kernel.h"
#include "view/view.h"

/* What the kernel has not finished in the upper lies beside what the server has not. */
#define KERNEL_WORK "lamina-kernel"

bool program_thinks_of_view(const struct program *p)
{
	return p->options.choice == LAMINA_CHOICE_AUTO || p->options.choice == LAMINA_CHOICE_BPF;
}

/* Whether it can be done at all. The sentence goes to p->not_bpf. */
static errint_t can_be_view(struct program *p)
{
	struct lamina_view_kernel kernel;
	errint_t err = lamina_view_kernel_probe(&kernel, &p->not_bpf);

	if (err == 0 && p->u.writable && !(kernel.features & FUSE_BPF_FEATURE_WRITABLE))
		err = lamina_error_say(
			&p->not_bpf, -EOPNOTSUPP,
			"the kernel's views are read-only; a newer module is needed");
	return err == 0 ? lamina_mount_fits_view(&p->options, &p->u, &p->not_bpf) : err;
}

/* ---- making it ---- */

/* The directories of the upper's kernel half. */
static errint_t open_kernel_work(const struct lamina_union *u, struct lamina_error *error)
{
	_cleanup_fd_ int fd = lamina_work_open_beside(u, KERNEL_WORK);
	errint_t err = fd < 0 ? fd : lamina_work_clear(fd);

	if (err < 0)
		return lamina_error_set(error, err, "cannot clear '%s' in the work directory",
					KERNEL_WORK);
	return TAKE_FD(fd);
}

/* Before anybody can use the mount. */
static errint_t set_policy(const struct program *p, struct lamina_error *error)
{
	_cleanup_fd_ int root = -1;

	if (!p->guard.active)
		return 0;
	root = openat(p->mount.mount_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return lamina_error_set(error, -errno, "cannot give the view its policy");
	return lamina_data_set(root, &p->guard.active->bundle, error);
}

static errint_t make_with(struct program *p, const int *fds, char *const *paths,
			  struct lamina_error *error)
{
	static char overlay[] = LAMINA_VIEW_FILTER, policy[] = LAMINA_POLICY_FILTER;
	const struct lamina_mount_options *o = &p->options;
	/* That for policies costs nothing while there is none, so that one can come at any time. */
	struct lamina_view_filter filters[] = {
		{.name = overlay, .cookie = LAMINA_VIEW_COOKIE},
		{.name = policy, .optional = !p->guard.always},
	};
	_cleanup_fd_ int work = p->u.writable ? open_kernel_work(&p->u, error) : -1;
	struct lamina_view_spec spec = {
		.fds = fds,
		.paths = paths,
		.n_layers = p->u.n_root,
		.uids = &o->fs.uids,
		.gids = &o->fs.gids,
		.filters = filters,
		.n_filters = sizeof(filters) / sizeof(filters[0]),
		.source = o->fsname ? o->fsname : "lamina",
		.target = o->mountpoint,
		.context = o->context,
		.attrs = o->attrs | (o->read_only || !p->u.writable ? MOUNT_ATTR_RDONLY : 0),
		.only_owner = !o->allow_other,
		.writable = p->u.writable,
		.work_fd = work,
		.index_fd = p->u.index_fd,
		.xattr_ns = p->u.xattr_ns,
		.wait = o->upcall_wait,
	};
	struct lamina_view view;
	errint_t err;

	if (p->u.writable && work < 0)
		return work;
	err = lamina_data_cookie(&filters[1].cookie, error);
	if (err == 0)
		err = lamina_view_make(&spec, &view, error);
	if (err < 0)
		return err;
	p->mount.mount_fd = view.mount_fd;
	p->device = view.device;
	return set_policy(p, error);
}

static errint_t make(struct program *p, struct lamina_error *error)
{
	unsigned int n = p->u.n_root;
	_cleanup_free_ int *fds = calloc(n, sizeof(*fds));
	_cleanup_free_ char **paths = calloc(n, sizeof(*paths));

	if (!fds || !paths)
		return lamina_error_set(error, -ENOMEM, "cannot make the view");
	for (unsigned int i = 0; i < n; i++) {
		fds[i] = p->u.layers[i].fd;
		paths[i] = p->u.layers[i].path;
	}
	return make_with(p, fds, paths, error);
}

errint_t program_upper_is_busy(const struct program *p, struct lamina_error *error)
{
	return lamina_error_say(error, -EBUSY,
				"the upper directory '%s' is mounted already; unmount it first, or "
				"use another one",
				p->u.layers[0].path);
}

/*
 * Make the view, or leave it to another engine. An upper that somebody uses is a reason for neither:
 * another engine would use it as well.
 */
static errint_t make_or_not(struct program *p, struct lamina_error *error)
{
	errint_t err = make(p, &p->not_bpf);

	if (err == -EBUSY)
		return program_upper_is_busy(p, error);
	if (err < 0 && p->options.choice == LAMINA_CHOICE_BPF)
		*error = p->not_bpf;
	if (err < 0)
		return p->options.choice == LAMINA_CHOICE_AUTO ? 0 : err;
	lamina_union_make_private(&p->u);
	return 1;
}

/* There will be no process: it is attached from here. */
static errint_t attach_read_only(struct program *p, struct lamina_error *error)
{
	errint_t err;

	lamina_mount_identify(&p->mount);
	err = lamina_mount_attach(&p->mount);
	if (err < 0)
		return lamina_error_set(error, err, "cannot mount on '%s'", p->mount.target);
	lamina_mount_attached(&p->mount);
	/* The kernel tells all there is; what an earlier mount of this number left is wrong. */
	lamina_record_remove(p->mount.dev);
	return 0;
}

static errint_t attach(struct program *p, struct lamina_error *error)
{
	errint_t err;

	if (!p->u.writable)
		return attach_read_only(p, error);
	err = program_fork(p, error);
	if (err == 0)
		err = program_catch_signals(p, error);
	if (err == 0)
		err = program_attach(p, error);
	if (err < 0)
		return err;
	program_record(p, "bpf", 0, 0);
	return program_ready(p, error);
}

errint_t program_mount_view(struct program *p, struct lamina_error *error)
{
	errint_t err = can_be_view(p);

	if (err < 0 && p->options.choice == LAMINA_CHOICE_AUTO)
		return 0;
	if (err < 0)
		return lamina_error_say(error, err, "engine bpf does not work here: %s",
					p->not_bpf.text);
	err = lamina_mount_open_target(&p->mount, p->start, p->options.mountpoint, error);
	if (err < 0)
		return err;
	err = make_or_not(p, error);
	if (err == 0)
		lamina_mount_done(&p->mount); /* the next engine opens it again */
	if (err <= 0)
		return err;
	err = attach(p, error);
	return err < 0 ? err : 1;
}

/* ---- serving it ---- */

/* The server's process: no thread may be there before. */
static int serve(struct program *p)
{
	lamina_creds_prepare();
	lamina_upcall_server_init(&p->server, &p->u, &p->options.fs.uids, &p->options.fs.gids);
	p->session = wire_session_new(TAKE_FD(p->device), &lamina_upcall_ops, &p->server,
				      p->options.debug);
	if (!p->session)
		return EXIT_FAILURE;
	p->server.session = p->session;
	if (wire_session_start(p->session) < 0)
		return EXIT_FAILURE;
	program_serve(p);
	wire_session_free(p->session);
	lamina_upcall_server_done(&p->server);
	p->session = NULL;
	return EXIT_SUCCESS;
}

static errint_t attach_device(struct program *p)
{
	struct lamina_error error = {""};
	_cleanup_fd_ int mount = lamina_view_find(p->mount.dev, p->mount.target);

	if (mount < 0)
		return mount;
	p->device = lamina_view_attach(mount, false, &error);
	return p->device;
}

/*
 * Take the place of a server that was killed. There is nothing to serve if the mount is gone, or if
 * another process serves it. The mount is only found in the mount namespace that made it.
 */
static errint_t attach_again(struct program *p)
{
	_cleanup_fd_ int own = -1;
	errint_t err;

	if (!p->mount.mntns)
		return attach_device(p);
	own = lamina_proc_open("self/ns/mnt", O_RDONLY);
	err = own < 0 ? own : lamina_mntns_enter(p->mount.mntns);
	if (err < 0)
		return err;
	err = attach_device(p);
	if (setns(own, CLONE_NEWNS) < 0 || fchdir(lamina_proc_fd()) < 0)
		return -errno;
	return err;
}

static int serve_kept(void *user, bool again)
{
	struct program *p = user;

	if (program_catch_signals(p, &(struct lamina_error){""}) < 0)
		return EXIT_FAILURE;
	if (again && attach_again(p) < 0)
		return EXIT_SUCCESS;
	if (again && lamina_union_recover(&p->u) < 0)
		return EXIT_FAILURE;
	return serve(p);
}

static void note_server(void *user, pid_t pid)
{
	struct program *p = user;

	/* The connection lives as long as a server has a device of it. */
	lamina_cleanup_fd(&p->device);
	program_record(p, "bpf", pid, getpid());
}

/* In the foreground without an upper: until the mount is gone, or a signal comes. */
static void watch_mount(struct program *p)
{
	_cleanup_fd_ int table = open("/proc/self/mounts", O_RDONLY | O_CLOEXEC);
	struct pollfd fds[2] = {
		{.fd = table, .events = POLLPRI},
		{.fd = p->signals, .events = POLLIN},
	};
	struct signalfd_siginfo info;

	for (;;) {
		int mount = lamina_view_find(p->mount.dev, p->mount.target);

		if (mount < 0)
			return;
		close(mount);
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return;
		if (fds[1].revents & POLLIN && read(p->signals, &info, sizeof(info)) > 0)
			lamina_mount_detach(&p->mount);
	}
}

int program_serve_view(struct program *p)
{
	static const struct lamina_keeper_ops ops = {serve_kept, note_server};
	int status = EXIT_SUCCESS;

	if (!p->u.writable) {
		if (p->options.foreground)
			watch_mount(p);
		return status;
	}
	if (p->options.foreground) {
		program_record(p, "bpf", getpid(), 0);
		status = serve(p);
	} else {
		lamina_cleanup_fd(&p->signals);
		status = lamina_keeper_run(&ops, p);
	}
	return status;
}

/* ---- taking over ---- */

static errint_t read_record(struct program *p, const struct stat *st, struct lamina_error *error)
{
	struct lamina_record record = {0};
	errint_t err = lamina_record_read(st->st_dev, &record);
	char program[] = PROGRAM, option[] = "-o", *target = p->options.mountpoint;
	struct lamina_mount_options options = {0};

	if (err < 0)
		return lamina_error_set(error, err,
					"nothing is written down about the view on '%s': give its "
					"layers by -o",
					target);
	if (!record.options)
		err = -EINVAL;
	if (err == 0) {
		char *words[] = {program, option, record.options, target, NULL};

		err = lamina_mount_options_parse(&options, 4, words, error);
	}
	lamina_record_done(&record);
	if (err < 0)
		return lamina_error_wrap(error, err, "what is written down about the view on '%s'",
					 target);
	options.foreground = p->options.foreground;
	options.debug = p->options.debug;
	options.choice = LAMINA_CHOICE_BPF;
	lamina_mount_options_done(&p->options);
	p->options = options;
	free(p->restated);
	p->restated = lamina_mount_options_restate(&p->options);
	return 0;
}

static errint_t open_mounted(struct program *p, struct stat *ret_st, struct lamina_error *error)
{
	_cleanup_fd_ int fd =
		openat(p->start, p->options.mountpoint, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, ret_st) < 0)
		return lamina_error_set(error, -errno, "cannot open the mountpoint '%s'",
					p->options.mountpoint);
	return TAKE_FD(fd);
}

static errint_t open_union(struct program *p, struct lamina_error *error)
{
	const struct lamina_mount_options *o = &p->options;
	const struct lamina_union_options options = {
		.at = p->start,
		.lowers = o->lowers,
		.n_lowers = o->n_lowers,
		.upper = o->upper,
		.work = o->work,
		.volatile_ = o->volatile_,
		.lock_wait_ms = LAMINA_TAKEOVER_WAIT_MS,
	};

	return lamina_union_open(&p->u, &options, error);
}

/*
 * The kernel is told first: from then on the server that was there is sent nothing more, finishes what
 * it has, and lets go of the upper, which is waited for.
 */
errint_t program_take_over(struct program *p, struct lamina_error *error)
{
	_cleanup_fd_ int mount = -1;
	struct stat st;
	errint_t err;

	mount = open_mounted(p, &st, error);
	if (mount < 0)
		return mount;
	err = p->options.n_lowers > 0 ? 0 : read_record(p, &st, error);
	if (err == 0 && !p->options.upper)
		return lamina_error_say(error, -EINVAL,
					"the view on '%s' is read-only: it has no "
					"server",
					p->options.mountpoint);
	if (err == 0)
		err = lamina_view_attach(mount, true, error);
	if (err < 0)
		return lamina_error_wrap(error, err, "cannot take over '%s'",
					 p->options.mountpoint);
	p->device = err;
	p->mount.dev = st.st_dev;
	err = lamina_fd_where(mount, &p->mount.target);
	lamina_cleanup_fd(&mount);
	if (err < 0)
		return lamina_error_set(error, err, "cannot resolve the mountpoint '%s'",
					p->options.mountpoint);
	err = open_union(p, error);
	if (err == 0)
		err = program_fork(p, error);
	if (err == 0)
		err = program_catch_signals(p, error);
	if (err == 0)
		program_record(p, "bpf", 0, 0);
	return err == 0 ? program_ready(p, error) : err;
}
