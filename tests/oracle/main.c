// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * oracle: compare Lamina with kernel overlayfs on random layers and operations.
 */
#include "oracle.h"

#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <grp.h>
#include <linux/fs.h>
#include <sched.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

uint64_t rng_next(struct rng *r)
{
	/* splitmix64 */
	uint64_t z = r->state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

unsigned int rng_below(struct rng *r, unsigned int n)
{
	return (unsigned int)(rng_next(r) % n);
}

bool rng_one_in(struct rng *r, unsigned int n)
{
	return rng_below(r, n) == 0;
}

unsigned int flags_draw(struct rng *r)
{
	static const unsigned int flags[] = {
		0, FS_NOATIME_FL, FS_NOATIME_FL, FS_IMMUTABLE_FL, FS_APPEND_FL, FLAGS_SEEN,
	};

	return flags[rng_below(r, sizeof(flags) / sizeof(flags[0]))];
}

void scene_log(struct scene *s, const char *format, ...)
{
	va_list args;
	size_t left = sizeof(s->log) - s->log_used;
	int n;

	va_start(args, format);
	n = vsnprintf(s->log + s->log_used, left, format, args);
	va_end(args);
	if (s->settings->verbose)
		fputs(s->log + s->log_used, stderr);
	s->log_used += n > 0 && (size_t)n < left ? (size_t)n : left - 1;
}

bool scene_differs(struct scene *s, const char *format, ...)
{
	va_list args;

	printf("\nseed %lu, engine %s, whiteouts %s: ", s->seed, s->settings->engine,
	       s->form == FORM_DOT ? ".wh." : "0:0");
	printf("%s: ", s->noatime ? "noatime" : "relatime");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\nwhat was done:\n%s\n", s->log);
	fflush(stdout);
	return false;
}

/* A file system of its own for each sequence: empty, fast, and with numbers that start anew. */
static void enter_scene(const struct settings *settings)
{
	if (mkdir(settings->dir, 0755) < 0 && errno != EEXIST)
		err(2, "mkdir %s", settings->dir);
	if (mount("oracle", settings->dir, "tmpfs", 0, "mode=0755,size=512m") < 0)
		err(2, "mount tmpfs on %s", settings->dir);
	if (chdir(settings->dir) < 0)
		err(2, "chdir %s", settings->dir);
}

static void leave_scene(const struct settings *settings)
{
	if (chdir("/") < 0)
		err(2, "chdir /");
	/* A daemon may still be on its way out. */
	umount2(settings->dir, MNT_DETACH);
	rmdir(settings->dir);
}

static bool run_mounted(struct scene *s)
{
	bool same;

	mounts_up(s);
	same = compare_trees(s, s->mounts.kernel, s->mounts.ours, "before") && ops_run(s) &&
	       compare_trees(s, s->mounts.kernel, s->mounts.ours, "after");
	if (!same && s->settings->keep)
		return false; /* all is left as it is, to be looked at */
	mounts_down(s);
	if (!same)
		return false;
	mounts_up(s);
	same = compare_trees(s, s->mounts.kernel, s->mounts.ours, "remounted");
	if (same || !s->settings->keep)
		mounts_down(s);
	return same;
}

static bool run_sequence(const struct settings *settings, uint64_t seed)
{
	static struct scene s;
	bool same;

	s = (struct scene){.settings = settings, .seed = seed, .rng = {seed}};
	s.form = rng_one_in(&s.rng, 2) ? FORM_DOT : FORM_CHR;
	s.noatime = rng_one_in(&s.rng, 2);
	enter_scene(settings);
	umask(0);
	layers_make(&s);
	clock_gettime(CLOCK_REALTIME, &s.start);
	same = run_mounted(&s);
	if (same || !settings->keep)
		leave_scene(settings);
	return same;
}

static void usage(void)
{
	errx(2, "usage: oracle --mount-program PATH --engine NAME --dir DIR [--seed N] [--count N] "
		"[--operations N] [--verbose] [--keep]");
}

int main(int argc, char **argv)
{
	static const struct option words[] = {
		{"mount-program", required_argument, NULL, 'm'},
		{"engine", required_argument, NULL, 'e'},
		{"dir", required_argument, NULL, 'd'},
		{"seed", required_argument, NULL, 's'},
		{"count", required_argument, NULL, 'c'},
		{"operations", required_argument, NULL, 'o'},
		{"verbose", no_argument, NULL, 'v'},
		{"keep", no_argument, NULL, 'k'},
		{NULL, 0, NULL, 0},
	};
	struct settings settings = {.operations = 30};
	uint64_t seed = (uint64_t)time(NULL) * 1000003u, count = 100, failed = 0;
	int word;

	while ((word = getopt_long(argc, argv, "", words, NULL)) != -1) {
		switch (word) {
		case 'm':
			settings.mount_program = optarg;
			break;
		case 'e':
			settings.engine = optarg;
			break;
		case 'd':
			settings.dir = optarg;
			break;
		case 's':
			seed = strtoull(optarg, NULL, 10);
			break;
		case 'c':
			count = strtoull(optarg, NULL, 10);
			break;
		case 'o':
			settings.operations = (unsigned int)strtoul(optarg, NULL, 10);
			break;
		case 'v':
			settings.verbose = true;
			break;
		case 'k':
			settings.keep = true;
			break;
		default:
			usage();
		}
	}
	if (!settings.mount_program || !settings.engine || !settings.dir)
		usage();
	if (setgroups(0, NULL) < 0)
		err(2, "setgroups");
	/* Mounts of a run that is killed go with its namespace. */
	if (!settings.keep &&
	    (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0))
		err(2, "mount namespace");
	printf("engine %s, seeds %lu to %lu\n", settings.engine, seed, seed + count - 1);
	for (uint64_t i = 0; i < count; i++)
		if (!run_sequence(&settings, seed + i) && ++failed && settings.keep)
			break;
	printf("%lu sequences, %lu differ\n", count, failed);
	return failed ? 1 : 0;
}
