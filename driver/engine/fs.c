// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A mount's file system: its life, what it agrees with the kernel, and the table of handlers.
 */
#include "engine/fs.h"

#include <errno.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/spare.h"
#include "base/limits.h"
#include "engine/control.h"
#include "engine/passthrough.h"
#include "engine/policy.h"
#include "engine/sweep.h"
#include "union/attr.h"
#include "union/creds.h"

static unsigned int files_to_keep(void)
{
	size_t share = lamina_fd_limit() / LAMINA_CACHED_FDS_DIVISOR;

	return share < LAMINA_MAX_CACHED_FDS ? (unsigned int)share : LAMINA_MAX_CACHED_FDS;
}

static size_t files_to_reserve(void)
{
	size_t share = lamina_fd_limit() / LAMINA_RESERVED_FDS_DIVISOR;

	return share < LAMINA_RESERVED_FDS ? share : LAMINA_RESERVED_FDS;
}

static errint_t enter_root(struct lamina_fs *fs)
{
	struct lamina_union *u = fs->u;
	struct lamina_entry entry = {0};
	errint_t err = lamina_attr_read_fd(u, 0, u->layers[0].fd, &entry.st);

	if (err < 0)
		return err;
	entry.ino = lamina_attr_ino(u, 0, lamina_statx_dev(&entry.st), entry.st.stx_ino);
	entry.stack = lamina_stack_new(u->n_root);
	if (!entry.stack)
		return -ENOMEM;
	entry.protection = NODE_PROTECTION_UNKNOWN;
	entry.stack->n = u->n_root;
	for (unsigned int i = 0; i < u->n_root; i++)
		entry.stack->parts[i] = (struct lamina_stack_part){
			.layer = (uint16_t)i,
			.flags = u->layers[i].xwhiteouts ? LAMINA_PART_XWHITEOUTS : 0,
		};
	/* Nobody has looked whether the upper's root has copied-up entries: better ask each. */
	if (u->writable)
		entry.stack->parts[0].flags |= LAMINA_PART_IMPURE;
	err = node_enter_root(&fs->table, &entry) ? 0 : -ENOMEM;
	lamina_entry_done(&entry);
	return err;
}

errint_t lamina_fs_init(struct lamina_fs *fs, struct lamina_union *u,
			const struct lamina_fs_options *options, struct lamina_guard *guard)
{
	errint_t err;

	*fs = (struct lamina_fs){.u = u, .options = *options};
	lamina_fd_reserve(files_to_reserve());
	lamina_spare_init();
	policy_init(fs, guard);
	err = sweep_init(fs);
	if (err < 0)
		return err;
	err = node_table_init(&fs->table, u, files_to_keep());
	if (err == 0)
		err = enter_root(fs);
	if (err < 0)
		lamina_fs_done(fs);
	return err;
}

bool lamina_fs_stop(struct lamina_fs *fs)
{
	return sweep_stop(fs);
}

void lamina_fs_done(struct lamina_fs *fs)
{
	sweep_done(fs);
	node_table_done(&fs->table);
}

/*
 * What is wanted of any kernel that has it. Not FUSE_ASYNC_DIO: with it the kernel drops the cached
 * pages of an asynchronous direct write before the write, so that a reader may cache old data. No file
 * handles: one names a node by its number, which can be guessed, leads to it past all names that a
 * policy hides, and is good only as long as the kernel knows the node.
 */
#define FLAGS_WANTED                                                                            \
	(FUSE_ASYNC_READ | FUSE_BIG_WRITES | FUSE_DONT_MASK | FUSE_PARALLEL_DIROPS |            \
	 FUSE_DO_READDIRPLUS | FUSE_HANDLE_KILLPRIV_V2 | FUSE_MAX_PAGES | FUSE_CACHE_SYMLINKS | \
	 FUSE_EXPLICIT_INVAL_DATA | FUSE_SETXATTR_EXT | FUSE_NO_OPENDIR_SUPPORT |               \
	 FUSE_HAS_IOCTL_DIR | FUSE_NO_EXPORT_SUPPORT)

static void agree(void *user, struct wire_terms *terms)
{
	struct lamina_fs *fs = user;
	const struct lamina_fs_options *o = &fs->options;
	bool passthrough = o->engine == LAMINA_ENGINE_PASSTHROUGH;

	terms->flags = FLAGS_WANTED;
	if (o->acl)
		terms->flags |= FUSE_POSIX_ACL;
	if (o->writeback && !passthrough)
		terms->flags |= FUSE_WRITEBACK_CACHE;
	if (passthrough) {
		terms->flags |= FUSE_PASSTHROUGH | FUSE_ATOMIC_O_TRUNC;
		terms->max_stack_depth = 1;
	}
	policy_agree(fs);
	/* It is there before it is needed: a container may have used up threads by then. */
	if (!policy_obstacle(fs))
		sweep_start(fs);
}

