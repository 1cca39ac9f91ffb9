// SPDX-License-Identifier: GPL-2.0
/*
 * Where objects of the upper come from: the record at a copy, and the index of lower files with
 * several names. The server writes both (see <linux/fuse_upcall.h>), this reads them; only the mark
 * of directories that hold copies is also written here, when a copy is moved.
 */
#include <linux/exportfs.h>
#include <linux/fs.h>
#include <linux/hex.h>
#include <linux/magic.h>
#include <linux/namei.h>
#include <linux/slab.h>
#include <linux/xattr.h>

#include "view.h"

#define ORIGIN	    "origin"
#define IMPURE	    "impure"
#define RECORD_SIZE (FUSE_KEY_SIZE + 64)
#define OWN_SIZE    (FUSE_VIEW_OWN_LEN + 8)

static void own_name(const struct fuse_view *view, const char *what, char name[OWN_SIZE])
{
	snprintf(name, OWN_SIZE, "%s%s", view->own, what);
}

static bool is_absent(int err)
{
	return err == -ENODATA || err == -EOPNOTSUPP || err == -ERANGE;
}

/*
 * Returns 1, 0 if there is no record that counts, or an error: what can't be read must not pass for
 * an object without a record.
 */
static int read_record(const struct fuse_view *view, const struct fuse_place *place,
		       struct fuse_record *ret)
{
	char name[OWN_SIZE], value[RECORD_SIZE];
	u64 owner;
	int n;

	BUILD_BUG_ON(FUSE_KEY_SIZE != 224); /* for the format below */
	own_name(view, ORIGIN, name);
	n = fuse_place_getxattr(place, name, value, sizeof(value) - 1);
	if (n < 0)
		return is_absent(n) ? 0 : n;
	value[n] = '\0';
	ret->nlink = 0;
	ret->key[0] = '\0';
	n = sscanf(value, "%llu %llu %u %223s", &ret->ino, &owner, &ret->nlink, ret->key);
	return (n == 2 || n == 4) && owner == d_inode(place->dentry)->i_ino;
}

/**
 * fuse_found_identify - learn what an object of the upper was before it was copied up
 * @view: the view
 * @found: what was found; its number and link are filled in
 *
 * Return: 0 or an error.
 */
int fuse_found_identify(struct fuse_view *view, struct fuse_found *found)
{
	struct fuse_record *record;
	int ret;

	if (!found->places[0].layer->upper || found->numbered)
		return 0;
	record = kmalloc(sizeof(*record), GFP_KERNEL);
	if (!record)
		return -ENOMEM;
	ret = read_record(view, &found->places[0], record);
	if (ret <= 0)
		goto out;
	ret = -ENOMEM;
	if (record->key[0] && !found->link) {
		found->link = kstrdup(record->key, GFP_KERNEL_ACCOUNT);
		if (!found->link)
			goto out;
		found->lower_nlink = record->nlink;
	}
	found->numbered = true;
	found->ino = record->ino;
	ret = 0;
out:
	kfree(record);
	return ret;
}

/*
 * The handle of a file as name_to_handle_at(2) gives it; false if there is none. That of FUSE is
 * its server's node id, which means another file after the server was started again.
 */
static bool write_handle(const struct fuse_place *place, char key[FUSE_KEY_SIZE])
{
	const struct super_block *sb = place->dentry->d_sb;
	const struct export_operations *ops = sb->s_export_op;
	u32 handle[FUSE_UPCALL_HANDLE_MAX / sizeof(u32)];
	int words = ARRAY_SIZE(handle), type, n;

	if (sb->s_magic == FUSE_SUPER_MAGIC || !exportfs_can_decode_fh(ops))
		return false;
	type = exportfs_encode_fh(place->dentry, (struct fid *)handle, &words, 0);
	if (type < 0 || type == FILEID_INVALID || words > ARRAY_SIZE(handle))
		return false;
	n = snprintf(key, FUSE_KEY_SIZE, "%u-%x-", place->layer->fsid, type);
	*bin2hex(key + n, handle, words * sizeof(u32)) = '\0';
	return true;
}

/* The key of a lower file with several names. */
static void write_key(const struct fuse_view *view, const struct fuse_place *place,
		      char key[FUSE_KEY_SIZE])
{
	BUILD_BUG_ON(2 * FUSE_UPCALL_HANDLE_MAX + sizeof("1234567890-12345678-") > FUSE_KEY_SIZE);

	if (!write_handle(place, key))
		snprintf(key, FUSE_KEY_SIZE, "l%u-%lx", view->shown - place->layer->pos,
			 d_inode(place->dentry)->i_ino);
}

