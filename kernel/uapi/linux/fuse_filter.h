/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * FUSE-BPF: filters of views.
 *
 * A filter is a BPF struct_ops instance of the type fuse_filter_ops. It is registered under a name
 * (its id) by attaching it as a link, and given to views when they are made, by that name or by
 * the link. Of what is below a view it can hide, deny, or say what removes what; it sees facts
 * that the kernel collected, and gives a verdict for each.
 *
 * All callbacks are optional, none may sleep, and the context is read-only for them. The kernel
 * checks every verdict: one that isn't allowed for the callback fails the operation with EIO.
 * Instead of a verdict a callback may return -ENOENT, -EACCES, -EPERM, -EIO or -EROFS; access some
 * more.
 *
 * Several filters on a view are asked in the order in which they were given. The first error ends
 * this and is the answer; otherwise what one of them hides is hidden. When a filter is replaced
 * (BPF_LINK_UPDATE, also with the map that it has, after its data were changed), each view that has
 * it asks again for every name and attribute. When it is detached, those views are closed: from
 * then on every operation on them gives EIO.
 *
 * This header is for the kernel and for BPF programs. The structures may grow; programs are
 * compiled so that libbpf finds the fields in the running kernel.
 */
#ifndef _UAPI_LINUX_FUSE_FILTER_H
#define _UAPI_LINUX_FUSE_FILTER_H

#include <linux/const.h>
#include <linux/types.h>

/* A filter's name, with the terminating NUL: letters, digits, "_", "-" and ".". */
#define FUSE_FILTER_ID_LEN 16

/* Filters on one view. */
#define FUSE_FILTERS_MAX 8

/* Bounds of what a filter can ask for. */
#define FUSE_FILTER_MARKS     4
#define FUSE_FILTER_MARK_LEN  40
#define FUSE_FILTER_WORD_LEN  24
#define FUSE_FILTER_VALUE_MAX 256

/*
 * What becomes of a name, or of what one layer has under it. The bits mean: not this one (1), and
 * nothing below (2).
 */
enum fuse_filter_verdict {
	FUSE_FILTER_PASS = 0,	  /* show it; let it happen */
	FUSE_FILTER_HIDE = 1,	  /* go on as if there were no such name here */
	FUSE_FILTER_OPAQUE = 2,	  /* show it, without what layers below have under this name */
	FUSE_FILTER_WHITEOUT = 3, /* no layer has such a name, here or below */
	FUSE_FILTER_DAEMON = 4,	  /* leave it to the server. No view does: EIO */
};

/* What is asked about. */
enum fuse_filter_op {
	FUSE_FILTER_LOOKUP, /* name: PASS, HIDE */
	FUSE_FILTER_ENTRY,  /* entry: PASS, HIDE, OPAQUE, WHITEOUT */
	FUSE_FILTER_OPEN,   /* open: PASS */
	FUSE_FILTER_OPENDIR,
	FUSE_FILTER_ATTR,   /* attr: PASS */
	FUSE_FILTER_ACCESS, /* access: PASS */
	/* From here on gate, if the op's bit is set in fuse_filter_ops.ops: PASS. */
	FUSE_FILTER_GETATTR,
	FUSE_FILTER_READLINK,
	FUSE_FILTER_STATFS,
	FUSE_FILTER_GETXATTR,  /* with the attribute's name; HIDE: there is no such attribute */
	FUSE_FILTER_LISTXATTR, /* for each attribute, with its name; HIDE leaves it out */
	FUSE_FILTER_GETACL,
	FUSE_FILTER_FILEATTR,
	FUSE_FILTER_FIEMAP,
	FUSE_FILTER_READDIR,
	FUSE_FILTER_READ, /* read(2), splice(2) and the like */
	FUSE_FILTER_MMAP,
	FUSE_FILTER_LSEEK,
	FUSE_FILTER_FADVISE,
	FUSE_FILTER_FSYNC,
	FUSE_FILTER_RELEASE, /* the verdict doesn't matter */
	FUSE_FILTER_RELEASEDIR,
	/* What changes something; only in writable views. Of an object: */
	FUSE_FILTER_WRITE,    /* write(2), splice(2), fallocate(2), copying or cloning into it */
	FUSE_FILTER_TRUNCATE, /* pos: the new size; also by open(2) */
	FUSE_FILTER_CHMOD,
	FUSE_FILTER_CHOWN,
	FUSE_FILTER_UTIMES,
	FUSE_FILTER_SETXATTR,	 /* with the attribute's name */
	FUSE_FILTER_REMOVEXATTR, /* likewise */
	FUSE_FILTER_SETACL,
	FUSE_FILTER_SETFILEATTR,
	FUSE_FILTER_LINKED, /* it is to get another name */
	/* Of a name, with its directory and its state; ino is 0 if nothing has the name: */
	FUSE_FILTER_CREATE,
	FUSE_FILTER_MKDIR,
	FUSE_FILTER_MKNOD,
	FUSE_FILTER_SYMLINK,
	FUSE_FILTER_TMPFILE, /* there is no name, only a directory */
	FUSE_FILTER_LINK,    /* a further name for a file */
	FUSE_FILTER_UNLINK,  /* also what is replaced by a rename, as the next */
	FUSE_FILTER_RMDIR,
	FUSE_FILTER_RENAME,    /* what has the name goes away */
	FUSE_FILTER_RENAME_TO, /* something comes there; in an exchange each end is both */
	/* Of the root: */
	FUSE_FILTER_DATA, /* the view's data are to be set, or read; also without data */
	FUSE_FILTER_OPS,
};

