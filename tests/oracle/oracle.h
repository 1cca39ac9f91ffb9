/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The oracle comparison: random layers and random operations, run on kernel overlayfs and on
 * Lamina side by side. Everything is decided by one seed, which is printed when something differs.
 *
 * "kernel" and "ours" are the two sides throughout; a `pair` holds one of each.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>
#include <time.h>

#define LAYERS_MAX 5

/* ---- random numbers ---- */

struct rng {
	uint64_t state;
};

uint64_t rng_next(struct rng *r);
/* 0 ... n-1 */
unsigned int rng_below(struct rng *r, unsigned int n);
/* true in one of @n cases */
bool rng_one_in(struct rng *r, unsigned int n);

/* ---- settings and the scene of one sequence ---- */

enum whiteout_form { FORM_CHR, FORM_DOT };

struct settings {
	const char *mount_program;
	const char *engine;
	const char *dir; /* everything happens below it */
	unsigned int operations;
	bool verbose;
	bool keep;
};

struct pair {
	int kernel, ours; /* directory fds */
};

struct scene {
	const struct settings *settings;
	uint64_t seed;
	struct rng rng;
	enum whiteout_form form; /* of our copy of the layers, and of what is written */
	unsigned int n_layers;
	struct timespec start; /* of the operations: layers are older */
	struct pair mounts;    /* roots of the two mounts, while mounted */
	bool noatime;	       /* how both are mounted; else relatime */
	bool protects;	       /* something is, or was, immutable or append-only */
	char log[65536];       /* what was done, for the report */
	size_t log_used;
};

/* Note what is about to be done. */
void scene_log(struct scene *s, const char *format, ...)
	__attribute__((__format__(__printf__, 2, 3)));

/* Report a difference, with the seed and the operations so far. Always returns false. */
bool scene_differs(struct scene *s, const char *format, ...)
	__attribute__((__format__(__printf__, 2, 3)));

/* ---- file attributes (chattr) ---- */

/*
 * What is compared: of those that a copy-up keeps, the ones that tmpfs knows, on which the scene is.
 * Others are lost by one, which comes at another time here than with overlayfs (renamed directories).
 */
#define FLAGS_PROTECT (FS_IMMUTABLE_FL | FS_APPEND_FL)
#define FLAGS_SEEN    (FLAGS_PROTECT | FS_NOATIME_FL)

/* Some of them, mostly none that protects. */
unsigned int flags_draw(struct rng *r);

/* ---- parts ---- */

/* Make the layers of both sides below the current directory: kernel/N and ours/N, 0 lowest. */
void layers_make(struct scene *s);

/* Mount both sides; exits the process on failure, which no comparison could survive. */
void mounts_up(struct scene *s);
void mounts_down(struct scene *s);
/* kernel overlayfs over our upper: what we wrote must mean the same to it. */
int mounts_up_cross(struct scene *s);
void mounts_down_cross(struct scene *s, int root);

/* Do @s->settings->operations random operations on both sides; false at the first difference. */
bool ops_run(struct scene *s);

/* Compare everything below two directories; @what names the moment. */
bool compare_trees(struct scene *s, int kernel, int ours, const char *what);
