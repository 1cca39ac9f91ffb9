/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Filters: what the rest of the views calls of them, and what stands for it where there is no BPF.
 * Included by view.h, at its end. What programs see is in <linux/fuse_filter.h>.
 */
#ifndef _FS_FUSE_BPF_FILTER_H
#define _FS_FUSE_BPF_FILTER_H

/**
 * struct fuse_wants - the facts that a filter wants, as they were when it was last updated
 * @count: references: the filter's and those of who collects facts
 * @facts: FUSE_FILTER_WANT_*
 * @marks: empty if not wanted, as the others
 * @sibling_len: length of @sibling
 * @child_len: length of @child
 * @rcu: to be freed with
 */
struct fuse_wants {
	refcount_t count;
	u32 facts;
	char marks[FUSE_FILTER_MARKS][FUSE_FILTER_MARK_LEN];
	char sibling[FUSE_FILTER_WORD_LEN];
	char child[FUSE_FILTER_WORD_LEN];
	char value[FUSE_FILTER_MARK_LEN];
	u8 sibling_len;
	u8 child_len;
	struct rcu_head rcu;
};

/**
 * struct fuse_data - what is said to the filters of one view
 * @since: the epoch that begins with them
 * @rcu: to be freed with
 * @nr: how many words
 * @words: for the filters to read
 */
struct fuse_data {
	unsigned long since;
	struct rcu_head rcu;
	u32 nr;
	u32 words[] __counted_by(nr);
};

/* The value of an extended attribute, or what came instead. */
struct fuse_value {
	int len; /* or an error */
	char bytes[FUSE_FILTER_VALUE_MAX];
};

/* The filters that are asked about an operation, a bit for each. */
static inline u8 fuse_filter_wanted(const struct fuse_view *view, enum fuse_filter_op op)
{
	return READ_ONCE(view->listeners.to[op]);
}

/* What a filter wants to be told; NULL if it is nothing. */
static inline const struct fuse_wants *fuse_wants_of(const struct fuse_asker *asker,
						     unsigned int which)
{
	return asker->facts ? asker->wants[which] : NULL;
}

/* Does a name begin with the prefix that a filter asks for? */
static inline bool fuse_is_sibling(const struct fuse_wants *wants, const char *name,
				   unsigned int len)
{
	unsigned int n = wants->sibling_len;

	return n && name[0] == wants->sibling[0] && n <= len && !memcmp(name, wants->sibling, n);
}

/* The length of the prefix of siblings if a name has it, and more than that; else 0. */
static inline unsigned int fuse_sibling_of(const struct fuse_wants *wants, const char *name,
					   unsigned int len)
{
	return fuse_is_sibling(wants, name, len) && len > wants->sibling_len ? wants->sibling_len
									     : 0;
}

/* The object that a question is about. */
static inline void fuse_ctx_describe(struct fuse_filter_ctx *ctx, const struct inode *inode)
{
	const struct fuse_layer *layer = fuse_inode_top(inode)->layer;

	ctx->tag = layer->tag;
	ctx->layer = layer->pos;
	ctx->ino = container_of(inode, struct fuse_inode, inode)->orig_ino;
	ctx->mode = inode->i_mode;
}

#ifdef CONFIG_FUSE_BPF_FILTERS

/* filter.c */
int fuse_filter_add_id(struct fuse_view *view, const char *id, u64 cookie);
int fuse_filter_add_link(struct fuse_view *view, u32 fd, u64 cookie);
void fuse_filters_drop(struct fuse_view *view);
int fuse_filters_set_data(struct fuse_view *view, struct fuse_data *data);
bool fuse_filters_speak_for(const struct fuse_view *view, unsigned long epoch);
bool fuse_filter_show(const struct fuse_view_filter *vf, const char **ret_id);
struct fuse_wants *fuse_wants_get(const struct fuse_view_filter *vf);
void fuse_wants_put(struct fuse_wants *wants);

/* ask.c */
int fuse_filter_ask(struct fuse_view *view, u8 whom, struct fuse_call *call);
int fuse_filter_gate(struct inode *inode, enum fuse_filter_op op, const char *name, loff_t pos,
		     size_t len);
int fuse_filter_open(struct inode *inode, const struct file *file);

/* access.c */
int fuse_filter_access(struct dentry *entry, u32 accesses, u32 flags);
int fuse_filter_access_unnamed(struct dentry *dir, u32 accesses);
int fuse_filter_access_other_name(struct dentry *old, struct dentry *new, u32 leaves);
int fuse_name_listed(struct fuse_asker *asker, const char *name, unsigned int len);

/* gate.c */
int fuse_filter_gate_name(struct dentry *entry, enum fuse_filter_op op, umode_t mode, dev_t rdev);