static void start_thread(void *user)
{
	(void)user;
	/* Without its own umask a thread would still create correctly, one user at a time. */
	(void)lamina_creds_start_thread();
}

static void forget(void *user, uint64_t id, uint64_t n)
{
	struct lamina_fs *fs = user;

	node_forget(&fs->table, id, n);
}

/* The kernel keeps what was lent to it until it is taken back. */
static void take_back_all(struct lamina_fs *fs)
{
	const struct node_table *t = &fs->table;

	for (size_t i = 0; i <= t->ids.mask; i++)
		for (struct lamina_link *at = t->ids.buckets[i]; at; at = at->next)
			passthrough_end(fs, lamina_container_of(at, struct node, by_id));
}

/*
 * Let go of the layers and the upper: a caller of umount(2) may want to unmount their file systems, or
 * to mount the upper again.
 */
static void let_go(void *user)
{
	struct lamina_fs *fs = user;

	take_back_all(fs);
	node_table_close(&fs->table);
	lamina_union_close(fs->u);
}

/* What may wait for the upper, or for another request that does. */
static bool changes(const struct wire_request *r)
{
	switch (r->in->opcode) {
	case FUSE_SETATTR:
	case FUSE_SYMLINK:
	case FUSE_MKNOD:
	case FUSE_MKDIR:
	case FUSE_UNLINK:
	case FUSE_RMDIR:
	case FUSE_RENAME:
	case FUSE_RENAME2:
	case FUSE_LINK:
	case FUSE_CREATE:
	case FUSE_TMPFILE:
	case FUSE_WRITE:
	case FUSE_FSYNC:
	case FUSE_FSYNCDIR:
	case FUSE_FALLOCATE:
	case FUSE_COPY_FILE_RANGE:
	case FUSE_SETXATTR:
	case FUSE_REMOVEXATTR:
		return true;
	case FUSE_OPEN:
		return op_open_changes(r);
	case FUSE_IOCTL:
		return op_ioctl_changes(r);
	default:
		return false;
	}
}

/* Pages of the kernel's cache, which were written to by a mapping, or by a write that has long ended. */
static bool writes_back(const struct wire_request *r)
{
	const struct fuse_write_in *in = r->arg;

	return r->in->opcode == FUSE_WRITE && (in->write_flags & FUSE_WRITE_CACHE);
}

static enum wire_class class_of(const struct wire_request *r)
{
	if (control_is_on_the_way(r))
		return WIRE_CONTROL;
	if (writes_back(r))
		return WIRE_WRITE_BACK;
	return changes(r) ? WIRE_CHANGES : WIRE_READS;
}

const struct wire_ops lamina_fs_ops = {
	.init = agree,
	.thread_start = start_thread,
	.ended = let_go,
	.forget = forget,
	.class = class_of,
	.handlers =
		{
			[FUSE_LOOKUP] = op_lookup,
			[FUSE_GETATTR] = op_getattr,
			[FUSE_STATX] = op_statx,
			[FUSE_SETATTR] = op_setattr,
			[FUSE_READLINK] = op_readlink,
			[FUSE_MKNOD] = op_mknod,
			[FUSE_MKDIR] = op_mkdir,
			[FUSE_SYMLINK] = op_symlink,
			[FUSE_CREATE] = op_create,
			[FUSE_TMPFILE] = op_tmpfile,
			[FUSE_LINK] = op_link,
			[FUSE_UNLINK] = op_unlink,
			[FUSE_RMDIR] = op_rmdir,
			[FUSE_RENAME] = op_rename,
			[FUSE_RENAME2] = op_rename2,
			[FUSE_OPEN] = op_open,
			[FUSE_RELEASE] = op_release,
			[FUSE_READ] = op_read,
			[FUSE_WRITE] = op_write,
			[FUSE_FSYNC] = op_fsync,
			[FUSE_LSEEK] = op_lseek,
			[FUSE_FALLOCATE] = op_fallocate,
			[FUSE_COPY_FILE_RANGE] = op_copy_file_range,
			[FUSE_OPENDIR] = op_opendir,
			[FUSE_READDIR] = op_readdir,
			[FUSE_READDIRPLUS] = op_readdirplus,
			[FUSE_RELEASEDIR] = op_releasedir,
			[FUSE_FSYNCDIR] = op_fsyncdir,
			[FUSE_GETXATTR] = op_getxattr,
			[FUSE_LISTXATTR] = op_listxattr,
			[FUSE_SETXATTR] = op_setxattr,
			[FUSE_REMOVEXATTR] = op_removexattr,
			[FUSE_STATFS] = op_statfs,
			[FUSE_IOCTL] = op_ioctl,
		},
};
