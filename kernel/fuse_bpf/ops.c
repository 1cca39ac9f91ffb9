// SPDX-License-Identifier: GPL-2.0
/*
 * What can be done with inodes of a view. No function that sends a request to a server by itself is
 * among these.
 */
#include <linux/fs.h>

#include "view.h"

const struct inode_operations fuse_view_dir_inode_operations = {
	.lookup = fuse_view_lookup,
	.create = fuse_view_create,
	.link = fuse_view_link,
	.unlink = fuse_view_unlink,
	.symlink = fuse_view_symlink,
	.mkdir = fuse_view_mkdir,
	.rmdir = fuse_view_rmdir,
	.mknod = fuse_view_mknod,
	.rename = fuse_view_rename,
	.tmpfile = fuse_view_tmpfile,
	.atomic_open = fuse_view_atomic_open,
	.permission = fuse_view_permission,
	.getattr = fuse_view_getattr,
	.setattr = fuse_view_setattr,
	.listxattr = fuse_view_listxattr,
	.get_inode_acl = fuse_view_get_inode_acl,
	.get_acl = fuse_view_get_acl,
	.set_acl = fuse_view_set_acl,
	.update_time = fuse_view_update_time,
	.fileattr_get = fuse_view_fileattr_get,
	.fileattr_set = fuse_view_fileattr_set,
};

const struct inode_operations fuse_view_file_inode_operations = {
	.permission = fuse_view_permission,
	.getattr = fuse_view_getattr,
	.setattr = fuse_view_setattr,
	.listxattr = fuse_view_listxattr,
	.get_inode_acl = fuse_view_get_inode_acl,
	.get_acl = fuse_view_get_acl,
	.set_acl = fuse_view_set_acl,
	.update_time = fuse_view_update_time,
	.fileattr_get = fuse_view_fileattr_get,
	.fileattr_set = fuse_view_fileattr_set,
	.fiemap = fuse_view_fiemap,
};

const struct inode_operations fuse_view_symlink_inode_operations = {
	.get_link = fuse_view_get_link,
	.getattr = fuse_view_getattr,
	.setattr = fuse_view_setattr,
	.listxattr = fuse_view_listxattr,
	.update_time = fuse_view_update_time,
};

const struct inode_operations fuse_view_special_inode_operations = {
	.permission = fuse_view_permission,
	.getattr = fuse_view_getattr,
	.setattr = fuse_view_setattr,
	.listxattr = fuse_view_listxattr,
	.get_inode_acl = fuse_view_get_inode_acl,
	.get_acl = fuse_view_get_acl,
	.set_acl = fuse_view_set_acl,
	.update_time = fuse_view_update_time,
};
