/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * FUSE-BPF: views of layers, served by the kernel.
 *
 * A layer is a directory tree that was registered on a FUSE connection. A view is an ordered stack
 * of layers that the connection's mount shows as one tree; the kernel itself looks up, lists,
 * opens and reads in it. In a writable view the topmost layer is the upper, and the kernel also
 * writes there; it asks a server for nothing but what takes more than one step on disk, see
 * <linux/fuse_upcall.h>. Other views send no request to anybody. A view is made in one of two ways:
 *
 * - By a server, on its open device, after the mount was made and FUSE_INIT was answered:
 *   LAYER_ADD for each layer, FILTER_ADD for each filter, then VIEW_SET. No other process should
 *   reach the mount before that; a server makes it by fsopen(2), fsconfig(2) and fsmount(2), and
 *   attaches it last.
 *
 * - Without a server and read-only, by fsconfig(2): FSCONFIG_SET_FD "root_dir" with the fd of a
 *   layer, once for each layer, the topmost first, FSCONFIG_SET_STRING "marks" (see
 *   FUSE_VIEW_MARKS_*), "filter" with the name of a filter or FSCONFIG_SET_FD "filter_link" with
 *   its link, once for each, FSCONFIG_SET_STRING "cookie" before those that shall have it, and
 *   FSCONFIG_SET_FLAG "no_daemon". Mount options of FUSE that apply to a view: allow_other,
 *   user_id, group_id.
 *
 * All ioctls below are for the FUSE device. The size that is encoded in an ioctl's number is that
 * of the argument, which may grow: the kernel takes a shorter one as if the rest were zero, and
 * refuses a longer one with E2BIG if what it doesn't know is not zero. All reserved fields must be
 * zero and all unknown flags are refused with EINVAL.
 *
 * Errors that every ioctl can give:
 *   EPERM     the fd is no device of a mounted connection (CUSE and virtiofs have none), the
 *             caller is in another user namespace than the mounter, or has no CAP_SYS_ADMIN there
 *   ENOTCONN  the connection was unmounted or aborted
 *   EINVAL    the argument is too short, has an unknown flag, or a reserved field that is not zero
 *   E2BIG     the argument is longer than known, and the rest is not zero
 *   EFAULT, ENOMEM
 */
#ifndef _UAPI_LINUX_FUSE_BPF_H
#define _UAPI_LINUX_FUSE_BPF_H

#include <linux/const.h>
#include <linux/ioctl.h>
#include <linux/types.h>

/* The ioctls share FUSE's magic number and have a range of their own in it. */
#define FUSE_BPF_IOC_MAGIC 229

/*
 * Layers of one connection, not counting the upper. Also bounded by the RLIMIT_NOFILE of who
 * registers them.
 */
#define FUSE_BPF_LAYERS_MAX 500

/**
 * struct fuse_bpf_features - what this kernel can do
 * @features: FUSE_BPF_FEATURE_* bits
 * @layers_max: layers that one connection can have besides an upper
 * @reserved: zero
 */
struct fuse_bpf_features {
	__u64 features;
	__u32 layers_max;
	__u32 reserved;
};

/* Read-only views; filters; writable views; data for filters. */
#define FUSE_BPF_FEATURE_VIEWS	  _BITULL(0)
#define FUSE_BPF_FEATURE_FILTERS  _BITULL(1)
#define FUSE_BPF_FEATURE_WRITABLE _BITULL(2)
#define FUSE_BPF_FEATURE_DATA	  _BITULL(3)

/**
 * struct fuse_bpf_layer_add - a directory to register
 * @fd: any open fd of it, O_PATH included; may be closed after the call
 * @flags: FUSE_LAYER_*
 * @tag: any number; shown with the layer, and for filters to know it by
 * @reserved: zero
 *
 * The kernel keeps a private clone of the mount, so what is mounted below the directory is not
 * seen and unmounting the original is not held up; the id mapping of the mount is kept. Files of
 * the layer are reached with the caller's credentials as they are now, after the reader's own
 * credentials were checked against the mode that the view shows. The tree must not be changed by
 * others as long as a view shows it, or what the view shows is undefined; the server changes the
 * upper only as upcalls ask it to.
 */
struct fuse_bpf_layer_add {
	__s32 fd;
	__u32 flags;
	__u64 tag;
	__u64 reserved[2];
};

/*
 * The upper: what is written goes here. It is reached with the caller's credentials less
 * CAP_SYS_RESOURCE, so that quotas and reserved blocks count. A connection has one at most.
 */
#define FUSE_LAYER_UPPER _BITUL(0)

/* Bounds of names in struct fuse_bpf_view_set, with their NUL. */
#define FUSE_VIEW_OWN_LEN    32
#define FUSE_VIEW_OPAQUE_LEN 48

/* For fuse_bpf_view_set.wait: as long as it takes. */
#define FUSE_VIEW_WAIT_FOREVER 0xffffffff