/*
 * What a process is about to do with an object by one of its names, or with a name: bit numbers of
 * fuse_filter_ctx.access. The words are those of Landlock where it has any.
 */
enum fuse_filter_access {
	FUSE_ACCESS_SEE, /* look it up, or find it listed */
	FUSE_ACCESS_READ_FILE,
	FUSE_ACCESS_WRITE_FILE,
	FUSE_ACCESS_EXECUTE, /* open it for being run; that isn't READ_FILE */
	FUSE_ACCESS_READ_DIR,
	FUSE_ACCESS_MAKE_DIR,
	FUSE_ACCESS_MAKE_REG,
	FUSE_ACCESS_MAKE_SYM,
	FUSE_ACCESS_MAKE_SOCK,
	FUSE_ACCESS_MAKE_FIFO,
	FUSE_ACCESS_MAKE_CHAR,
	FUSE_ACCESS_MAKE_BLOCK,
	FUSE_ACCESS_REMOVE_DIR,
	FUSE_ACCESS_REMOVE_FILE,
	FUSE_ACCESS_TRUNCATE,
	FUSE_ACCESS_REFER, /* give it another name; both names are asked about */
	FUSE_ACCESS_CHMOD, /* also times and file flags */
	FUSE_ACCESS_CHOWN,
	FUSE_ACCESS_XATTR, /* set or remove an extended attribute or an ACL */
	FUSE_ACCESSES,
};

/* In fuse_filter_ctx.flags */
#define FUSE_FILTER_HAS_SIBLING \
	_BITUL(0)			/* there is a name with fuse_filter_ops.sibling before it */
#define FUSE_FILTER_HAS_CHILD _BITUL(1) /* a directory: it has the name fuse_filter_ops.child */
#define FUSE_FILTER_EXEC      _BITUL(2) /* opened for being executed */
#define FUSE_FILTER_ROOT      _BITUL(3) /* access: it is the root, which has no name */
#define FUSE_FILTER_UNNAMED   _BITUL(4) /* access: it is a file that was made without a name */
#define FUSE_FILTER_COMES     _BITUL(5) /* access: what @from is about comes here */
#define FUSE_FILTER_LISTED \
	_BITUL(6) /* access: a directory is listed and has the name in it, or is read on */

