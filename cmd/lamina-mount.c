// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * lamina-mount: mounts the union of an image's layers and serves it until it is unmounted. A
 * drop-in for fuse-overlayfs.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/calls.h"
#include "base/cleanup.h"
#include "base/fd.h"
#include "base/mntns.h"
#include "base/output.h"
#include "base/proc.h"
#include "engine/policy.h"
#include "engine/probe.h"
#include "mount/inherited.h"
#include "mount/record.h"
#include "mount/remount.h"
#include "mount/restate.h"
#include "program.h"
#include "union/creds.h"
#include "union/xattr.h"
#include "version.h"
#include "view/view.h"
#include "wire/proto.h"

static errint_t open_layers(struct program *p, struct lamina_error *error)
{
	const struct lamina_mount_options *o = &p->options;
	const struct lamina_union_options options = {
		.at = p->start,
		.lowers = o->lowers,
		.n_lowers = o->n_lowers,
		.upper = o->upper,
		.work = o->work,
		.xattr_permissions = o->xattr_permissions,
		.dot_whiteouts = o->dot_whiteouts,
		.volatile_ = o->volatile_,
		.atime = o->attrs & (MOUNT_ATTR__ATIME | MOUNT_ATTR_NODIRATIME),
		.keep_mounts = program_thinks_of_view(p),
	};

	return lamina_union_open(&p->u, &options, error);
}

/* The engine to use: the best one that works, or the one that was asked for. */
static errint_t choose_engine(struct program *p, struct lamina_error *error)
{
	struct lamina_mount_options *o = &p->options;
	struct lamina_probe probe;

	o->fs.engine = LAMINA_ENGINE_FUSE;
	/* The kernel cannot collect writes that it does not see. */
	if (o->choice == LAMINA_CHOICE_FUSE || (o->choice == LAMINA_CHOICE_AUTO && o->fs.writeback))
		return 0;
	lamina_probe_run(&probe);
	if (probe.passthrough == 0) {
		o->fs.engine = LAMINA_ENGINE_PASSTHROUGH;
		return 0;
	}
	if (o->choice == LAMINA_CHOICE_AUTO)
		return 0; /* if FUSE does not work either, mounting says why */
	lamina_error_set(error, 0, "engine passthrough does not work here: %s",
			 probe.passthrough_why.text);
	return probe.passthrough;
}

/* ACLs can only be enforced if the layers can hold them. */
static bool layers_have_acls(const struct lamina_union *u)
{
	ssize_t n = lamina_xattr_get_fd(u->layers[0].fd, "system.posix_acl_access", NULL, 0);

	return n != -EOPNOTSUPP;
}

/* The policy that is to be in force from the start. */
static errint_t read_policies(struct program *p, struct lamina_error *error)
{
	struct lamina_mount_options *o = &p->options;
	struct lamina_bundle bundle;
	errint_t err;

	p->guard.always = o->policies || o->n_policy_files > 0;
	if (o->n_policy_files == 0)
		return 0;
	err = lamina_bundle_read_base(&bundle, o->policy_files, o->n_policy_files, error);
	if (err < 0)
		return err;
	p->guard.active = lamina_active_new(&bundle);
	p->guard.base = lamina_active_ref(p->guard.active);
	return p->guard.active ? 0 : lamina_error_set(error, -ENOMEM, "cannot keep the policy");
}

static errint_t make_file_system(struct program *p, struct lamina_error *error)
{
	struct lamina_fs_options options = p->options.fs;
	errint_t err;

	options.acl = options.acl && options.xattrs && layers_have_acls(&p->u);
	err = lamina_fs_init(&p->fs, &p->u, &options, &p->guard);
	if (err < 0)
		return lamina_error_set(error, err, "cannot read the root directory of '%s'",
					p->u.layers[0].path);
	if (p->guard.always && policy_obstacle(&p->fs))
		return lamina_error_say(error, -EINVAL, "no policies: %s", policy_obstacle(&p->fs));
	return 0;
}

