/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The FUSE file system of one mount: a union, the nodes that the kernel knows, and what was agreed
 * with the kernel. Both FUSE engines are this; they differ in who reads and writes open files.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>

#include "engine/node.h"
#include "union/idmap.h"
#include "union/union.h"
#include "wire/session.h"

enum lamina_engine {
	LAMINA_ENGINE_FUSE,
	LAMINA_ENGINE_PASSTHROUGH,
};

struct lamina_fs_options {
	enum lamina_engine engine;
	double timeout; /* seconds for which the kernel may keep names and attributes */
	bool acl;	/* POSIX ACLs are enforced */
	bool xattrs;
	bool sync;	   /* fsync reaches the disk; false: volatile */
	bool writeback;	   /* the kernel collects writes */
	bool static_nlink; /* all directories have st_nlink 1 */
	struct lamina_idmap uids, gids;
};

struct lamina_guard;

/* See policy.h. */
struct fs_policy {
	struct lamina_guard *guard; /* the mount's; its policy is under the table's `lock` */
	atomic_bool on;		    /* a policy is in force */
	atomic_bool hides;	    /* one that can hide something */
	/* Under the table's `lock`; `opens` is also read without. */
	uint32_t epoch;	      /* of states of names */
	atomic_int opens;     /* enum policy_opens */
	unsigned int n_opens; /* answered while they are AT_START */
};

struct lamina_fs {
	struct lamina_union *u;
	struct lamina_fs_options options;
	struct node_table table;
	struct wire_session *session; /* set before the first request */
	struct sweeper *sweeper;      /* see sweep.h */

	struct fs_policy policy;
};

/*
 * Make a file system over @u, guarded by @guard; both are used until lamina_fs_done(). @options are
 * copied. When the session ends, @u is closed.
 */
errint_t lamina_fs_init(struct lamina_fs *fs, struct lamina_union *u,
			const struct lamina_fs_options *options, struct lamina_guard *guard);
void lamina_fs_done(struct lamina_fs *fs);

/*
 * End what works beside the session, before that is freed. Returns false: something is held up in the kernel, and
 * neither session nor file system may be freed; the end of the process does that.
 */
bool lamina_fs_stop(struct lamina_fs *fs);

/* The handlers, with a `struct lamina_fs` as user. */
extern const struct wire_ops lamina_fs_ops;

/* ---- within the engine ---- */

static inline struct lamina_fs *fs_of(const struct wire_request *r)
{
	return r->user;
}

/* Handlers, by the file that has them. */
errint_t op_lookup(struct wire_request *r);
errint_t op_getattr(struct wire_request *r);
errint_t op_statx(struct wire_request *r);
errint_t op_setattr(struct wire_request *r);
errint_t op_readlink(struct wire_request *r);

errint_t op_mknod(struct wire_request *r);
errint_t op_mkdir(struct wire_request *r);
errint_t op_symlink(struct wire_request *r);
errint_t op_create(struct wire_request *r);
errint_t op_tmpfile(struct wire_request *r);
errint_t op_link(struct wire_request *r);

errint_t op_unlink(struct wire_request *r);
errint_t op_rmdir(struct wire_request *r);
errint_t op_rename(struct wire_request *r);
errint_t op_rename2(struct wire_request *r);

errint_t op_open(struct wire_request *r);
bool op_open_changes(const struct wire_request *r);
errint_t op_release(struct wire_request *r);
errint_t op_read(struct wire_request *r);
errint_t op_write(struct wire_request *r);
errint_t op_fsync(struct wire_request *r);
errint_t op_lseek(struct wire_request *r);
errint_t op_fallocate(struct wire_request *r);
errint_t op_copy_file_range(struct wire_request *r);

errint_t op_opendir(struct wire_request *r);
errint_t op_readdir(struct wire_request *r);
errint_t op_readdirplus(struct wire_request *r);
errint_t op_releasedir(struct wire_request *r);
errint_t op_fsyncdir(struct wire_request *r);

errint_t op_getxattr(struct wire_request *r);
errint_t op_listxattr(struct wire_request *r);
errint_t op_setxattr(struct wire_request *r);
errint_t op_removexattr(struct wire_request *r);

errint_t op_statfs(struct wire_request *r);
errint_t op_ioctl(struct wire_request *r);
bool op_ioctl_changes(const struct wire_request *r);