/**
 * struct fuse_filter_ctx - what a callback is told
 * @op: enum fuse_filter_op
 * @flags: FUSE_FILTER_HAS_*, FUSE_FILTER_EXEC and those for access
 * @view: the number of the mount, as device number of stat(2)
 * @cookie: the number that the view was given with the filter
 * @state: name, entry, access, operations on a name: what this filter's name callback set for the
 *         directory with bpf_fuse_set_state(); the cookie for the root; 0 if nothing was set
 * @tag: of the layer that is asked about
 * @head: the first eight bytes of the name as they lie in memory, the rest zero
 * @layer: its place, from 0 for the topmost
 * @layers: how many the view has
 * @dir: inode number of the directory, in name, entry, access and operations on a name
 * @ino: inode number, in access and the others; 0 if nothing has the name
 * @from: access, with COMES: what access set with bpf_fuse_set_state() when it was asked about the
 *        name that the object has, or had
 * @pos: where: READ, WRITE, MMAP, LSEEK, READDIR, FADVISE; TRUNCATE: the new size
 * @len: how much: READ, WRITE, MMAP, FADVISE
 * @mode: entry: type bits alone (0: the layer has no such name, but a sibling); access, with COMES:
 *        of what comes; others: all of it
 * @rdev: of a device, as new_encode_dev() makes it; in entry if fuse_filter_ops.facts asks for it
 * @uid: attr: owner in the layer
 * @gid: attr: group in the layer
 * @open_flags: open: O_*
 * @name_len: length of the name, or of an extended attribute's. bpf_fuse_name() copies it
 * @marks: entry, of a directory: the value of each extended attribute in fuse_filter_ops.marks
 *         if it is a single byte; 0 if there is none; 0xff if it is anything else
 * @access: access: bits of enum fuse_filter_access. Only those that name asked for
 * @private: nothing. A structure of numbers alone could be forged: the verifier would take a
 *           program's own memory for it
 *
 * Facts that only matter for layers below (siblings, children, marks) are not collected where no
 * such layer is left. The same are given for a name whether it is looked up or listed.
 */
struct fuse_filter_ctx {
	__u32 op;
	__u32 flags;
	__u64 view;
	__u64 cookie;
	__u64 state;
	__u64 tag;
	__u64 head;
	__u32 layer;
	__u32 layers;
	__u64 dir;
	__u64 ino;
	__u64 from;
	__u64 pos;
	__u64 len;
	__u32 mode;
	__u32 rdev;
	__u32 uid;
	__u32 gid;
	__u32 open_flags;
	__u32 name_len;
	__u8 marks[FUSE_FILTER_MARKS];
	__u32 access;
	void *private;
};

/**
 * struct fuse_filter_attr - attributes that an attr callback wants to be shown
 * @mode: permission bits. The type must be 0 or what it is; setuid and setgid can't be added,
 *        and go when the owner changes
 * @uid: owner, as the initial user namespace numbers it
 * @gid: group, likewise
 */
struct fuse_filter_attr {
	__u32 mode;
	__u32 uid;
	__u32 gid;
};

/* In fuse_filter_ops.facts */
#define FUSE_FILTER_WANT_RDEV _BITUL(0) /* device numbers; listing a directory looks devices up */

/* In fuse_filter_ops.flags: views of who is not privileged may name the filter, too */
#define FUSE_FILTER_ANYONE _BITUL(0)

/*
 * In fuse_filter_ops.flags: what a filter promises of its own answers. Where a promise tells the
 * answer the filter isn't asked, and the answer is PASS. So a promise that isn't kept costs the
 * filter itself a say, and nobody else: what it would have hidden there is shown, what another
 * filter hides is not. A promise about what the filter doesn't ask for is refused.
 *
 * BY_STATE: name has nothing to say in directories whose state is 0, and sets no state there: the
 *           state of all directories below is 0, too. Needs name.
 * BY_FACTS: entry has nothing to say but of what has a fact that the filter asks for: a device, if
 *           facts has WANT_RDEV; a name with a sibling, or one that is a sibling itself because it
 *           begins with the prefix; the name child itself; a directory with it, or with one of the
 *           marks. Needs entry, and one of facts, sibling, child and marks.
 * WATCHES:  whatever it answers, PASS is meant. So it is only asked about what somebody does:
 *           name and entry in lookups, and not for each name while a directory is listed. Goes
 *           without attr and access.
 * BY_DATA:  it has nothing to say in a view that has no data (FUSE_BPF_IOC_DATA_SET), but about
 *           FUSE_FILTER_DATA.
 */
#define FUSE_FILTER_BY_STATE _BITUL(1)
#define FUSE_FILTER_BY_FACTS _BITUL(2)
#define FUSE_FILTER_WATCHES  _BITUL(3)
#define FUSE_FILTER_BY_DATA  _BITUL(4)

