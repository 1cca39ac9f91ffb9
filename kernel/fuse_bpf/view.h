/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Views: what the files of this directory share.
 *
 * An inode of a view stands for a stack of backing objects, one in each layer that has it, and has
 * operations of its own: no function that sends a request is reachable from it. Inodes of servers
 * and inodes of views never mix in a directory.
 *
 * Life times. A layer lives from its registration to the unmount, after the last inode. An inode's
 * stack is set once, before the inode can be found, and is freed with it, so who holds the inode
 * reads the stack without a lock; it is freed after a grace period, for rcu-walk.
 *
 * Lock order, from the outside in; no other two are ever held together:
 *
 *	i_rwsem of an inode of the view
 *	  fuse_inode.mutex		building a directory's listing
 *	    i_rwsem of a backing inode	taken by lookup_one_unlocked() and iterate_dir()
 *	fuse_conn.killsb (read)
 *	  fuse_view.lock		the layers, and the change from open to set to dead
 *	    i_rwsem of the root		only tried
 *	    filters_lock of filter.c	which views have which filters; also below BPF's own lock
 *
 * fuse_inode.lock, a spinlock, guards what filters say of an inode; nothing is taken below it.
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

struct statfs;

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
 * @at: the topmost first. Each holds a reference to a positive dentry.
 */
struct fuse_stack {
	unsigned int nr;
	bool remote;
	struct fuse_place at[] __counted_by(nr);
};

/**
 * struct fuse_found - the places that a search has found
 * @places: the topmost first; none means that there is no such name
 * @nr: how many
 * @room: for how many there is space
 * @few: where they are if they are few
 */
