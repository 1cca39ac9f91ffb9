/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of this directory call of each other to show a view; what writing adds is in
 * writing.h. Each is described where it is defined. Included by view.h.
 */
#ifndef _FS_FUSE_BPF_CALLS_H
#define _FS_FUSE_BPF_CALLS_H

/* claim.c */
bool fuse_upper_take(struct inode *root);
void fuse_upper_give_back(struct inode *root);
void fuse_layer_retire(struct fuse_layer *layer);
int fuse_layer_begin_change(struct fuse_layer *layer);
void fuse_layer_end_change(struct fuse_layer *layer);
int fuse_place_begin_change(const struct fuse_place *place, const struct cred **ret_old);
void fuse_place_end_change(const struct fuse_place *place, const struct cred *old);

/* layer.c */
int fuse_layer_new(struct file *file, struct super_block *own, struct user_namespace *user_ns,
		   int max_depth, bool upper, u64 tag, struct fuse_layer **ret_layer);
void fuse_layers_free(struct fuse_layer **layers, unsigned int nr);
u64 fuse_layer_ino(const struct fuse_layer *layer, u64 ino);
int fuse_layer_lookup(const struct fuse_place *dir, const char *name, unsigned int len,
		      struct dentry **ret_dentry);
struct file *fuse_layer_open_dir(const struct fuse_place *dir, int flags);
int fuse_place_getxattr(const struct fuse_place *place, const char *name, void *value, size_t size);
bool fuse_trees_overlap(struct dentry *a, struct dentry *b);

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
int fuse_view_set(struct fuse_view *view, struct super_block *sb, const u32 *ids,
		  const struct fuse_bpf_view_set *arg);
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
struct fuse_stack *fuse_stack_copy(const struct fuse_place *places, unsigned int nr);
void fuse_stack_free(struct fuse_stack *stack);
void fuse_stack_put(const struct fuse_stack *stack);
void fuse_stack_free_all(struct fuse_stack *stack);
void fuse_places_put(const struct fuse_place *places, unsigned int nr);
bool fuse_places_same(const struct fuse_stack *stack, const struct fuse_place *places,
		      unsigned int nr);

/* What an inode of a view remembers. */
static inline struct fuse_view_inode *fuse_vinode(const struct inode *inode)
{
	return &container_of(inode, struct fuse_inode, inode)->view;
}

/* Pairs with fuse_inode_renew(). Who needs it twice takes it once: it may be replaced. */
static inline struct fuse_stack *fuse_inode_stack(const struct inode *inode)
{
	return READ_ONCE(fuse_vinode(inode)->stack);
}

/* The topmost backing object: the one whose attributes and data the inode has. */
static inline const struct fuse_place *fuse_inode_top(const struct inode *inode)
{
	return &fuse_inode_stack(inode)->at[0];
}

/* asker.c */
unsigned long fuse_view_new_epoch(struct fuse_view *view);
int fuse_asker_init(struct fuse_asker *asker, struct inode *dir);
int fuse_asker_init_listing(struct fuse_asker *asker, struct inode *dir);
struct fuse_call *fuse_asker_call(struct fuse_asker *asker, enum fuse_filter_op op,
				  const char *name, unsigned int len);
void fuse_asker_done(struct fuse_asker *asker);
void fuse_dir_set_states(struct inode *dir, const struct fuse_asker *asker);

/* verdict.c */
int fuse_name_verdict(struct fuse_asker *asker, const char *name, unsigned int len);
int fuse_name_recall(struct fuse_asker *asker, const char *name, unsigned int len, u32 asks);
int fuse_verdict(struct fuse_asker *asker, const struct fuse_fact *fact);
bool fuse_verdict_needs_lookup(const struct fuse_asker *asker, unsigned int d_type, bool last);
int fuse_place_verdict(struct fuse_asker *asker, const struct fuse_place *dir,
		       const struct fuse_place *place, const char *name, unsigned int len,
		       bool last);

/* search.c */
int fuse_view_search(struct inode *dir, const struct qstr *name, struct fuse_asker *asker,
		     struct fuse_found *found);
int fuse_search_below(struct inode *dir, const struct qstr *name, struct fuse_asker *asker);
void fuse_found_one(struct fuse_found *found, const struct fuse_place *place);
void fuse_found_drop(struct fuse_found *found);

/* lookup.c */
struct dentry *fuse_view_lookup(struct inode *dir, struct dentry *entry, unsigned int flags);

/* revalidate.c */
extern const struct dentry_operations fuse_view_dentry_operations;
extern const struct dentry_operations fuse_view_checked_dentry_operations;

/* dentry.c */
int fuse_dentry_search(struct dentry *entry);
int fuse_dentry_settle(struct dentry *dir);
int fuse_dentry_check(struct dentry *entry);
void fuse_entry_moves(struct dentry *entry);
int fuse_begin_asking(struct fuse_asker *asker, struct dentry *dir);

/* collect.c */
struct fuse_listing *fuse_listing_new(struct inode *dir, bool upper);
struct fuse_name *fuse_listing_entry(const struct fuse_listing *listing, const struct qstr *name);
void fuse_listing_put(struct fuse_listing *listing);

/* listing.c */
struct fuse_listing *fuse_listing_get(struct inode *dir);
bool fuse_listing_find(struct inode *dir, const struct fuse_stack *stack, unsigned long epoch,
		       const struct qstr *name, struct fuse_listed *ret);
void fuse_listing_consider(struct inode *dir, unsigned int asked);

/* ops.c */
extern const struct inode_operations fuse_view_dir_inode_operations;
extern const struct inode_operations fuse_view_file_inode_operations;
extern const struct inode_operations fuse_view_symlink_inode_operations;
extern const struct inode_operations fuse_view_special_inode_operations;

/* renew.c */
unsigned long fuse_inode_hash(const char *link, const struct inode *key);
void fuse_inode_refresh(struct inode *inode);
void fuse_inode_written(struct inode *inode);

/* inode.c */
struct inode *fuse_view_iget(struct super_block *sb, struct fuse_found *found);
void fuse_view_adopt(struct inode *inode, struct fuse_stack *stack);
void fuse_view_annotate_locks(struct inode *inode);

/* shown.c */
void fuse_shown_init(struct inode *inode);
void fuse_shown_refresh(struct inode *inode);
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

/* backing.c, file.c, readdir.c */
int fuse_view_file_open(struct inode *inode, struct file *file);
int fuse_view_file_attach(struct file *file, struct file *real, bool upper);
void fuse_view_file_detach(struct file *file);
struct file *fuse_view_file_backing(struct file *file, bool *ret_upper);
extern const struct file_operations fuse_view_file_operations;
extern const struct file_operations fuse_view_dir_operations;

/* data.c */
long fuse_view_dir_ioctl(struct file *file, unsigned int cmd, unsigned long arg);

/* merge.c */
int fuse_merge_read(struct fuse_merge *m, struct inode *dir, struct dir_context *ctx, u64 ino,
		    u64 parent_ino);
void fuse_merge_drop(struct fuse_merge *m);

#endif /* _FS_FUSE_BPF_CALLS_H */