static errint_t prepare_mount(struct program *p, struct lamina_error *error)
{
	const struct lamina_mount_options *o = &p->options;
	const struct lamina_mount_spec spec = {
		.at = p->start,
		.source = o->fsname ? o->fsname : "lamina",
		.target = o->mountpoint,
		.context = o->context,
		.attrs = o->attrs,
		.read_only = o->read_only || !p->u.writable,
		.allow_other = o->allow_other,
		.root_mode = S_IFDIR,
	};

	return lamina_mount_prepare(&p->mount, &spec, error);
}

static errint_t start_session(struct program *p, struct lamina_error *error)
{
	int device = TAKE_FD(p->mount.device);
	errint_t err;

	p->session = wire_session_new(device, &lamina_fs_ops, &p->fs, p->options.debug);
	if (!p->session) {
		close(device);
		return lamina_error_set(error, -ENOMEM, "cannot start the session");
	}
	p->fs.session = p->session;
	p->guard.audit.mount = p->mount.target;
	err = wire_session_start(p->session);
	if (err == -EPERM)
		return lamina_error_say(error, err,
					"cannot start a thread: clone3(2) is refused here, by a "
					"sandbox (seccomp) that has to answer ENOSYS");
	if (err < 0)
		return lamina_daemon_no_process(error, err, "start the daemon's threads");
	err = wire_session_wait_ready(p->session);
	return err < 0 ? lamina_error_set(error, err,
					  "the kernel's FUSE and this program do not understand "
					  "each other")
		       : 0;
}

static const char *engine_name(enum lamina_engine engine)
{
	return engine == LAMINA_ENGINE_PASSTHROUGH ? "passthrough" : "fuse";
}

/* The lock on the upper is a server's; a view whose server was killed has none. */
static errint_t check_upper(const struct program *p, struct lamina_error *error)
{
	if (!p->u.writable || !lamina_view_has_upper(p->u.layers[0].fd))
		return 0;
	return program_upper_is_busy(p, error);
}

static errint_t check_atime(const struct program *p, struct lamina_error *error)
{
	if ((p->options.attrs & MOUNT_ATTR__ATIME) != MOUNT_ATTR_STRICTATIME)
		return 0;
	return lamina_error_say(
		error, -EINVAL,
		"option strictatime: with engine %s the kernel keeps what it has read, "
		"and does not tell of each access; use relatime, or engine bpf",
		engine_name(p->options.fs.engine));
}

/* Mount by engine fuse or passthrough. */
static errint_t mount_fuse(struct program *p, struct lamina_error *error)
{
	errint_t err = check_upper(p, error);

	if (err == 0)
		err = choose_engine(p, error);
	if (err == 0)
		err = check_atime(p, error);
	lamina_union_make_private(&p->u);
	if (err == 0)
		err = make_file_system(p, error);
	if (err == 0)
		err = prepare_mount(p, error);
	if (err == 0)
		err = program_fork(p, error);
	if (err == 0)
		err = program_catch_signals(p, error);
	if (err < 0)
		return err;
	lamina_creds_prepare();
	err = start_session(p, error);
	if (err == 0)
		err = program_attach(p, error);
	if (err < 0) {
		lamina_mount_undo(&p->mount);
		return err;
	}
	program_record(p, engine_name(p->fs.options.engine), getpid(), 0);
	return program_ready(p, error);
}

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/common_interface_defs.h>

/* A daemon finds the folder of reports by its path no more: by a descriptor that stays open. */
static void keep_report_path(void)
{
	const char *folder = getenv("LAMINA_SANITIZER_LOGS");
	char path[LAMINA_FD_PATH_SIZE], prefix[LAMINA_FD_PATH_SIZE + 16];
	int fd = folder ? open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;

	if (fd < 0)
		return;
	lamina_fd_path(path, fd);
	snprintf(prefix, sizeof(prefix), "%s/sanitizer", path);
	__sanitizer_set_report_path(prefix);
}
#else
static void keep_report_path(void)
{
}
#endif

