/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The union of an image's layers: what is open while it is mounted, and nothing about single
 * objects. Everything below driver/union works on this and on `struct lamina_dir`, so the same
 * code serves the FUSE engines (which keep nodes) and an upcall server (which keeps nothing).
 *
 * A union is filled once by lamina_union_open() and read-only afterwards, so it needs no lock;
 * the one exception is `index_used`, which only ever goes from false to true.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/errint.h"
#include "base/error.h"

/* Where a layer keeps owner and mode when the files on disk cannot carry them. */
enum lamina_override {
	LAMINA_OVERRIDE_NONE,
	LAMINA_OVERRIDE_SECURITY,      /* security.fuseoverlayfs.override_stat */
	LAMINA_OVERRIDE_CONTAINERS,    /* user.containers.override_stat */
	LAMINA_OVERRIDE_FUSEOVERLAYFS, /* user.fuseoverlayfs.override_stat, only ever read */
};

/* How a deleted name of a lower layer is recorded in the upper. */
enum lamina_whiteout_form {
	LAMINA_WHITEOUT_CHR, /* character device 0:0 with the name */
	LAMINA_WHITEOUT_DOT, /* empty file `.wh.NAME` */
	LAMINA_WHITEOUT_MARKED, /* empty file with the name and an attribute, in a directory with one */
};

/* What the upper's file system can do beyond the plain calls; see upper.h. */
struct lamina_upper_can {
	bool tmpfile;	      /* files without a name, which can get one */
	bool noreplace;	      /* RENAME_NOREPLACE */
	bool exchange;	      /* RENAME_EXCHANGE */
	bool rename_whiteout; /* RENAME_WHITEOUT */
};

struct lamina_layer {
	int fd;		 /* root directory, O_PATH; a private clone of its mount where permitted */
	dev_t dev;	 /* of the root directory */
	uint16_t dev_nr; /* which of the union's file systems, counted from 0 */
	bool xwhiteouts; /* the root is marked as a directory with marked whiteouts */
	bool fuse;	 /* on a FUSE file system */
	bool numbers_made_up; /* whose inode numbers mean nothing at the next mount */
	bool d_ino_real;      /* its directories list the numbers that stat gives */
	enum lamina_override override;
	char *path; /* as given, for messages only; never opened again */
};

struct lamina_permits;

struct lamina_union {
	struct lamina_layer *layers; /* top first; layers[0] is the upper if `writable` */
	unsigned int n_layers;
	unsigned int n_devs;
	unsigned int n_root;  /* layers merged into the root: the rest lies below an opaque one */
	uint64_t hash_key[2]; /* random: names from a container cannot be made to collide */
	bool writable;

	/* All below is meaningful only if `writable`. */
	int lock_fd;  /* the upper, locked for as long as this is open */
	int work_fd;  /* unfinished objects; emptied at mount */
	int index_fd; /* hard links that were copied up, by the lower file's handle */
	struct lamina_permits *permits; /* NULL: none are needed; see permit.h */
	bool owns_all;			/* nothing in the upper can be given to another owner */
	bool keys_by_number;		/* see key.h */
	atomic_bool index_used;		/* false: the index is known to be empty */
	bool durable;			/* fsync what is copied up */
	uint64_t atime;			/* MOUNT_ATTR_*: how access times are kept */
	int noatime;			/* O_NOATIME if they are not; else 0 */
	const char *xattr_ns;		/* "trusted", "user" or NULL: where our own records go */
	const char *records;		/* and their prefix there, see upper.c */
	struct lamina_upper_can can;
	enum lamina_whiteout_form whiteout_form;
	unsigned int name_max; /* longest name whose deletion can be recorded */
};

struct lamina_union_options {
	int at;	       /* the directory from which relative paths are meant */
	char **lowers; /* paths, top first */
	size_t n_lowers;
	const char *upper; /* NULL: read-only */
	const char *work;
	unsigned int xattr_permissions; /* 0, 1 or 2, as fuse-overlayfs */
	bool dot_whiteouts;		/* write only `.wh.` names */
	bool volatile_;			/* never fsync */
	uint64_t atime;			/* MOUNT_ATTR_* of access times in the upper; 0: relatime */
	bool keep_mounts;		/* lamina_union_make_private() is called later */
	unsigned int lock_wait_ms;	/* for the upper's lock; 0: LAMINA_LOCK_WAIT_MS */
};

/*
 * Open all layers, check that they can be stacked, lock the upper and prepare the work directory.
 * On failure @error says which path and why, and nothing stays open. The lock on the upper is held
 * until lamina_union_close(), or until the process ends in whatever way.
 */
errint_t lamina_union_open(struct lamina_union *ret, const struct lamina_union_options *options,
			   struct lamina_error *error);

/*
 * Go on with private clones of the mounts of layers and upper, as far as that is permitted. Part of
 * lamina_union_open() but for `keep_mounts`: who gives the layers to the kernel does it afterwards.
 */
void lamina_union_make_private(struct lamina_union *u);

/*
 * Clear away what another process left that worked in the upper under the same lock, and was killed.
 * Part of lamina_union_open().
 */
errint_t lamina_union_recover(struct lamina_union *u);

void lamina_union_close(struct lamina_union *u);
