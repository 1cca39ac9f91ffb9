/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is handed around when a verdict on a name is asked for: what is known of it, and who asks.
 * Included by view.h.
 */
#ifndef _FS_FUSE_BPF_ASKER_H
#define _FS_FUSE_BPF_ASKER_H

#include <linux/bits.h>
#include <linux/fs.h>
#include <linux/fuse_filter.h>
#include <linux/types.h>

struct dentry;
struct fuse_data;
struct fuse_layer;
struct fuse_value;
struct fuse_view;
struct fuse_wants;

#define FUSE_ACCESS_ALL	  GENMASK(FUSE_ACCESSES - 1, 0)
#define FUSE_ACCESS(what) BIT(FUSE_ACCESS_##what)

/* The access that making an object is; only the type counts. */
static inline u32 fuse_access_make(umode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFDIR:
		return FUSE_ACCESS(MAKE_DIR);
	case S_IFLNK:
		return FUSE_ACCESS(MAKE_SYM);
	case S_IFSOCK:
		return FUSE_ACCESS(MAKE_SOCK);
	case S_IFIFO:
		return FUSE_ACCESS(MAKE_FIFO);
	case S_IFCHR:
		return FUSE_ACCESS(MAKE_CHAR);
	case S_IFBLK:
		return FUSE_ACCESS(MAKE_BLOCK);
	default:
		return FUSE_ACCESS(MAKE_REG);
	}
}

/* The access that taking a name of an object away is. */
static inline u32 fuse_access_remove(umode_t mode)
{
	return S_ISDIR(mode) ? FUSE_ACCESS(REMOVE_DIR) : FUSE_ACCESS(REMOVE_FILE);
}

/* The accesses of an open with these flags. */
static inline u32 fuse_access_open(unsigned int flags)
{
	u32 accesses = flags & O_TRUNC ? FUSE_ACCESS(TRUNCATE) : 0;

	if (flags & __FMODE_EXEC)
		return FUSE_ACCESS(EXECUTE);
	if ((flags & O_ACCMODE) != O_WRONLY)
		accesses |= FUSE_ACCESS(READ_FILE);
	if ((flags & O_ACCMODE) != O_RDONLY)
		accesses |= FUSE_ACCESS(WRITE_FILE);
	return accesses;
}

/* What a filter asked to be told of a name in a layer. */
struct fuse_told {
	u32 flags; /* FUSE_FILTER_HAS_* */
	u8 marks[FUSE_FILTER_MARKS];
};

/**
 * struct fuse_fact - what a layer has under a name, as far as it matters for the verdict on it
 * @layer: the layer
 * @name: not terminated
 * @len: its length
 * @type: S_IFMT bits; 0 if the layer has no such name, but a sibling that a filter asked for
 * @rdev: of a device
 * @opaque: a directory with the view's own mark; only asked for where it makes a difference
 * @told: for each filter; NULL if nothing was collected
 */
struct fuse_fact {
	const struct fuse_layer *layer;
	const char *name;
	unsigned int len;
	umode_t type;
	dev_t rdev;
	bool opaque;
	const struct fuse_told *told;
};

/**
 * struct fuse_call - what filters are asked, and what comes back besides the verdict
 * @ctx: what the program sees; must be first
 * @name: of ctx.name_len bytes, or NULL
 * @states: what the filters said of the directory, or NULL
 * @next: what they say of the name, or NULL
 * @from: access: what they said of where something comes from, or NULL
 * @asks: name: accesses that they want to be asked about, or NULL
 * @data: name, access: the view's, while filters are asked; or NULL
 * @epoch: name, access: of @states
 * @dir: access: the directory of the name
 * @told: facts for each filter, or NULL
 * @which: the filter that is asked
 * @value: attr: the wanted value for each filter, or NULL
 * @attr: attr: what is shown, may be changed
 * @changed: attr: it was
 * @user_ns: attr: whose ids can be shown
 */
struct fuse_call {
	struct fuse_filter_ctx ctx;
	const char *name;
	const u64 *states;
	u64 *next;
	const u64 *from;
	u32 *asks;
	const struct fuse_data *data;
	unsigned long epoch;
	struct dentry *dir;
	const struct fuse_told *told;
	unsigned int which;
	struct fuse_value *value;
	struct fuse_filter_attr *attr;
	bool changed;
	struct user_namespace *user_ns;
};

/**
 * struct fuse_asker - who asks for verdicts on names of one directory
 * @view: the view
 * @epoch: of the filters' states; what changes meanwhile makes the answers stale
 * @dir: inode number of the directory
 * @names: filters to ask about each name, a bit for each
 * @access: filters to ask about accesses
 * @entries: filters to ask about each entry
 * @factual: those among them to ask only where one of their facts is there
 * @siblings: filters that want to be told of siblings
 * @facts: facts have to be collected
 * @rdev: device numbers are among them
 * @inside: so is what is inside a directory, and its marks
 * @states: of the directory, for each filter
 * @next: for the name that was asked about last
 * @asks: of that name, the accesses to ask about
 * @wants: which facts each filter wants, or NULL
 * @call: what is asked; made ready for the first question
 */
struct fuse_asker {
	struct fuse_view *view;
	unsigned long epoch;
	u64 dir;
	u8 names;
	u8 access;
	u8 entries;
	u8 factual;
	u8 siblings;
	bool facts;
	bool rdev;
	bool inside;
	u64 states[FUSE_FILTERS_MAX];
	u64 next[FUSE_FILTERS_MAX];
	u32 asks;
	struct fuse_wants *wants[FUSE_FILTERS_MAX];
	struct fuse_call call;
};

#endif /* _FS_FUSE_BPF_ASKER_H */
