// SPDX-License-Identifier: GPL-2.0
/*
 * Layers: a directory tree that somebody registered, as a private clone of its mount, with the
 * credentials it is reached with; and how a directory in one is looked into. A layer doesn't change
 * once it is made; the view that it belongs to guards its life.
 */
#include <linux/file.h>
#include <linux/fscrypt.h>
#include <linux/mount.h>
#include <linux/namei.h>
#include <linux/slab.h>
#include <linux/unicode.h>
#include <linux/xattr.h>

#include "view.h"

/*
 * Inode numbers of layers on different file systems are kept apart by the number of the file
 * system in the top bits. FSID_BITS hold FUSE_VIEW_LAYERS_MAX of them.
 */
#define FSID_BITS  9
#define FSID_SHIFT (64 - FSID_BITS)

/**
 * fuse_layer_ino - the inode number that the view shows for one of a layer
 * @layer: the layer
 * @ino: the number on its file system
 *
 * stat and readdir both use this, so that they agree. A number too large to leave room for the
 * file system's is mixed with it instead; two objects then share a number with the probability of
 * two random 64-bit numbers.
 */
u64 fuse_layer_ino(const struct fuse_layer *layer, u64 ino)
{
	BUILD_BUG_ON(FUSE_VIEW_LAYERS_MAX > 1 << FSID_BITS);

	if (!layer->fsid)
		return ino;
	if (likely(!(ino >> FSID_SHIFT)))
		return ino | (u64)layer->fsid << FSID_SHIFT;
	return ino ^ layer->fsid * GOLDEN_RATIO_64;
}

/*
 * Can names come to mean something else without the VFS' doing? Then the file system has the VFS
 * ask about each, though perhaps not about its root. What fscrypt asks about are names of encrypted
 * directories, which are refused. overlayfs, known by d_real, decides for each dentry, and the
 * root is no exception.
 */
static bool is_remote(const struct dentry *root)
{
	const struct dentry_operations *ops = root->d_sb->s_d_op;

	if (root->d_flags & DCACHE_OP_REAL)
		return root->d_flags & (DCACHE_OP_REVALIDATE | DCACHE_OP_WEAK_REVALIDATE);
	if (!ops || !(ops->d_revalidate || ops->d_weak_revalidate))
		return false;
#ifdef CONFIG_FS_ENCRYPTION
	if (ops->d_revalidate == fscrypt_d_revalidate)
		return false;
#endif
	return true;
}

static int check_kind(const struct dentry *root)
{
	const struct super_block *sb = root->d_sb;

	if (!d_is_dir(root))
		return -ENOTDIR;
	/*
	 * Where two different names can mean the same file, a filter or a whiteout for one of them
	 * says nothing about the other.
	 */
	if (sb_has_encoding(sb) || root->d_flags & (DCACHE_OP_HASH | DCACHE_OP_COMPARE))
		return -EOPNOTSUPP;
	/* Without its key a directory shows other names. */
	if (IS_ENCRYPTED(d_inode(root)))
		return -EOPNOTSUPP;
	if (root->d_flags & (DCACHE_NEED_AUTOMOUNT | DCACHE_MANAGE_TRANSIT))
		return -EOPNOTSUPP;
	if (!d_can_lookup(root) || !d_inode(root)->i_fop->iterate_shared)
		return -EOPNOTSUPP;
	return 0;
}

/*
 * st_dev of the root, rather than s_dev: subvolumes of one btrfs have the same numbers for
 * different inodes.
 */
static int get_dev(const struct path *root, dev_t *ret_dev)
{
	struct kstat stat;
	int err = vfs_getattr(root, &stat, STATX_BASIC_STATS, AT_STATX_DONT_SYNC);

	if (!err)
		*ret_dev = stat.dev;
	return err;
}

static int check_allowed(struct user_namespace *user_ns)
{
	if (current_user_ns() != user_ns || !ns_capable(user_ns, CAP_SYS_ADMIN))
		return -EPERM;
	return 0;
}

/* Readers of a view leave no trace in its layers. In the upper, the view says what is traced. */
static void set_mount_flags(struct vfsmount *mnt, bool upper)
{
	if (upper)
		mnt->mnt_flags &= ~(MNT_NOATIME | MNT_NODIRATIME | MNT_RELATIME);
	else
		mnt->mnt_flags |= MNT_READONLY | MNT_NOATIME;
}

