/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every bound on what a user, an image or a container can make grow, each with its reason.
 */
#pragma once

/* Lower layers of one mount: overlayfs' own bound (OVL_MAX_STACK), and podman's. */
#define LAMINA_MAX_LOWERS 500

/* One request or reply: what the kernel sends at most with max_pages 256. */
#define LAMINA_MAX_IO (1u << 20)

/* The same with the header and the fixed struct of a WRITE, which come before its data. */
#define LAMINA_MAX_REQUEST (LAMINA_MAX_IO + 4096)

/* Background requests (read-ahead, write-back) that the kernel sends at a time. */
#define LAMINA_MAX_BACKGROUND 64

/* Threads of a session, and how many of them may be at work on changes, which may wait for long: the
 * rest stays for requests that only read. */
#define LAMINA_MAX_THREADS 24
#define LAMINA_MAX_CHANGES 16

/* Threads that serve the control path alone: one for a request that waits, and one for the next. */
#define LAMINA_CONTROL_THREADS 2

/* Memory for the control path alone: a policy's pages are the caller's, and what is kept of one is small. */
#define LAMINA_SPARE_MEMORY (1u << 20)

/* Requests of one class that wait for a thread, in bytes: thousands of small ones, or dozens of the largest. */
#define LAMINA_MAX_WAITING_BYTES (64u << 20)

/* Threads that are kept for the next burst. */
#define LAMINA_MAX_IDLE_THREADS 4

/* An xattr value, and a list of names: the VFS' own XATTR_SIZE_MAX and XATTR_LIST_MAX. */
#define LAMINA_XATTR_MAX 65536

/* Directories above the upper or the work directory, up to the root of their mount: containers/storage
 * has a dozen; with more the mount that is there is used. */
#define LAMINA_MAX_WAY 256

/* Nesting of directories that the daemon walks by itself (deep copy-up, clearing leftovers). */
#define LAMINA_MAX_DEPTH 2048

/* A file handle that fits a name in the index as hexadecimal digits. */
#define LAMINA_HANDLE_MAX 96

/* uid and gid ranges of one mapping: the kernel's UID_GID_MAP_MAX_EXTENTS. */
#define LAMINA_MAX_ID_RANGES 340

/* Open files that the daemon keeps for the next read or write, and the share of RLIMIT_NOFILE
 * that they may take. */
#define LAMINA_MAX_CACHED_FDS	  4096
#define LAMINA_CACHED_FDS_DIVISOR 4

/* The share of RLIMIT_NOFILE for files that have lost their names and can be kept in no other way: an upper that is
 * full takes no link to them, and a container may go on removing open files. */
#define LAMINA_KEPT_FDS_DIVISOR 2

/* Descriptors that are left to the control path: for a request, four; for looking at callers, and for files that are
 * being made, one or two a thread. Of a small RLIMIT_NOFILE, no more than the share. */
#define LAMINA_RESERVED_FDS	    64
#define LAMINA_RESERVED_FDS_DIVISOR 4

/* Names held in cached directory listings over the whole mount (about 64 bytes a name). */
#define LAMINA_MAX_CACHED_NAMES 262144

/* What is written down about a mount: LAMINA_MAX_LOWERS paths of PATH_MAX, each byte as an escape of four. */
#define LAMINA_RECORD_MAX (8u << 20)

/* A server of upcalls that lived less long than this died of itself; and how long its keeper waits
 * at most before it starts the next one. */
#define LAMINA_SERVER_YOUNG_MS 500
#define LAMINA_SERVER_PAUSE_MS 5000

/* How long a server that takes over waits for the one before to finish what it has begun. */
#define LAMINA_TAKEOVER_WAIT_MS 600000

/* How long a mount waits for the previous daemon of the same upper to leave, in milliseconds. */
#define LAMINA_LOCK_WAIT_MS 3000

/* One policy file, and one JSON string in it: 10,000 rules are about 1.5 MB; a path is PATH_MAX. */
#define LAMINA_POLICY_MAX_FILE	 (8u << 20)
#define LAMINA_POLICY_MAX_STRING 4096

/* Policy files that are put together: an administrator's, and those of some containers on one root file system. */
#define LAMINA_POLICY_MAX_FILES 64

/* Rules over all files (a masked or read-only path counts as one): a verdict has 16 bits for it. */
#define LAMINA_POLICY_MAX_RULES 20000

/* Paths over all rules, and the components of one: deeper trees exist, rules about them do not. */
#define LAMINA_POLICY_MAX_PATTERNS   65536
#define LAMINA_POLICY_MAX_COMPONENTS 64

/* States of the automaton over components, and of all automata for names together: globs can
 * multiply states, and both are memory in the kernel, which a user may ask for. 10,000 rules that
 * each end in other names take 20,000 of the first kind, 10,000 long patterns 130,000 of the other. */
#define LAMINA_POLICY_MAX_STATES      262144
#define LAMINA_POLICY_MAX_NAME_STATES 262144

/* Steps of the compiler (positions put into sets): a few seconds, whatever the policy. */
#define LAMINA_POLICY_MAX_WORK 60000000u

/* A compiled policy, in words of four bytes (16 MiB). */
#define LAMINA_POLICY_MAX_WORDS (4u << 20)

/* The name of a container, as a policy that is put in force says for whom it is. */
#define LAMINA_LABEL_MAX 255

/* How long a request waits for the kernel to forget what it keeps, in milliseconds; and of how many listings and links it
 * is asked to do so one by one. */
#define LAMINA_SWEEP_WAIT_MS 1000
#define LAMINA_SWEEP_CONTENT 1024

/* How long a program waits for the mount, and the kernel, when it puts a policy in force, if it is not told, in seconds:
 * runtimes give a hook 10; and how long it waits until the kernel has looked at one name again, in milliseconds. */
#define LAMINA_APPLY_SECONDS	 10
#define LAMINA_APPLY_SECONDS_MAX 3600
#define LAMINA_HOOK_SECONDS	 6
#define LAMINA_AGAIN_MS		 1000

/* How often a program begins anew to put a policy in force, since another one was faster: each time at least one
 * program has done its work, and there are not more containers than files. */
#define LAMINA_CHANGE_TRIES 100

/* A policy that is put in force: its table, and what it was made of, to be shown again. */
#define LAMINA_BUNDLE_MAX (64u << 20)

/* Opens that the engine fuse is told of without a policy, so that one can still be put in force: what
 * a container manager reads of a root file system before the container starts is much less. */
#define LAMINA_OPENS_AT_START 1024

/* Lines of the audit: what is kept for who comes later (bytes), how many a second are written down
 * in the long run, and how many at once. Each costs a look at the process. */
#define LAMINA_AUDIT_BYTES (256u << 10)
#define LAMINA_AUDIT_RATE  500
#define LAMINA_AUDIT_BURST 2000

/* Who listens to one mount's audit at a time. */
#define LAMINA_MAX_LISTENERS 16

/* How long a daemon whose mount is gone waits for listeners to take what is left, in milliseconds. */
#define LAMINA_DRAIN_MS 5000

/* What is noted while a policy is learned: different paths, and bytes of them. */
#define LAMINA_LEARN_PATHS 262144
#define LAMINA_LEARN_BYTES (64u << 20)

/* Renamed and re-read trees: the deepest path that an event names in full. */
#define LAMINA_EVENT_PATH_MAX 4096
