// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A mount's file system: its life, what it agrees with the kernel, and the table of handlers.
 */
#include "engine/fs.h"

#include <errno.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/limits.h"
#include "engine/policy.h"
#include "union/attr.h"
#include "union/creds.h"

static unsigned int files_to_keep(void)
{
	size_t share = lamina_fd_raise_limit() / LAMINA_CACHED_FDS_DIVISOR;

	return share < LAMINA_MAX_CACHED_FDS ? (unsigned int)share : LAMINA_MAX_CACHED_FDS;
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
	policy_init(fs, guard);
	err = node_table_init(&fs->table, u, files_to_keep());
	if (err == 0)
		err = enter_root(fs);
	if (err < 0)
		lamina_fs_done(fs);
	return err;
}

void lamina_fs_done(struct lamina_fs *fs)
{
	node_table_done(&fs->table);
}

/* What is wanted of any kernel that has it. */
#define FLAGS_WANTED                                                                               \
	(FUSE_ASYNC_READ | FUSE_BIG_WRITES | FUSE_DONT_MASK | FUSE_PARALLEL_DIROPS |               \
	 FUSE_DO_READDIRPLUS | FUSE_HANDLE_KILLPRIV_V2 | FUSE_MAX_PAGES | FUSE_CACHE_SYMLINKS |    \
	 FUSE_EXPLICIT_INVAL_DATA | FUSE_ASYNC_DIO | FUSE_SETXATTR_EXT | FUSE_NO_OPENDIR_SUPPORT | \
	 FUSE_HAS_IOCTL_DIR)

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
	policy_agree(fs, passthrough || !(terms->offered & FUSE_NO_OPEN_SUPPORT));
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

const struct wire_ops lamina_fs_ops = {
	.init = agree,
	.thread_start = start_thread,
	.forget = forget,
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
			[FUSE_FSYNCDIR] = op_fsyncdir,
			[FUSE_GETXATTR] = op_getxattr,
			[FUSE_LISTXATTR] = op_listxattr,
			[FUSE_SETXATTR] = op_setxattr,
			[FUSE_REMOVEXATTR] = op_removexattr,
			[FUSE_STATFS] = op_statfs,
			[FUSE_IOCTL] = op_ioctl,
		},
};
