/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Views: what the files of this directory share.
 *
 * An inode of a view stands for a stack of backing objects, one in each layer that has it, and has
 * operations of its own: no function that sends a request is reachable from it. Inodes of servers
 * and inodes of views never mix in a directory.
 *
 * Life times. A layer lives from its registration to the unmount, after the last inode. An inode's
 * stack is set before the inode can be found, and replaced at most when the inode gets a part in
 * the upper or loses lower ones. A replaced stack stays until the inode goes, so who holds the
 * inode reads its stack without a lock; it is freed after a grace period, for rcu-walk.
 *
 * Lock order, from the outside in; no other two are ever held together:
 *
 *	i_rwsem of an inode of the view
 *	  a held inode			directories first, the others by address; see upper.h
 *	    fuse_view.paths
 *	      fuse_inode.mutex		building a directory's listing
 *	      freeze protection of the upper
 *	        s_vfs_rename_mutex of the upper's file system
 *	          i_rwsem of a backing inode	also taken by lookup_one_unlocked(), iterate_dir()
 *	            fuse_view.keys
 *	fuse_conn.killsb (read)
 *	  fuse_view.lock		the layers, and the change from open to set to dead
 *	    i_rwsem of the root		only tried
 *	    filters_lock of filter.c	which views have which filters; also below BPF's own lock
 *
 * fuse_inode.lock, a spinlock, guards what filters say of an inode, and its stack's replacement;
 * fuse_upcalls.lock the list of upcalls. Nothing is taken below them.
 */
#ifndef _FS_FUSE_BPF_VIEW_H
#define _FS_FUSE_BPF_VIEW_H

#include <linux/bitmap.h>
#include <linux/cred.h>
#include <linux/fs.h>
#include <linux/kdev_t.h>
#include <linux/fuse_bpf.h>
#include <linux/fuse_filter.h>

#include "../fuse_i.h"
#include "asker.h"
#include "upper.h"

struct statfs;
struct fuse_upcall;

/* With the upper. */
#define FUSE_VIEW_LAYERS_MAX (FUSE_BPF_LAYERS_MAX + 1)

/**
 * struct fuse_layer - a registered directory
 * @mnt: private clone of the mount it lies on, whose root it is; gives the id mapping
 * @cred: what the backing objects are reached with
 * @tag: the registrant's name for it
 * @id: the registrant's handle, from 1
 * @pos: its place in the view, from 0 for the topmost
 * @fsid: number of its file system among those of the connection's layers
 * @dev: what stat says of it; layers with the same one share inode numbers
 * @remote: names in it can change without the VFS' doing
 * @upper: it is written to
 * @retired: nothing in it is changed any more
 * @users: of an upper: who is changing something in it, and one more until it is retired; then
 *         others may have it
 * @rcu: to be freed with
 */
struct fuse_layer {
	struct vfsmount *mnt;
	const struct cred *cred;
	u64 tag;
	u32 id;
	u32 pos;
	u32 fsid;
	dev_t dev;
	bool remote;
	bool upper;
	bool retired;
	refcount_t users;
	struct rcu_head rcu;
};

/* A backing object: a file or directory of a layer. */
struct fuse_place {
	struct fuse_layer *layer;
	struct dentry *dentry;
};

/**
 * struct fuse_stack - the backing objects of an inode
 * @nr: how many; more than one only for a directory
 * @remote: one of them is in a remote layer
 * @upper: the first is in the upper
 * @old: the stack that the inode had before, or NULL
 * @at: the topmost first. Each holds a reference to a positive dentry.
 */
struct fuse_stack {
	unsigned int nr;
	bool remote;
	bool upper;
	struct fuse_stack *old;
	struct fuse_place at[] __counted_by(nr);
};

