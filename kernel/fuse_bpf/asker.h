/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is handed around when a verdict on a name is asked for: what is known of it, and who asks.
 * Included by view.h.
 */
#ifndef _FS_FUSE_BPF_ASKER_H
#define _FS_FUSE_BPF_ASKER_H

#include <linux/fuse_filter.h>
#include <linux/types.h>

struct fuse_layer;
struct fuse_value;
struct fuse_view;
struct fuse_wants;

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
 * @entries: filters to ask about each entry
 * @factual: those among them to ask only where one of their facts is there
 * @siblings: filters that want to be told of siblings
 * @facts: facts have to be collected
 * @rdev: device numbers are among them
 * @inside: so is what is inside a directory, and its marks
 * @states: of the directory, for each filter
 * @next: for the name that was asked about last
 * @wants: which facts each filter wants, or NULL
 * @call: what is asked; made ready for the first question
 */
struct fuse_asker {
	struct fuse_view *view;
	unsigned long epoch;
	u64 dir;
	u8 names;
	u8 entries;
	u8 factual;
	u8 siblings;
	bool facts;
	bool rdev;
	bool inside;
	u64 states[FUSE_FILTERS_MAX];
	u64 next[FUSE_FILTERS_MAX];
	struct fuse_wants *wants[FUSE_FILTERS_MAX];
	struct fuse_call call;
};

#endif /* _FS_FUSE_BPF_ASKER_H */