/*
 * Who has no id in a mount gets no new name there, with whatever capabilities. So where ids are
 * mapped, who is root on the file system writes, if the mount has an id for that.
 */
static void become_its_root(struct cred *cred, const struct path *path)
{
	struct user_namespace *fs_ns = path->dentry->d_sb->s_user_ns;
	struct mnt_idmap *idmap = mnt_idmap(path->mnt);
	vfsuid_t uid = make_vfsuid(idmap, fs_ns, make_kuid(fs_ns, 0));
	vfsgid_t gid = make_vfsgid(idmap, fs_ns, make_kgid(fs_ns, 0));

	if (!is_idmapped_mnt(path->mnt) || !vfsuid_valid(uid) || !vfsgid_valid(gid))
		return;
	cred->fsuid = vfsuid_into_kuid(uid);
	cred->fsgid = vfsgid_into_kgid(gid);
}

/* What is written counts against quotas, and doesn't use up what is reserved. */
static const struct cred *layer_cred(const struct path *path, bool upper)
{
	struct cred *cred;

	if (!upper)
		return get_current_cred();
	cred = prepare_creds();
	if (!cred)
		return NULL;
	cap_lower(cred->cap_effective, CAP_SYS_RESOURCE);
	become_its_root(cred, path);
	return cred;
}

/* A file system whose names change by themselves would need a server's help to be written to. */
static int check_upper(const struct path *path)
{
	const struct super_block *sb = path->dentry->d_sb;

	if (is_remote(path->dentry) || sb->s_stack_depth)
		return -EOPNOTSUPP;
	return __mnt_is_readonly(path->mnt) ? -EROFS : 0;
}

static int make_private(struct fuse_layer *layer, const struct path *path)
{
	layer->cred = layer_cred(path, layer->upper);
	if (!layer->cred)
		return -ENOMEM;
	layer->mnt = clone_private_mount(path);
	if (IS_ERR(layer->mnt)) {
		put_cred(layer->cred);
		return PTR_ERR(layer->mnt);
	}
	set_mount_flags(layer->mnt, layer->upper);
	return 0;
}

/**
 * fuse_layer_new - register what a file is open on
 * @file: a directory; the caller's reference
 * @own: the superblock that will show the layer, or NULL before there is one
 * @user_ns: of who made the mount, or makes it
 * @max_depth: what the layer's file system may be stacked at most, and one more
 * @upper: it is to be written to
 * @tag: the registrant's
 * @ret_layer: the layer, not yet in a view
 *
 * Return: 0, or the error documented with FUSE_BPF_IOC_LAYER_ADD.
 * Context: the task that registers. Its credentials and mount namespace count.
 */
int fuse_layer_new(struct file *file, struct super_block *own, struct user_namespace *user_ns,
		   int max_depth, bool upper, u64 tag, struct fuse_layer **ret_layer)
{
	const struct path *path = &file->f_path;
	struct fuse_layer *layer;
	int err;

	err = check_allowed(user_ns) ?: check_kind(path->dentry);
	if (err)
		return err;
	if (path->dentry->d_sb == own || path->dentry->d_sb->s_stack_depth >= max_depth)
		return -ELOOP;
	err = upper ? check_upper(path) : 0;
	if (err)
		return err;

	layer = kzalloc(sizeof(*layer), GFP_KERNEL_ACCOUNT);
	if (!layer)
		return -ENOMEM;
	layer->upper = upper;
	layer->tag = tag;
	layer->remote = is_remote(path->dentry);
	err = get_dev(path, &layer->dev);
	if (!err && upper && !fuse_upper_take(d_inode(path->dentry)))
		err = -EBUSY;
	if (err)
		goto out_free;
	err = make_private(layer, path);
	if (err)
		goto out_give_back;
	refcount_set(&layer->users, upper);
	*ret_layer = layer;
	return 0;

out_give_back:
	if (upper)
		fuse_upper_give_back(d_inode(path->dentry));
out_free:
	kfree(layer);
	return err;
}

/* The credentials must outlive rcu-walks that are about to borrow them. */
static void layer_free_rcu(struct rcu_head *rcu)
{
	struct fuse_layer *layer = container_of(rcu, struct fuse_layer, rcu);

	put_cred(layer->cred);
	kfree(layer);
}