/**
 * struct fuse_bpf_view_set - the stack of the view
 * @layers: address of @nr ids (__u32), the topmost layer first
 * @nr: how many
 * @flags: at most one of FUSE_VIEW_MARKS_*, and FUSE_VIEW_WRITABLE
 * @reserved: zero
 * @index: fd of the directory of hard links, see <linux/fuse_upcall.h>
 * @work: fd of a directory for what isn't finished
 * @wait: seconds that an upcall waits while there is no server
 * @reserved2: zero
 * @own: prefix of the server's own extended attributes, such as "trusted.lamina."
 * @opaque: the extended attribute that makes a directory opaque with the value "y", such as
 *          "trusted.overlay.opaque"
 *
 * What follows @reserved is for writable views, and ignored in others. @index and @work are
 * directories on the file system of the upper and not below it; they may be closed after the
 * call. The kernel uses both with the upper's credentials and id mapping. Names that begin with
 * "#" are the kernel's in @work; such a name that is there when the view is set is a leftover.
 */
struct fuse_bpf_view_set {
	__u64 layers;
	__u32 nr;
	__u32 flags;
	__u64 reserved[2];
	__s32 index;
	__s32 work;
	__u32 wait;
	__u32 reserved2;
	char own[FUSE_VIEW_OWN_LEN];
	char opaque[FUSE_VIEW_OPAQUE_LEN];
};

/*
 * How names and directories are marked in layers as removed and as opaque. With a mark set, its
 * xattrs are not seen in the view. Without one, layers are merged as they are. As mount options:
 * marks=trusted, marks=user, marks=none.
 *
 * TRUSTED: overlayfs' own: a character device 0:0 removes a name, the xattr trusted.overlay.opaque
 *          with the value "y" makes a directory hide those of its name below.
 * USER:    the same with user.overlay.opaque, for layers made without privilege.
 */
#define FUSE_VIEW_MARKS_TRUSTED _BITUL(0)
#define FUSE_VIEW_MARKS_USER	_BITUL(1)

/*
 * The first layer is the upper, and the mount stays writable. Whiteouts in the upper are character
 * devices 0:0: the kernel makes and expects no others, whatever else filters take for one.
 */
#define FUSE_VIEW_WRITABLE _BITUL(2)

/**
 * struct fuse_bpf_filter_add - one more filter of the view
 * @link_fd: an open link of a filter, or -1
 * @flags: none yet
 * @id: instead of a link: name of a registered filter, with its NUL; else empty
 * @cookie: number that the filter will know the view by
 * @reserved: zero
 *
 * Filters are asked in the order in which they were added; see <linux/fuse_filter.h>. The view
 * holds on to the link: it is not detached when its other holders are gone.
 */
struct fuse_bpf_filter_add {
	__s32 link_fd;
	__u32 flags;
	char id[16];
	__u64 cookie;
	__u64 reserved[2];
};

/* Fills in what the kernel can do. Needs no connection and no privilege. */
#define FUSE_BPF_IOC_FEATURES _IOR(FUSE_BPF_IOC_MAGIC, 0xb0, struct fuse_bpf_features)

/*
 * Registers a layer.
 * Returns its id, which is larger than zero, or:
 *   EBADF       @fd is not open
 *   ENOTDIR     it is no directory
 *   ELOOP       the layer lies on the connection's own mount, or on a file system that is stacked
 *               as deep as this one or deeper
 *   EOPNOTSUPP  names of its file system may be equal without being the same (casefold), it is
 *               encrypted, an automount point, or can't be listed
 *   EINVAL      it is not mounted in the caller's mount namespace, or its mount can't be cloned
 *               (unbindable, or has locked mounts below)
 *   EPERM       the caller has no CAP_SYS_ADMIN over its mount namespace
 *   EMFILE      too many layers, or a second upper
 *   EROFS       the upper is on a read-only mount or file system
 *   EOPNOTSUPP  the upper is on a file system whose names can change behind the kernel's back, or
 *               that is itself stacked (overlayfs, a view)
 *   EBUSY       the view is set; or the upper is the upper of a mounted view or overlayfs. A view
 *               that was aborted has given it back
 */
#define FUSE_BPF_IOC_LAYER_ADD _IOW(FUSE_BPF_IOC_MAGIC, 0xb1, struct fuse_bpf_layer_add)

/*
 * Drops the layer with this id. ENOENT: there is none; EBUSY: the view is set.
 */
#define FUSE_BPF_IOC_LAYER_DEL _IOW(FUSE_BPF_IOC_MAGIC, 0xb2, __u32)