/**
 * struct fuse_found - the places that a search has found
 * @places: the topmost first; none means that there is no such name
 * @nr: how many
 * @room: for how many there is space
 * @few: where they are if they are few
 * @in_upper: the upper has an object of this name
 * @hidden: a filter has hidden something
 * @numbered: @ino is to be shown, whatever number the topmost place has
 * @ino: recorded in the upper
 * @lower_nlink: with @link: how many names the lower file has
 * @link: the key of a lower file with several names, or NULL
 */
struct fuse_found {
	struct fuse_place *places;
	unsigned int nr;
	unsigned int room;
	struct fuse_place few[8];
	bool in_upper;
	bool hidden;
	bool numbered;
	u64 ino;
	u32 lower_nlink;
	char *link;
};

enum fuse_view_state {
	FUSE_VIEW_OPEN, /* layers come and go */
	FUSE_VIEW_SET,	/* layers don't change, the mount shows them */
	FUSE_VIEW_DEAD, /* unmounted */
};

enum fuse_view_counter {
	FUSE_COUNT_LOOKUPS,	  /* names that were not in the dcache */
	FUSE_COUNT_LAYER_LOOKUPS, /* layers that were asked for a name */
	FUSE_COUNT_LISTINGS,	  /* listings made */
	FUSE_COUNT_OPENS,	  /* files opened */
	FUSE_COUNT_ASKED,	  /* filters that were asked something */
	FUSE_COUNT_REFUSED,	  /* verdicts that were not allowed */
	FUSE_COUNTERS,
};

struct fuse_view_counters {
	unsigned long n[FUSE_COUNTERS];
};

/**
 * struct fuse_merge - what an open directory that is put together remembers
 * @upper: the names of its part in the upper, which give the positions; NULL if it has none
 * @shown: the same names, as filters want them shown now
 * @lower: the listing of its lower parts, or NULL
 * @copied: they were all copied up meanwhile, and @shown has their names, too
 */
struct fuse_merge {
	struct fuse_listing *upper;
	struct fuse_listing *shown;
	struct fuse_listing *lower;
	bool copied;
};

/* A filter as one view has it; see filter.c. */
struct fuse_view_filter {
	struct fuse_filter *filter;
	struct fuse_view *view;
	u64 cookie;
	struct list_head user; /* of the filter's views */
};

/**
 * struct fuse_listeners - which filters of a view are asked about what, a bit for each
 * @to: about an enum fuse_filter_op
 * @by_state: about names only where their state is not 0
 * @by_facts: about entries only where one of their facts is there
 * @watching: in lookups, but not in listings
 */
struct fuse_listeners {
	u8 to[FUSE_FILTER_OPS];
	u8 by_state;
	u8 by_facts;
	u8 watching;
};

/**
 * struct fuse_view - the layers of a connection, and what its mount shows
 * @lock: guards @state, @layers and @nr until the view is set; then they don't change before
 *        the unmount
 * @state: one of enum fuse_view_state
 * @marks: FUSE_VIEW_MARKS_*
 * @remote: one of the layers shown is remote
 * @nr: slots used in @layers
 * @shown: how many layers the mount shows; they are the first in @layers, as they are stacked
 * @layers: before the view is set, by id - 1, and NULL where one was dropped
 * @filters: asked in this order; like @layers
 * @nr_filters: how many
 * @listeners: which of them are asked about what; changed, as @facts, under the lock of filter.c
 * @facts: a filter wants facts that have to be collected
 * @data: for filters; changed, with @epoch, under the lock of filter.c
 * @epoch: names that were looked up in another epoch are looked up again
 * @namelen: longest name in any layer
 * @error: what every operation fails with: the view was aborted, or a filter was detached
 * @dev: number of the mount, for filters
 * @counters: what happened, for each CPU
 * @epoch_lock: @epoch is only changed under it
 * @upper: of a writable view: the topmost layer; else NULL. It, and what follows up to @wait, are
 *         set with the view
 * @index: directory of hard links, on the upper's file system
 * @work: directory for what isn't finished, likewise
 * @own: prefix of the server's extended attributes
 * @opaque: the extended attribute that makes a directory opaque
 * @wait: seconds to wait for a server
 * @paths: see upper.h
 * @keys: inodes are found by their keys, and may not be while a key is changed
 * @upcalls: see upper.h
 */