/* struct_ops.c */
int fuse_filters_init(void);
bool fuse_filters_offered(void);

#else

static inline int fuse_filter_add_id(struct fuse_view *view, const char *id, u64 cookie)
{
	return -EOPNOTSUPP;
}

static inline int fuse_filter_add_link(struct fuse_view *view, u32 fd, u64 cookie)
{
	return -EOPNOTSUPP;
}

static inline void fuse_filters_drop(struct fuse_view *view)
{
}

static inline int fuse_filters_set_data(struct fuse_view *view, struct fuse_data *data)
{
	return -EOPNOTSUPP;
}

static inline bool fuse_filters_speak_for(const struct fuse_view *view, unsigned long epoch)
{
	return true;
}

static inline bool fuse_filter_show(const struct fuse_view_filter *vf, const char **ret_id)
{
	return false;
}

static inline struct fuse_wants *fuse_wants_get(const struct fuse_view_filter *vf)
{
	return NULL;
}

static inline void fuse_wants_put(struct fuse_wants *wants)
{
}

static inline int fuse_filter_ask(struct fuse_view *view, u8 whom, struct fuse_call *call)
{
	return 0;
}

static inline int fuse_filter_gate(struct inode *inode, enum fuse_filter_op op, const char *name,
				   loff_t pos, size_t len)
{
	return 0;
}

static inline int fuse_filter_open(struct inode *inode, const struct file *file)
{
	return 0;
}

static inline int fuse_filter_access(struct dentry *entry, u32 accesses, u32 flags)
{
	return 0;
}

static inline int fuse_filter_access_unnamed(struct dentry *dir, u32 accesses)
{
	return 0;
}

static inline int fuse_filter_access_other_name(struct dentry *old, struct dentry *new, u32 leaves)
{
	return 0;
}

static inline int fuse_name_listed(struct fuse_asker *asker, const char *name, unsigned int len)
{
	return 1;
}

static inline int fuse_filter_gate_name(struct dentry *entry, enum fuse_filter_op op, umode_t mode,
					dev_t rdev)
{
	return 0;
}

static inline int fuse_filters_init(void)
{
	return 0;
}

static inline bool fuse_filters_offered(void)
{
	return false;
}

#endif /* CONFIG_FUSE_BPF_FILTERS */

/* May an operation on an open file or inode go on? */
static inline int fuse_view_gate_at(struct inode *inode, enum fuse_filter_op op, loff_t pos,
				    size_t len)
{
	int err = fuse_view_alive(inode);

	if (!err && unlikely(fuse_filter_wanted(fuse_inode_view(inode), op)))
		err = fuse_filter_gate(inode, op, NULL, pos, len);
	return err;
}

static inline int fuse_view_gate(struct inode *inode, enum fuse_filter_op op)
{
	return fuse_view_gate_at(inode, op, 0, 0);
}

/* The same for an operation on a name; @mode and @rdev are those of what has it, or will. */
static inline int fuse_gate_name(struct dentry *entry, enum fuse_filter_op op, umode_t mode,
				 dev_t rdev)
{
	if (fuse_filter_wanted(fuse_inode_view(d_inode(entry->d_parent)), op))
		return fuse_filter_gate_name(entry, op, mode, rdev);
	return 0;
}

/* The same for an operation that names an extended attribute; 1 if there is to be none. */
static inline int fuse_view_gate_xattr(struct inode *inode, enum fuse_filter_op op,
				       const char *name)
{
	if (fuse_filter_wanted(fuse_inode_view(inode), op))
		return fuse_filter_gate(inode, op, name, 0, 0);
	return 0;
}

/* Is there anybody to ask about accesses? */
static inline bool fuse_view_is_governed(const struct super_block *sb)
{
	return unlikely(fuse_filter_wanted(get_fuse_conn_super((struct super_block *)sb)->view,
					   FUSE_FILTER_ACCESS));
}

/* May a process do something with what has a name? @accesses: a bit for each. */
static inline int fuse_view_access(struct dentry *entry, u32 accesses)
{
	return fuse_view_is_governed(entry->d_sb) ? fuse_filter_access(entry, accesses, 0) : 0;
}

/* The same for making a file without a name in @dir. */
static inline int fuse_view_access_unnamed(struct dentry *dir, u32 accesses)
{
	return fuse_view_is_governed(dir->d_sb) ? fuse_filter_access_unnamed(dir, accesses) : 0;
}

/* The same for another name for an object; @leaves is what that is for the name that it has. */
static inline int fuse_view_access_other_name(struct dentry *old, struct dentry *new, u32 leaves)
{
	if (fuse_view_is_governed(old->d_sb))
		return fuse_filter_access_other_name(old, new, leaves);
	return 0;
}

#endif /* _FS_FUSE_BPF_FILTER_H */
