/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * FUSE-BPF: upcalls, what a writable view asks its server.
 *
 * The opcode is FUSE_UPCALL. The request is struct fuse_in_header (its nodeid, uid, gid and pid
 * mean nothing), struct fuse_upcall_in, the path with its NUL, and a second text with its NUL if
 * there is one. The answer is struct fuse_out_header with an error, or with error 0 and followed by
 * struct fuse_upcall_out. A server needs buffers of FUSE_UPCALL_SIZE_MAX.
 *
 * Objects are named by path, relative to the root of the view, without a leading "/"; the root is
 * "". The same path names the object in the upper and in every layer that has it: directories are
 * merged by name, and an object with a lower part never moves by itself. A path is good as long as
 * the upcall is unanswered: no directory on it that has a part in a lower layer is renamed
 * meanwhile, and upcalls only name what lies in such directories.
 *
 * Whatever the server answers, the kernel looks into the upper again before it goes on. So:
 *
 *   FUSE_UPCALL_DONE   the upper is now as was asked for. (If it isn't: EIO to the caller.)
 *   FUSE_UPCALL_RETRY  things are not as the upcall says; the kernel looks, and asks for what is
 *                      needed then, if anything is.
 *   an error           goes to who made the system call. Nothing may be half-done then.
 *
 * Every upcall is idempotent. A server may be killed at any moment, after it acted and before it
 * answered, too; the same upcall then comes again to its successor, with FUSE_UNIQUE_RESEND in
 * unique. It finds that what was asked for is there and answers DONE. A caller that is killed
 * leaves its upcall behind: one that no server has read is taken back; otherwise FUSE_INTERRUPT may
 * be sent for it, which may be ignored, or be answered by ending the upcall with EINTR.
 *
 * The kernel holds no lock of the upper's file system while it waits, and nothing that freezing it
 * would wait for. It does hold locks of the view: a server that uses the mount it serves may wait
 * for itself.
 *
 * Several upcalls may be under way at once, also ones that need the same directories copied up. Two
 * that are about the same name or the same object never are. A FUSE_UPCALL_RENAME comes alone: all
 * others are answered by then, and none is sent before it is answered.
 */
#ifndef _UAPI_LINUX_FUSE_UPCALL_H
#define _UAPI_LINUX_FUSE_UPCALL_H

#include <linux/const.h>
#include <linux/types.h>

/* Outside the range of FUSE's own opcodes. */
#define FUSE_UPCALL 0x4c41

/* Longest text in an upcall, with its NUL. A longer path gives ENAMETOOLONG to the caller. */
#define FUSE_UPCALL_TEXT_MAX 32768

/* Largest upcall: both texts, and the structures before them. */
#define FUSE_UPCALL_SIZE_MAX (2 * FUSE_UPCALL_TEXT_MAX + 4096)

/*
 * FUSE_UPCALL_COPY_UP
 *	The object has no part in the upper under this path; make one, and all directories on the
 *	way. Of a regular file @size bytes of data are needed (all if it has fewer); if that is less
 *	than it has, the copy ends there and its time of modification is now. Directories are copied
 *	without what is in them. The copy shows the inode number that the object has (see
 *	"Inode numbers"). If there is a copy of the file already, under another of its names, the
 *	path becomes a link of it (see "Hard links"). @layer and @tag say which layer has what is to
 *	be copied.
 *
 * FUSE_UPCALL_WHITEOUT
 *	A lower layer has this name, and perhaps the upper, too. Leave a whiteout under it, and
 *	nothing else. Directories on the way are there. With FUSE_UPCALL_DIR it is a directory in
 *	which the view shows nothing; what is still in its upper part (whiteouts) goes with it. If
 *	there is something in it, answer RETRY.
 *
 * FUSE_UPCALL_MAKE
 *	The upper has a whiteout under this name. Put a new object in its place, in one step: of the
 *	type in @mode, with the permissions in it less @umask (or as the default ACL of its
 *	directory has it), owned by @uid and @gid as the rules for setgid directories want it, with
 *	@rdev as device number (as new_encode_dev() makes it), with the second text as target of a
 *	symbolic link. A directory is opaque. If something else than a whiteout has the name, answer
 *	RETRY.
 *
 * FUSE_UPCALL_RENAME
 *	The directory has a part in a lower layer, and the kernel is about to rename it in the
 *	upper. Copy up all that the view shows in it, with its whiteouts left out, and then make it
 *	opaque: what is seen stays the same. The second text is where it will be, for messages only.
 *
 * FUSE_UPCALL_JOIN
 *	The path is a name in a lower layer of a file that has several, and of which there is a copy
 *	already. Make it a link of the copy, and all directories on the way.
 */
enum fuse_upcall_kind {
	FUSE_UPCALL_COPY_UP = 1,
	FUSE_UPCALL_WHITEOUT = 2,
	FUSE_UPCALL_MAKE = 3,
	FUSE_UPCALL_RENAME = 4,
	FUSE_UPCALL_JOIN = 5,
};

/* In fuse_upcall_in.flags: the object is a directory. */
#define FUSE_UPCALL_DIR _BITUL(0)

/**
 * struct fuse_upcall_in - what is asked
 * @kind: enum fuse_upcall_kind; answer ENOSYS to an unknown one
 * @flags: FUSE_UPCALL_DIR; ignore others
 * @size: COPY_UP: how much data is needed
 * @tag: COPY_UP, RENAME: of the topmost layer that has the object
 * @layer: its place in the view, from 0 for the upper
 * @mode: MAKE: type and permissions; else the type of the object
 * @rdev: MAKE
 * @uid: MAKE: owner, in the user namespace of the connection; (__u32)-1 if it has none there
 * @gid: MAKE: group, likewise
 * @umask: MAKE
 * @pid: of the task that waits, in the pid namespace of who made the connection; for messages
 * @path_len: length of the path with its NUL
 * @text_len: length of the second text with its NUL; 0 if there is none
 * @reserved: zero; ignore
 */
struct fuse_upcall_in {
	__u32 kind;
	__u32 flags;
	__u64 size;
	__u64 tag;
	__u32 layer;
	__u32 mode;
	__u32 rdev;
	__u32 uid;
	__u32 gid;
	__u32 umask;
	__u32 pid;
	__u32 path_len;
	__u32 text_len;
	__u32 reserved[3];
};

enum fuse_upcall_answer {
	FUSE_UPCALL_DONE = 1,
	FUSE_UPCALL_RETRY = 2,
};

/**
 * struct fuse_upcall_out - the answer, if it is no error
 * @answer: enum fuse_upcall_answer
 * @reserved: zero
 */
struct fuse_upcall_out {
	__u32 answer;
	__u32 reserved;
};

/*
 * Inode numbers
 *
 * The number shown for an object of a layer is its own on the layer's file system, if that is the
 * first file system among those of the connection's layers in the order in which they were added.
 * For the others let F be the file system's place in that order, from 1: the number N is shown as
 *
 *	N | F << 55			if N is less than 1 << 55
 *	N ^ F * 0x61c8864680b583eb	otherwise
 *
 * (64 bits). Two layers are on one file system if stat(2) says the same st_dev of their roots.
 *
 * An object that was copied up goes on to show the number that it had. Its copy has the extended
 * attribute "origin" with the prefix fuse_bpf_view_set.own: the text "INO OWNER", or "INO OWNER
 * NLINK KEY" if the lower file has several names, in decimal. INO is the number to be shown, OWNER
 * the copy's own on its file system: the record counts only if it is. A directory of the upper in
 * which there are such objects has the attribute "impure" with that prefix and the value "y" before
 * there are any.
 *
 * Hard links
 *
 * A lower file with several names (st_nlink > 1) stays one file when it is copied up. Its copy has
 * one more link in the directory fuse_bpf_view_set.index, made before any other, under the name
 * KEY:
 *
 *	"%u-%x-" of the place of the layer's file system, from 0 as above, and of the type of the
 *	file's handle, then the handle in hexadecimal, as name_to_handle_at(2) gives it with flags
 *	0; "l%u-%x" of the layer's place, counted from the lowest as 1, and of the inode number, if
 *	there are no handles or one is longer than FUSE_UPCALL_HANDLE_MAX.
 *
 * Every lookup of a lower file with several names looks there first, so all its names show the
 * copy. How many of its names in the layer no longer show the lower file (they were whited out, or
 * became links of the copy) is the target of the symbolic link KEY.n beside it, in decimal; none
 * means 0. The number of links shown is
 *
 *	NLINK - (KEY.n)				before it is copied up
 *	NLINK - (KEY.n) + (links of copy) - 1	then
 *
 * The server keeps both in COPY_UP, JOIN, WHITEOUT and RENAME. Who takes the last name away removes
 * them: KEY first, then KEY.n. That is the server with WHITEOUT, else the kernel.
 */
#define FUSE_UPCALL_HANDLE_MAX 96

#endif
