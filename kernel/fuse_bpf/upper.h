/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Writable views: what the files that write share. Included by view.h.
 *
 * What is written goes to the upper, the topmost layer. An object that only lower layers have is
 * copied up first, by the server; its inode stays the same and gets another stack, with a place in
 * the upper on top (renew.c). Nothing else ever changes in a stack but that lower places go, when a
 * directory was made opaque.
 *
 * Two things keep changes apart, besides the locks that the VFS takes:
 *
 * - An inode is held (FUSE_I_CHANGING, fuse_hold()) by who copies it up or takes a name from it or
 *   gives it one; a directory by who has the server make something in it. When its holder is killed
 *   while the server acts, the hold passes to the upcall, and ends with it.
 * - fuse_view.paths is held, shared, while a path is built and the server acts on it; and alone
 *   while a directory with lower parts is renamed.
 *
 * Nothing that freezing the upper waits for, and no lock of its file system, is held over an
 * upcall.
 */
#ifndef _FS_FUSE_BPF_UPPER_H
#define _FS_FUSE_BPF_UPPER_H

#include <linux/fuse_upcall.h>
#include <linux/mount.h>
#include <linux/wait_bit.h>

/*
 * What is known of a name, in d_fsdata; not used for the root. Accesses that filters want to be
 * asked about are of the epoch in d_time. Above them it is counted how often the dentry has moved:
 * who searched for it meanwhile knows nothing of where it is now.
 */
#define FUSE_ENTRY_UPPER   BIT(0) /* the upper has an object of this name */
#define FUSE_ENTRY_GOING   BIT(1) /* somebody is about to take the name away, or has done so */
#define FUSE_ENTRY_UNNAMED BIT(2) /* it never was a name */
#define FUSE_ENTRY_ASKS	   3
#define FUSE_ENTRY_MOVED   BIT(FUSE_ENTRY_ASKS + FUSE_ACCESSES)

/* Longest key in the index, with its NUL; what the server takes. */
#define FUSE_KEY_SIZE 224

/**
 * struct fuse_record - what an object of the upper says of where it comes from
 * @ino: the inode number to be shown
 * @nlink: how many names the lower file has, or 0
 * @key: its key in the index, or empty
 */
struct fuse_record {
	u64 ino;
	u32 nlink;
	char key[FUSE_KEY_SIZE];
};

/**
 * struct fuse_ask - an upcall to be made
 * @kind: enum fuse_upcall_kind
 * @entry: which object; or which name in @dir
 * @held: what is held until it ends; NULL for less
 * @size: COPY_UP
 * @mode: MAKE
 * @rdev: MAKE
 * @uid: MAKE
 * @gid: MAKE
 * @text: MAKE: target of a symbolic link; RENAME: where to; or NULL
 * @start: since when the caller waits, in jiffies
 * @passed: set if the upcall goes on without who asked, and has taken over the holds
 */
struct fuse_ask {
	enum fuse_upcall_kind kind;
	struct dentry *entry;
	struct inode *held[2];
	u64 size;
	umode_t mode;
	dev_t rdev;
	kuid_t uid;
	kgid_t gid;
	const char *text;
	unsigned long start;
	bool passed;
};

/* server.c, upcall.c: what a writable view has of its server. */
struct fuse_upcalls {
	spinlock_t lock; /* guards the list and the counters */
	struct list_head list;
	wait_queue_head_t none; /* woken when the list gets empty */
	u64 sent[FUSE_UPCALL_JOIN + 1];
	u32 waiting[FUSE_UPCALL_JOIN + 1];
	bool served;	     /* there is a server; under fuse_conn.lock */
	unsigned long since; /* when it went, in jiffies */
};

static inline unsigned long fuse_entry_flags(const struct dentry *entry)
{
	return IS_ROOT(entry) ? FUSE_ENTRY_UPPER : (unsigned long)READ_ONCE(entry->d_fsdata);
}

/*
 * Accesses to what has a name that filters want to be asked about, if what is known is current.
 * What is done with the root is always asked about: nobody was asked about its name.
 */
static inline u32 fuse_entry_asks(const struct dentry *entry)
{
	if (IS_ROOT(entry))
		return FUSE_ACCESS_ALL & ~FUSE_ACCESS(SEE);
	return fuse_entry_flags(entry) >> FUSE_ENTRY_ASKS & FUSE_ACCESS_ALL;
}

static inline void fuse_entry_set(struct dentry *entry, unsigned long flag)
{
	if (!IS_ROOT(entry))
		set_bit(__ffs(flag), (unsigned long *)&entry->d_fsdata);
}

static inline void fuse_entry_clear(struct dentry *entry, unsigned long flag)
{
	clear_bit(__ffs(flag), (unsigned long *)&entry->d_fsdata);
}

/* What filters said of the name that they were asked about last, for fuse_entry_know(). */
static inline unsigned long fuse_entry_said(const struct fuse_asker *asker)
{
	return (unsigned long)asker->asks << FUSE_ENTRY_ASKS;
}

/* What was found of a name that nobody else knows yet, or that is locked; and for which epoch. */
static inline void fuse_entry_know(struct dentry *entry, unsigned long epoch, unsigned long flags)
{
	WRITE_ONCE(entry->d_fsdata, (void *)flags);
	/* Pairs with fuse_entry_is_of(). */
	smp_store_release(&entry->d_time, epoch);
}

/* Is what is known of a name, which is not the root's, of this epoch? */
static inline bool fuse_entry_is_of(const struct dentry *entry, unsigned long epoch)
{
	/* Pairs with who writes it: what else is known is no older. */
	return smp_load_acquire(&entry->d_time) == epoch;
}

#endif /* _FS_FUSE_BPF_UPPER_H */