/**
 * fuse_layers_free - unregister layers
 * @layers: array of them; NULL entries are skipped
 * @nr: its length
 *
 * Nothing but rcu-walks may use them any more. Waits for a grace period, once for all.
 */
void fuse_layers_free(struct fuse_layer **layers, unsigned int nr)
{
	unsigned int i, n = 0;
	struct vfsmount **mnts;

	if (!nr)
		return;
	mnts = kvmalloc_array(nr, sizeof(*mnts), GFP_KERNEL | __GFP_NOFAIL);
	for (i = 0; i < nr; i++) {
		if (!layers[i])
			continue;
		if (layers[i]->upper)
			fuse_layer_retire(layers[i]);
		mnts[n++] = layers[i]->mnt;
	}
	kern_unmount_array(mnts, n);
	kvfree(mnts);
	for (i = 0; i < nr; i++) {
		if (layers[i])
			call_rcu(&layers[i]->rcu, layer_free_rcu);
	}
}

/* What would have been refused as a layer, but was only met on the way. */
static bool is_strange(const struct fuse_layer *layer, const struct dentry *dentry)
{
	unsigned int strange =
		DCACHE_OP_HASH | DCACHE_OP_COMPARE | DCACHE_NEED_AUTOMOUNT | DCACHE_MANAGE_TRANSIT;

	if (!layer->remote)
		strange |= DCACHE_OP_REVALIDATE | DCACHE_OP_WEAK_REVALIDATE;
	return dentry->d_flags & strange || IS_ENCRYPTED(d_inode(dentry));
}

/**
 * fuse_layer_lookup - look up a name in one directory of one layer
 * @dir: the directory
 * @name: the name; need not be terminated
 * @len: its length
 * @ret_dentry: the positive dentry; the caller drops it
 *
 * Return: 0, -ENOENT if there is no such name or there can be none, or another error.
 * Context: may sleep; takes the i_rwsem of @dir.
 */
int fuse_layer_lookup(const struct fuse_place *dir, const char *name, unsigned int len,
		      struct dentry **ret_dentry)
{
	const struct cred *old = fuse_place_override(dir);
	struct dentry *dentry;

	dentry = lookup_one_unlocked(mnt_idmap(dir->layer->mnt), name, dir->dentry, len);
	revert_creds(old);
	if (IS_ERR(dentry))
		return PTR_ERR(dentry) == -ENAMETOOLONG ? -ENOENT : PTR_ERR(dentry);
	/* Pairs with __d_set_inode_and_type(): what isn't negative has its inode. */
	if (d_flags_negative(smp_load_acquire(&dentry->d_flags))) {
		dput(dentry);
		return -ENOENT;
	}
	if (is_strange(dir->layer, dentry)) {
		dput(dentry);
		return -EREMOTE;
	}
	*ret_dentry = dentry;
	return 0;
}

/**
 * fuse_place_getxattr - get an extended attribute of a backing object
 * @place: the object
 * @name: with its prefix
 * @value: buffer, or NULL to ask for the size
 * @size: of the buffer
 *
 * Return: the size of the value, or an error.
 */
int fuse_place_getxattr(const struct fuse_place *place, const char *name, void *value, size_t size)
{
	const struct cred *old = fuse_place_override(place);
	int ret;

	ret = vfs_getxattr(mnt_idmap(place->layer->mnt), place->dentry, name, value, size);
	revert_creds(old);
	return ret;
}

/* A tree that is seen twice would be two inodes with one key. */
bool fuse_trees_overlap(struct dentry *a, struct dentry *b)
{
	return a->d_sb == b->d_sb && (is_subdir(a, b) || is_subdir(b, a));
}

/**
 * fuse_layer_open_dir - open a backing directory
 * @dir: the directory
 * @flags: open flags
 *
 * Context: with the credentials of its layer.
 * Return: the file, or an error.
 */
struct file *fuse_layer_open_dir(const struct fuse_place *dir, int flags)
{
	struct path path = fuse_place_path(dir);
	int err;

	err = inode_permission(mnt_idmap(path.mnt), d_inode(path.dentry), MAY_READ | MAY_OPEN);
	if (err)
		return ERR_PTR(err);
	return dentry_open(&path, flags | O_LARGEFILE | O_DIRECTORY | O_NOATIME | __FMODE_NONOTIFY,
			   current_cred());
}
