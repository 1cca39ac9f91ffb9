/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random policies, put in force one after the other on a mount, and random accesses there by a process
 * that is bound by them: each has to end as the plain matcher says, and for who is not bound nothing
 * may be missing. All policies meet what the kernel keeps from those before.
 *
 * main.c goes through the policies, choose.c throws the dice, expect.c knows what should come of it,
 * order.c does it, tree.c is the tree in which it is done. One thread; all work in the directory of the
 * mount.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "policy/policy.h"

#define NAME_LISTS 4096
#define PATH_SIZE  256

/* ---- order.c ---- */

enum op {
	OP_LSTAT,
	OP_READ,
	OP_WRITE,
	OP_READ_WRITE,
	OP_OPEN_TRUNC,
	OP_EXECUTE,
	OP_LIST,
	OP_CREATE,
	OP_MKDIR,
	OP_MKNOD,
	OP_MKFIFO,
	OP_MKSOCK,
	OP_MKCHAR,
	OP_MKBLOCK,
	OP_SYMLINK,
	OP_RMDIR,
	OP_UNLINK,
	OP_TRUNCATE,
	OP_LINK,
	OP_RENAME,
	OP_RENAME_OVER,
	OP_EXCHANGE,
	OP_CHMOD,
	OP_UTIMES,
	OP_CHOWN,
	OP_SETXATTR,
	OP_REMOVEXATTR,
	N_OPS,
};

struct order {
	int op;
	char path[PATH_SIZE], other[PATH_SIZE];
};

struct result {
	int error;
	char names[NAME_LISTS]; /* of a listing, sorted, each with a '/' behind it */
};

const char *order_name(int op);

/* Be the bound process: leave the mount namespace, and carry out what comes on the socket @orders. */
void order_serve(int orders, const char *root) __attribute__((__noreturn__));

/* List @path as struct result has it. Returns an error. */
int order_list(const char *path, char names[NAME_LISTS]);

/* Take back what an order has done. */
void order_undo(const struct order *o);

/* ---- tree.c: the tree, of which policies speak with a '/' in front ---- */

#define TREE_DEPTH     3
#define TREE_EMPTY_DIR "c"
#define TREE_LINK      "ba"
#define TREE_FIFO      "zz"

extern const char *const tree_dirs[3];
extern const char *const tree_leaves[5];

/* End the program unless @result is good. */
void must(int result, const char *what, const char *path);

void tree_make(void);

/* Make the object that the tree has at @path. */
int tree_make_regular(const char *path);
int tree_make_by_name(const char *path);

/* The directory of @path, "" or with a '/' at its end. */
void tree_dir_of(const char *path, char dir[PATH_SIZE]);

/* ---- choose.c ---- */

struct text;

void choose_begin(uint64_t seed);
bool choose_coin(void);

/* Make the files of a policy; returns how many. */
unsigned int choose_policy(struct text *files, unsigned int max);

struct order choose_order(void);

/* ---- expect.c ---- */

/* The error with which @o should end for who is bound by @policy, on engine bpf or with a daemon. */
int expect_order(const struct lamina_policy *policy, const struct order *o, bool is_view);

/* What a listing of @dir should show to who is bound by @policy, or by none (NULL). */
void expect_names(const struct lamina_policy *policy, const char *dir, char names[NAME_LISTS]);