/**
 * struct fuse_filter_ops - a filter
 * @name: a name is looked up or listed, before layers are asked; not for both if it is no
 *        directory and nothing has changed in between
 * @entry: a layer has something under a name
 * @open: a file or directory is to be opened
 * @gate: any other operation
 * @attr: attributes are about to be shown; bpf_fuse_set_attr() changes them
 * @access: a process is about to do something; see below
 * @ops: 1 << FUSE_FILTER_* of the operations for which gate is called
 * @facts: FUSE_FILTER_WANT_*
 * @flags: FUSE_FILTER_ANYONE, and FUSE_FILTER_* that promise something
 * @id: its name
 * @marks: extended attributes of directories that entry is told of; empty ones are not asked for
 * @sibling: prefix; entry is told if the name with this before it exists
 * @child: name; entry is told if a directory has it
 * @value: extended attribute whose value attr can get with bpf_fuse_value()
 *
 * A filter must have one callback at least. An update can change all but the id.
 *
 * In a writable view what filters hide can't be made, replaced or linked to (EPERM), and a
 * directory can't get to where less of it would be hidden (EXDEV): where name sets another state
 * for it; nor, as long as lower layers have a part of it, while there is an entry that is neither
 * BY_FACTS nor WATCHES, for what that hides would be copied, too.
 *
 * All callbacks but access decide for everybody: their answers are kept with names. access decides
 * for the process that asks, which bpf_get_current_task() is. For each name its filter says with
 * bpf_fuse_set_asks(), in name, about which accesses it is to be asked; all others are allowed to
 * everybody. So names that nobody governs cost one test. What is hidden from one process (SEE) is
 * there for another. An access that is refused may have one more of these errors: -EBUSY, -EDQUOT,
 * -ENODEV, -ENOSPC, -ENXIO, -EOPNOTSUPP, -ETXTBSY, -EXDEV. What a file was opened for stays
 * allowed. Of the root nothing can be set, so access is asked about all that is done with it; SEE
 * excepted.
 *
 * If an object is to get another name, access is asked twice: about the name that it has, and then,
 * with COMES, about the new one; of each also where none of the accesses is asked about.
 */
struct fuse_filter_ops {
	int (*name)(struct fuse_filter_ctx *ctx);
	int (*entry)(struct fuse_filter_ctx *ctx);
	int (*open)(struct fuse_filter_ctx *ctx);
	int (*gate)(struct fuse_filter_ctx *ctx);
	int (*attr)(struct fuse_filter_ctx *ctx);
	int (*access)(struct fuse_filter_ctx *ctx);
	__u64 ops;
	__u32 facts;
	__u32 flags;
	char id[FUSE_FILTER_ID_LEN];
	char marks[FUSE_FILTER_MARKS][FUSE_FILTER_MARK_LEN];
	char sibling[FUSE_FILTER_WORD_LEN];
	char child[FUSE_FILTER_WORD_LEN];
	char value[FUSE_FILTER_MARK_LEN];
};

/*
 * Functions that callbacks can call, with the context that they were given:
 *
 * int bpf_fuse_name(struct fuse_filter_ctx *ctx, void *buf, u32 size)
 *	Copies the name, as much as there is room for, and fills the rest with zeros.
 *	Returns its whole length.
 * int bpf_fuse_set_state(struct fuse_filter_ctx *ctx, u64 state)
 *	name: what @state will be in the directory of this name. access: what @from will be if the
 *	object is to get another name. Returns 0, or -EINVAL elsewhere.
 * int bpf_fuse_set_asks(struct fuse_filter_ctx *ctx, u32 accesses)
 *	name: the accesses, 1 << FUSE_ACCESS_*, that access wants to be asked about; those of
 *	several filters add up. Returns 0, or -EINVAL elsewhere and for unknown bits.
 * u32 bpf_fuse_data(struct fuse_filter_ctx *ctx, u32 index)
 *	name, access: a word of the view's data; 0 beyond their end and elsewhere.
 * int bpf_fuse_path(struct fuse_filter_ctx *ctx, void *buf, u32 size)
 *	access: the path of the name from the view's root, with a "/" before it and a NUL behind.
 *	Returns its length without the NUL, -ENAMETOOLONG if there is no room, or -EINVAL elsewhere.
 * int bpf_fuse_set_attr(struct fuse_filter_ctx *ctx, const struct fuse_filter_attr *attr)
 *	attr: changes what is shown. Returns 0, or -EINVAL for what can't be shown and elsewhere.
 * int bpf_fuse_value(struct fuse_filter_ctx *ctx, void *buf, u32 size)
 *	attr: copies the value of the extended attribute in fuse_filter_ops.value.
 *	Returns its length, -ENODATA if there is none, or -ERANGE if it is too long.
 */

#endif