struct fuse_view {
	struct mutex lock; /* see above */
	enum fuse_view_state state;
	u32 marks;
	bool remote;
	unsigned int nr;
	unsigned int shown;
	struct fuse_layer *layers[FUSE_VIEW_LAYERS_MAX];
	struct fuse_view_filter filters[FUSE_FILTERS_MAX];
	unsigned int nr_filters;
	struct fuse_listeners listeners;
	bool facts;
	struct fuse_data __rcu *data;
	unsigned long epoch;
	long namelen;
	int error;
	u32 dev;
	struct fuse_view_counters __percpu *counters;
	spinlock_t epoch_lock; /* see above */
	struct fuse_layer *upper;
	struct dentry *index;
	struct dentry *work;
	char own[FUSE_VIEW_OWN_LEN];
	char opaque[FUSE_VIEW_OPAQUE_LEN];
	u32 wait;
	struct rw_semaphore paths;
	struct rw_semaphore keys;
	struct fuse_upcalls upcalls;
};

/**
 * struct fuse_name - a name in a merged directory, and where it is
 * @next: in the same bucket
 * @pending: while the listing is made: the next name of the directory that is read
 * @raw_ino: its number in that directory
 * @ino: the number that the view shows, of the topmost place
 * @hash: of the name
 * @asks: accesses that filters want to be asked about
 * @len: its length
 * @type: DT_*
 * @raw_type: its DT_* there
 * @queued: while the listing is made: it is among those
 * @present: while the listing is made: that directory has it
 * @sibling: while the listing is made: that directory has it with a prefix that a filter asks for
 * @visible: the view shows it
 * @governed: not to everybody
 * @said: filters were asked about the name, and don't hide it; what they said is in @asks
 * @closed: while the listing is made: layers further down don't count
 * @where: bitmap of the places in the directory's stack that have it; empty if it is removed. The
 *         name itself follows, not terminated.
 */
struct fuse_name {
	struct fuse_name *next;
	struct fuse_name *pending;
	u64 raw_ino;
	u64 ino;
	u32 hash;
	u32 asks;
	u8 len;
	u8 type;
	u8 raw_type;
	bool queued;
	bool present;
	bool sibling;
	bool visible;
	bool governed;
	bool said;
	bool closed;
	unsigned long where[];
};

/**
 * struct fuse_listed - what the listing of the lower parts says of a name
 * @where: bitmap of the lower places of the directory's stack that have it
 * @said: filters have nothing against the name
 * @asks: with @said: as fuse_name.asks
 */
struct fuse_listed {
	DECLARE_BITMAP(where, FUSE_BPF_LAYERS_MAX);
	bool said;
	u32 asks;
};

/**
 * struct fuse_listing - all names of a merged directory
 * @count: references: of the inode and of open files
 * @epoch: of the view when it was made
 * @places: how many places @where is about
 * @longs: length of fuse_name.where
 * @nr: names
 * @room: for how many there is space; a power of two, or zero
 * @names: in a fixed order, which gives the positions of readdir
 * @buckets: @room chains of names
 */
struct fuse_listing {
	refcount_t count;
	unsigned long epoch;
	unsigned int places;
	unsigned int longs;
	u32 nr;
	u32 room;
	struct fuse_name **names;
	struct fuse_name **buckets;
};

static inline char *fuse_name_text(const struct fuse_listing *listing, struct fuse_name *n)
{
	return (char *)(n->where + listing->longs);
}

/* The S_IFMT bits of a DT_*. */
static inline umode_t fuse_dtype_mode(unsigned int d_type)
{
	return d_type << S_DT_SHIFT;
}

#include "calls.h"
#include "writing.h"
#include "filter.h"

#endif /* _FS_FUSE_BPF_VIEW_H */