static int index_lookup(const struct fuse_view *view, const char *name, struct fuse_place *ret)
{
	struct fuse_place index = {.layer = view->upper, .dentry = view->index};

	ret->layer = view->upper;
	return fuse_layer_lookup(&index, name, strlen(name), &ret->dentry);
}

/**
 * fuse_found_follow - a lower file with several names may have a copy, under another of them
 * @view: writable
 * @found: what was found under one of its names; its place becomes that of the copy
 *
 * Return: 0 or an error.
 */
int fuse_found_follow(struct fuse_view *view, struct fuse_found *found)
{
	struct fuse_place *place = &found->places[0], copy;
	char *key;
	int err;

	key = kmalloc(FUSE_KEY_SIZE, GFP_KERNEL_ACCOUNT);
	if (!key)
		return -ENOMEM;
	write_key(view, place, key);
	found->link = key;
	found->lower_nlink = d_inode(place->dentry)->i_nlink;
	err = index_lookup(view, key, &copy);
	if (err)
		return err == -ENOENT ? 0 : err;
	dput(place->dentry);
	*place = copy;
	return 0;
}

/* How many lower names of a file don't show the lower file any more. */
static unsigned int names_covered(const struct fuse_view *view, const char *key)
{
	DEFINE_DELAYED_CALL(done);
	const struct cred *old;
	struct fuse_place place;
	unsigned int n = 0;
	const char *text;
	char *name;

	name = kasprintf(GFP_KERNEL, "%s.n", key);
	if (!name || index_lookup(view, name, &place)) {
		kfree(name);
		return 0;
	}
	kfree(name);
	old = fuse_place_override(&place);
	text = vfs_get_link(place.dentry, &done);
	revert_creds(old);
	if (!IS_ERR(text) && kstrtouint(text, 10, &n))
		n = 0;
	do_delayed_call(&done);
	dput(place.dentry);
	return n;
}

static bool is_nameless(const struct inode *inode)
{
	return IS_DEADDIR(inode) ||
	       test_bit(FUSE_I_NAMELESS, &container_of(inode, struct fuse_inode, inode)->state);
}

/* Has an inode another number of links than its topmost backing object? */
bool fuse_links_are_counted(const struct inode *inode)
{
	return fuse_inode_stack(inode)->nr > 1 || fuse_vinode(inode)->link || is_nameless(inode);
}

/**
 * fuse_inode_nlink - how many links of an inode there are
 * @inode: with its stack
 *
 * Subdirectories of a merged directory would have to be counted; 1 says so. What was removed has
 * no link, whatever lies in the layers.
 *
 * Context: may sleep.
 * Return: the number to be shown.
 */
unsigned int fuse_inode_nlink(const struct inode *inode)
{
	const struct fuse_view_inode *vi = fuse_vinode(inode);
	const struct fuse_stack *stack = fuse_inode_stack(inode);
	unsigned int nlink = d_inode(stack->at[0].dentry)->i_nlink, covered;

	if (is_nameless(inode))
		return 0;
	if (stack->nr > 1)
		return 1;
	if (!vi->link)
		return nlink;
	/* One link of a copy is the index's. */
	nlink = stack->upper ? vi->lower_nlink + nlink - 1 : vi->lower_nlink;
	covered = names_covered(fuse_inode_view(inode), vi->link);
	return nlink - min(covered, nlink);
}

/* Does it hold copies, whose numbers are not their own? Returns 1, 0 or an error. */
int fuse_dir_is_impure(const struct fuse_view *view, const struct fuse_place *dir)
{
	char name[OWN_SIZE], value;
	int n;

	own_name(view, IMPURE, name);
	n = fuse_place_getxattr(dir, name, &value, 1);
	if (n >= 0)
		return n == 1 && value == 'y';
	return is_absent(n) ? 0 : n;
}

/**
 * fuse_dir_mark_impure - a copy is about to be put into a directory of the upper
 * @view: writable
 * @dir: the directory
 *
 * Context: with the upper's credentials, and the right to write to its mount.
 * Return: 0 or an error.
 */
int fuse_dir_mark_impure(const struct fuse_view *view, const struct fuse_place *dir)
{
	char name[OWN_SIZE];
	int err = fuse_dir_is_impure(view, dir);

	if (err)
		return min(err, 0);
	own_name(view, IMPURE, name);
	err = vfs_setxattr(mnt_idmap(dir->layer->mnt), dir->dentry, name, "y", 1, 0);
	/* Then copies have no records either. */
	return err == -EOPNOTSUPP ? 0 : err;
}