struct fuse_found {
	struct fuse_place *places;
	unsigned int nr;
	unsigned int room;
	struct fuse_place few[8];
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
 * @epoch: names that were looked up in another epoch are looked up again
 * @namelen: longest name in any layer
 * @error: what every operation fails with: the view was aborted, or a filter was detached
 * @dev: number of the mount, for filters
 * @counters: what happened, for each CPU
 */
struct fuse_view {
	struct mutex lock; /* see above */
	enum fuse_view_state state;
	u32 marks;
	bool remote;
	unsigned int nr;
	unsigned int shown;
	struct fuse_layer *layers[FUSE_BPF_LAYERS_MAX];
	struct fuse_view_filter filters[FUSE_FILTERS_MAX];
	unsigned int nr_filters;
	struct fuse_listeners listeners;
	bool facts;
	unsigned long epoch;
	long namelen;
	int error;
	u32 dev;
	struct fuse_view_counters __percpu *counters;
};

/**
 * struct fuse_name - a name in a merged directory, and where it is
 * @next: in the same bucket
 * @pending: while the listing is made: the next name of the directory that is read
 * @raw_ino: its number in that directory
 * @ino: the number that the view shows, of the topmost place
 * @hash: of the name
 * @len: its length
 * @type: DT_*
 * @raw_type: its DT_* there
 * @queued: while the listing is made: it is among those
 * @present: while the listing is made: that directory has it
 * @sibling: while the listing is made: that directory has it with a prefix that a filter asks for
 * @visible: the view shows it
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
	u8 len;
	u8 type;
	u8 raw_type;
	bool queued;
	bool present;
	bool sibling;
	bool visible;
	bool closed;
	unsigned long where[];
};

/**
 * struct fuse_listing - all names of a merged directory
 * @count: references: of the inode and of open files
 * @epoch: of the view when it was made
 * @longs: length of fuse_name.where
 * @nr: names
 * @room: for how many there is space; a power of two, or zero
 * @names: in a fixed order, which gives the positions of readdir
 * @buckets: @room chains of names
 */
struct fuse_listing {
	refcount_t count;
	unsigned long epoch;
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

/* layer.c */
int fuse_layer_new(struct file *file, struct super_block *own, struct user_namespace *user_ns,
		   int max_depth, u64 tag, struct fuse_layer **ret_layer);
void fuse_layers_free(struct fuse_layer **layers, unsigned int nr);
u64 fuse_layer_ino(const struct fuse_layer *layer, u64 ino);
int fuse_layer_lookup(const struct fuse_place *dir, const char *name, unsigned int len,
		      struct dentry **ret_dentry);
struct file *fuse_layer_open_dir(const struct fuse_place *dir, int flags);

static inline struct path fuse_place_path(const struct fuse_place *place)
{
	return (struct path){.mnt = place->layer->mnt, .dentry = place->dentry};
}

static inline const struct cred *fuse_place_override(const struct fuse_place *place)
{
	return override_creds(place->layer->cred);
}

/* view.c */
struct fuse_view *fuse_view_new(void);
void fuse_view_free(struct fuse_view *view);
int fuse_view_add(struct fuse_view *view, struct fuse_layer *layer);
int fuse_view_del(struct fuse_view *view, u32 id);
int fuse_view_add_filter(struct fuse_view *view, const char *id, int fd, u64 cookie);
int fuse_view_set(struct fuse_view *view, struct super_block *sb, const u32 *ids, unsigned int nr,
		  u32 marks);
void fuse_view_close(struct fuse_view *view);

/* mount.c */
bool fuse_view_marks_valid(u32 marks);

static inline struct fuse_view *fuse_inode_view(const struct inode *inode)
{
	return ((struct fuse_mount *)inode->i_sb->s_fs_info)->fc->view;
}

static inline void fuse_view_count(struct fuse_view *view, enum fuse_view_counter which)
{
	this_cpu_inc(view->counters->n[which]);
}

/* A view that was aborted or closed serves nothing, not even to who has a file open. */
static inline int fuse_view_alive(const struct inode *inode)
{
	return READ_ONCE(fuse_inode_view(inode)->error);
}

/* For operations that are reached by path: may the process use this mount at all? */
static inline int fuse_view_enter(struct inode *inode)
{
	if (!fuse_allow_current_process(get_fuse_conn(inode)))
		return -EACCES;
	return fuse_view_alive(inode);
}

/* stack.c */
struct fuse_stack *fuse_stack_new(const struct fuse_place *places, unsigned int nr);
void fuse_stack_free(struct fuse_stack *stack);
void fuse_places_put(const struct fuse_place *places, unsigned int nr);
bool fuse_places_same(const struct fuse_stack *stack, const struct fuse_place *places,
		      unsigned int nr);

static inline struct fuse_stack *fuse_inode_stack(const struct inode *inode)
{
	return READ_ONCE(container_of(inode, struct fuse_inode, inode)->stack);
}

/* The topmost backing object: the one whose attributes and data the inode has. */
static inline const struct fuse_place *fuse_inode_top(const struct inode *inode)
{
	return &fuse_inode_stack(inode)->at[0];
}

/* asker.c */
int fuse_asker_init(struct fuse_asker *asker, struct inode *dir);
int fuse_asker_init_listing(struct fuse_asker *asker, struct inode *dir);
void fuse_asker_done(struct fuse_asker *asker);
void fuse_dir_set_states(struct inode *dir, const struct fuse_asker *asker);

/* verdict.c */
int fuse_name_verdict(struct fuse_asker *asker, const char *name, unsigned int len);
int fuse_verdict(struct fuse_asker *asker, const struct fuse_fact *fact);
bool fuse_verdict_needs_lookup(const struct fuse_asker *asker, unsigned int d_type, bool last);
int fuse_place_verdict(struct fuse_asker *asker, const struct fuse_place *dir,
		       const struct fuse_place *place, const char *name, unsigned int len,
		       bool last);
const char *fuse_marks_prefix(const struct fuse_view *view);

/* search.c */
int fuse_view_search(struct inode *dir, const struct qstr *name, struct fuse_asker *asker,
		     struct fuse_found *found);
void fuse_found_free(struct fuse_found *found);
void fuse_found_drop(struct fuse_found *found);

/* lookup.c */
struct dentry *fuse_view_lookup(struct inode *dir, struct dentry *entry, unsigned int flags);

/* dentry.c */
extern const struct dentry_operations fuse_view_dentry_operations;
extern const struct dentry_operations fuse_view_checked_dentry_operations;
int fuse_dentry_settle(struct dentry *dir);
int fuse_dentry_check(struct dentry *entry);

/* collect.c */
struct fuse_listing *fuse_listing_new(struct inode *dir);
struct fuse_name *fuse_listing_entry(const struct fuse_listing *listing, const struct qstr *name);
void fuse_listing_put(struct fuse_listing *listing);

/* listing.c */
struct fuse_listing *fuse_listing_get(struct inode *dir);
bool fuse_listing_find(struct inode *dir, unsigned long epoch, const struct qstr *name,
		       unsigned long *where);
void fuse_listing_consider(struct inode *dir, unsigned int asked);

/* inode.c */
struct inode *fuse_view_iget(struct super_block *sb, const struct fuse_place *places,
			     unsigned int nr);
void fuse_view_adopt(struct inode *inode, struct fuse_stack *stack);
void fuse_view_annotate_locks(struct inode *inode);

/* shown.c */
void fuse_shown_init(struct inode *inode, const struct fuse_place *place);
int fuse_shown_update(struct inode *inode, bool may_sleep);

/* attr.c */
int fuse_view_getattr(struct mnt_idmap *idmap, const struct path *path, struct kstat *stat,
		      u32 request_mask, unsigned int flags);
int fuse_view_permission(struct mnt_idmap *idmap, struct inode *inode, int mask);
const char *fuse_view_get_link(struct dentry *dentry, struct inode *inode,
			       struct delayed_call *done);
struct posix_acl *fuse_view_get_inode_acl(struct inode *inode, int type, bool rcu);
struct posix_acl *fuse_view_get_acl(struct mnt_idmap *idmap, struct dentry *dentry, int type);
int fuse_view_fileattr_get(struct dentry *dentry, struct fileattr *fa);
int fuse_view_fiemap(struct inode *inode, struct fiemap_extent_info *info, u64 start, u64 len);

/* xattr.c */
ssize_t fuse_view_listxattr(struct dentry *dentry, char *list, size_t size);

/* file.c, readdir.c */
extern const struct file_operations fuse_view_file_operations;
extern const struct file_operations fuse_view_dir_operations;

#include "filter.h"

#endif /* _FS_FUSE_BPF_VIEW_H */