/*
 * Sets the view, for good: layers can't be added or dropped any more, and the mount shows the
 * layers from now on. Without FUSE_VIEW_WRITABLE it becomes read-only.
 *   EINVAL  no layer, or more than one kind of marks; FUSE_VIEW_WRITABLE and the first layer is no
 *           upper, or another one is; @own or @opaque is empty, not terminated, or has not the
 *           prefix "trusted." or "user."
 *   E2BIG   more than FUSE_BPF_LAYERS_MAX layers besides the upper
 *   ENOENT  an id is not that of a layer
 *   ELOOP   a layer is named twice, or lies in another one; @index or @work lies in a layer or the
 *           other way round
 *   EBADF, ENOTDIR, EXDEV  @index or @work is not open, no directory, or on another file system
 *           than the upper
 *   EOPNOTSUPP  FUSE_INIT was not answered, or the connection has more than one superblock
 *   EBUSY   the view is set, or the root is in use: somebody looks up a name in it or knows one
 */
#define FUSE_BPF_IOC_VIEW_SET _IOW(FUSE_BPF_IOC_MAGIC, 0xb3, struct fuse_bpf_view_set)

/*
 * Gives the view a filter.
 *   ENOENT      no filter of this name is registered where the caller could see it
 *   EPERM       the caller has no CAP_SYS_ADMIN in the initial user namespace, and the filter is
 *               not for anyone
 *   EBADF       @link_fd is not open
 *   EINVAL      it is no link, or not one of an attached filter
 *   EEXIST      the view has the filter
 *   EMFILE      the view has FUSE_FILTERS_MAX filters
 *   EBUSY       the view is set
 *   EOPNOTSUPP  this kernel has no filters
 */
#define FUSE_BPF_IOC_FILTER_ADD _IOW(FUSE_BPF_IOC_MAGIC, 0xb4, struct fuse_bpf_filter_add)

/**
 * struct fuse_bpf_attach - become the server of a view
 * @fd: any open fd of the view's mount, O_PATH included
 * @flags: FUSE_ATTACH_*
 * @reserved: zero
 */
struct fuse_bpf_attach {
	__s32 fd;
	__u32 flags;
	__u64 reserved[2];
};

/* Take over from a server that lives, as the next version of a program does. */
#define FUSE_ATTACH_REPLACE _BITUL(0)

/*
 * Makes a device that was just opened another one of a writable view's connection, so that its
 * holder is sent the upcalls: those to come and those that nobody has answered. There is no
 * FUSE_INIT; what was agreed on with the first server holds.
 *
 * A server lives as long as one of its devices is open (FUSE_DEV_IOC_CLONE makes more). Its end
 * does not abort the connection of a writable view: what doesn't need it goes on, and upcalls wait.
 * With FUSE_ATTACH_REPLACE the devices there are get no more requests, and reading from them fails
 * with ENODEV; what their holder has read it still answers, and then closes them. Only one server
 * may change the upper at a time: the new one sees to it (by a lock that the old one holds) that it
 * begins when the other is done.
 *
 * Errors besides those of all ioctls:
 *   EBADF       @fd is not open
 *   EINVAL      @fd is not on a mount of this kind, or the device is in use
 *   EOPNOTSUPP  the view is not set, or not writable
 *   EBUSY       there is a server, and FUSE_ATTACH_REPLACE was not given
 */
#define FUSE_BPF_IOC_ATTACH _IOW(FUSE_BPF_IOC_MAGIC, 0xb5, struct fuse_bpf_attach)

/* Bytes of data that a view can have. They count for the memory cgroup of who sets them. */
#define FUSE_BPF_DATA_MAX (96 << 20)

/**
 * struct fuse_bpf_data - data of a view, which its filters read
 * @address: of the data
 * @size: their length in bytes, a multiple of 4. DATA_GET: how much room there is
 * @flags: none yet
 * @reserved: zero
 *
 * The kernel doesn't look into them. Filters are the administrator's code, and these are what is
 * said to them about one view: an array of 32-bit words that bpf_fuse_data() reads.
 */
struct fuse_bpf_data {
	__u64 address;
	__u32 size;
	__u32 flags;
	__u64 reserved[2];
};

/*
 * These two are for the root directory of a view's mount, opened for reading, and not for a device:
 * a view needs no server to be given data. To everything else they are ENOTTY. They need
 * CAP_SYS_ADMIN in the user namespace of the mount, which must be the caller's, and filters are
 * asked about them (FUSE_FILTER_DATA); else EPERM, or what a filter says.
 *
 * DATA_SET gives a view data instead of those that it had; a size of 0 takes them away. Every
 * lookup and open that begins after the call is decided with the new ones, whatever filters said
 * before.
 *   E2BIG       more than FUSE_BPF_DATA_MAX
 *   EOPNOTSUPP  no filter of the view is BY_DATA, so nobody would read them
 */
#define FUSE_BPF_IOC_DATA_SET _IOW(FUSE_BPF_IOC_MAGIC, 0xb6, struct fuse_bpf_data)

/* Copies the data, as much as there is room for. Returns their length, 0 if there are none. */
#define FUSE_BPF_IOC_DATA_GET _IOW(FUSE_BPF_IOC_MAGIC, 0xb7, struct fuse_bpf_data)

#endif