/* Paths that the caller gave are read, or are relative to `start`, before /proc is worked in. */
static errint_t begin(struct program *p, struct lamina_error *error)
{
	errint_t err;

	p->start = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (p->start < 0)
		return lamina_error_set(error, -errno, "cannot open the working directory");
	p->restated = lamina_mount_options_restate(&p->options);
	err = read_policies(p, error);
	if (err == 0)
		err = lamina_proc_hold(error);
	if (err < 0)
		return err;
	keep_report_path();
	if (lamina_mntns_own(&p->mntns) < 0)
		p->mntns = 0;
	lamina_record_hold();
	lamina_guard_begin(&p->guard);
	return 0;
}

/* Serve until there is nothing left to serve. Returns the exit status, or -errno. */
static errint_t run(struct program *p, struct lamina_error *error)
{
	errint_t err;

	if (p->options.pretend)
		return 0;
	if (p->options.remount)
		return lamina_remount(AT_FDCWD, &p->options, error);
	err = begin(p, error);
	if (err == 0 && p->options.take_over) {
		err = program_take_over(p, error);
		return err < 0 ? err : program_serve_view(p);
	}
	if (err == 0)
		err = open_layers(p, error);
	if (err == 0 && program_thinks_of_view(p))
		err = program_mount_view(p, error);
	if (err > 0)
		return program_serve_view(p);
	if (err == 0)
		err = mount_fuse(p, error);
	if (err < 0)
		return err;
	program_serve(p);
	return EXIT_SUCCESS;
}

static void finish(struct program *p)
{
	if (p->mount.dev)
		lamina_record_remove(p->mount.dev);
	if (p->fs.session && !lamina_fs_stop(&p->fs))
		_exit(EXIT_FAILURE);
	/* The upper is free for the next mount as soon as nothing is written any more. */
	wire_session_free(p->session);
	lamina_fs_done(&p->fs);
	lamina_mount_done(&p->mount);
	lamina_union_close(&p->u);
	lamina_guard_done(&p->guard);
	lamina_cleanup_fd(&p->signals);
	lamina_cleanup_fd(&p->device);
	lamina_cleanup_fd(&p->start);
	free(p->restated);
	lamina_mount_options_done(&p->options);
}

int main(int argc, char **argv)
{
	struct program p = {
		.u = {.lock_fd = -1, .work_fd = -1, .index_fd = -1},
		.mount = {.device = -1, .mount_fd = -1, .target_fd = -1},
		.daemon = {.helper = -1, .null = -1},
		.start = -1,
		.signals = -1,
		.device = -1,
	};
	struct lamina_error error = {""};
	errint_t err;

	lamina_calls_probe();
	lamina_inherited_reset();
	lamina_output_check_at_exit(PROGRAM);
	err = lamina_mount_options_parse(&p.options, argc, argv, &error);
	if (err == 0 && p.options.help) {
		lamina_mount_options_help(PROGRAM);
		return EXIT_SUCCESS;
	}
	if (err == 0 && p.options.version) {
		printf(PROGRAM ": version " LAMINA_VERSION "\n"
			       "FUSE kernel interface %d.%d\n",
		       FUSE_KERNEL_VERSION, WIRE_MINOR_MAX);
		return EXIT_SUCCESS;
	}
	if (err == 0) {
		if (strncmp(p.options.mountpoint, "/dev/fd/", 8) != 0)
			lamina_daemon_close_inherited();
		lamina_guard_init(&p.guard);
		err = run(&p, &error);
	}
	if (err < 0) {
		fprintf(stderr, PROGRAM ": %s\n", error.text);
		/* Workers may wait on a mount that never became visible: the process ends them. */
		_exit(EXIT_FAILURE);
	}
	finish(&p);
	return err;
}
