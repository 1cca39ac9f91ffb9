/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lamina-mount as a process: what lives as long as the mount, and the parts of its run.
 */
#pragma once

#include "engine/fs.h"
#include "guard/guard.h"
#include "mount/daemon.h"
#include "mount/mount.h"
#include "mount/options.h"
#include "union/union.h"
#include "upcall/server.h"

#define PROGRAM "lamina-mount"

struct program {
	struct lamina_mount_options options;
	int start;	/* the directory in which the program was started */
	uint64_t mntns; /* id of the mount namespace of the caller; 0: the kernel has none */
	char *restated; /* options.layers for the record; NULL without memory */
	struct lamina_union u;
	struct lamina_mount mount;
	struct wire_session *session;
	struct lamina_daemon daemon;
	int signals;
	struct lamina_error not_bpf; /* why it is not engine bpf, if that was thought of */

	struct lamina_guard guard;	    /* of a view: only the policy to begin with */
	struct lamina_fs fs;		    /* engines fuse and passthrough */
	struct lamina_upcall_server server; /* engine bpf, writable */
	int device;			    /* for the first server's session; else -1 */
};

/* ---- program.c ---- */

/*
 * Become the daemon of the mount that was prepared: leave its helper behind, in the foreground or in
 * the background as was asked for, and then the caller's mount namespace. One thread.
 */
errint_t program_fork(struct program *p, struct lamina_error *error);

/* The mount answers: have it attached. */
errint_t program_attach(struct program *p, struct lamina_error *error);

/* Have signals come by p->signals, so that no thread is interrupted by them. */
errint_t program_catch_signals(struct program *p, struct lamina_error *error);

/* Let go of the caller: the mount is there. */
errint_t program_ready(struct program *p, struct lamina_error *error);

/*
 * Serve until the session has ended. A signal takes the mount off its mountpoint; who still has files
 * open on it is served to the end, unless a second signal comes.
 */
void program_serve(struct program *p);

/* Write down what there is to know of the mount; @engine carries it, and @keeper starts its server. */
void program_record(const struct program *p, const char *engine, pid_t server, pid_t keeper);

/* ---- view.c: engine bpf ---- */

/* Whether engine bpf may be tried at all: then layers are opened with `keep_mounts`. */
bool program_thinks_of_view(const struct program *p);

/*
 * Mount by engine bpf, if it is to and can carry this mount. Returns 1: the mount is there, and
 * program_serve_view() comes next; 0: another engine is to be taken, p->not_bpf says why; or -errno.
 */
errint_t program_mount_view(struct program *p, struct lamina_error *error);

/* Sets @error and returns -EBUSY. */
errint_t program_upper_is_busy(const struct program *p, struct lamina_error *error);

/* Serve the view, or keep its server; returns the exit status. */
int program_serve_view(struct program *p);

/* Become the server of the view on the mountpoint. Then as after program_mount_view(). */
errint_t program_take_over(struct program *p, struct lamina_error *error);
