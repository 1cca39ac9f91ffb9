/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The command line of the mount program: every form in which containers/storage, buildah,
 * containerd (by mount.fuse3) and people call fuse-overlayfs.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/limits.h"
#include "engine/fs.h"
#include "union/union.h"

enum lamina_engine_choice {
	LAMINA_CHOICE_AUTO,
	LAMINA_CHOICE_FUSE,
	LAMINA_CHOICE_PASSTHROUGH,
	LAMINA_CHOICE_BPF,
};

struct lamina_mount_options {
	char *mountpoint;
	char *upper, *work; /* NULL: not given */
	char **lowers;
	size_t n_lowers;
	unsigned int xattr_permissions;
	bool dot_whiteouts;
	bool volatile_;

	enum lamina_engine_choice choice;
	struct lamina_fs_options fs;

	char *fsname;	/* shown as the mount's source */
	char *context;	/* SELinux label of the whole mount, or NULL */
	uint64_t attrs; /* MOUNT_ATTR_* */
	bool read_only;
	uint64_t
		named_attrs; /* those that the command line names, set or not; MOUNT_ATTR__ATIME is one */
	bool names_read_only; /* it names ro or rw */
	bool remount;	      /* only change the flags of the mount that is there */
	bool allow_other;

	bool policies; /* one may come at any time */
	char *policy_files[LAMINA_POLICY_MAX_FILES];
	size_t n_policy_files; /* to be in force from the start */
	uint32_t upcall_wait;  /* seconds that upcalls wait for a server; UINT32_MAX: for ever */
	bool take_over;	       /* serve the view that is mounted on `mountpoint` */

	bool foreground, debug;
	bool pretend; /* mount -f: everything but the mount */
	bool help, version;
};

/*
 * Parse the command line. Unknown options are warned about on stderr, as for fuse-overlayfs; what
 * cannot be meant is an error. On success the caller frees with lamina_mount_options_done().
 */
errint_t lamina_mount_options_parse(struct lamina_mount_options *ret, int argc, char **argv,
				    struct lamina_error *error);
void lamina_mount_options_done(struct lamina_mount_options *o);

/* Print the usage with all options, as the man page has them. */
void lamina_mount_options_help(const char *program);
