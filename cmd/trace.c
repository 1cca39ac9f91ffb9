// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * lamina trace: prints what the filter trace tells, a line for each operation, until it is
 * interrupted.
 */
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <linux/fuse_filter.h>

#include "base/cleanup.h"
#include "bpf/filter.h"
#include "bpf/tracing.h"
#include "commands.h"
#include "trace-policy.h"
#include "trace.h"

static const char usage[] =
	"usage: lamina trace [--filter NAME] [--seconds N] [MOUNTPOINT]\n"
	"       lamina trace --policy [--earlier] [--seconds N] [CONTAINER|MOUNTPOINT]\n"
	"\n"
	"Prints every operation on views that have the filter trace, or on the one at MOUNTPOINT:\n"
	"time, process, operation, inode number, and a name or a range of bytes. Ends when it is\n"
	"interrupted, or after N seconds; what was lost is said then.\n"
	"\n"
	"  lamina filter load trace\n"
	"  lamina mount -o lowerdir=...,filter=overlay,filter=trace MOUNTPOINT\n"
	"  lamina trace MOUNTPOINT\n"
	"\n"
	"With --policy: what policies refused or wrote down, a JSON object a line, of a mount, or "
	"of\n"
	"all that there are and come; --earlier begins with what is still remembered.\n";

static const char *const op_names[] = {
	[FUSE_FILTER_LOOKUP] = "lookup",
	[FUSE_FILTER_ENTRY] = "entry",
	[FUSE_FILTER_OPEN] = "open",
	[FUSE_FILTER_OPENDIR] = "opendir",
	[FUSE_FILTER_ATTR] = "attr",
	[FUSE_FILTER_ACCESS] = "access",
	[FUSE_FILTER_GETATTR] = "getattr",
	[FUSE_FILTER_READLINK] = "readlink",
	[FUSE_FILTER_STATFS] = "statfs",
	[FUSE_FILTER_GETXATTR] = "getxattr",
	[FUSE_FILTER_LISTXATTR] = "listxattr",
	[FUSE_FILTER_GETACL] = "getacl",
	[FUSE_FILTER_FILEATTR] = "fileattr",
	[FUSE_FILTER_FIEMAP] = "fiemap",
	[FUSE_FILTER_READDIR] = "readdir",
	[FUSE_FILTER_READ] = "read",
	[FUSE_FILTER_MMAP] = "mmap",
	[FUSE_FILTER_LSEEK] = "lseek",
	[FUSE_FILTER_FADVISE] = "fadvise",
	[FUSE_FILTER_FSYNC] = "fsync",
	[FUSE_FILTER_RELEASE] = "release",
	[FUSE_FILTER_RELEASEDIR] = "releasedir",
	[FUSE_FILTER_WRITE] = "write",
	[FUSE_FILTER_TRUNCATE] = "truncate",
	[FUSE_FILTER_CHMOD] = "chmod",
	[FUSE_FILTER_CHOWN] = "chown",
	[FUSE_FILTER_UTIMES] = "utimes",
	[FUSE_FILTER_SETXATTR] = "setxattr",
	[FUSE_FILTER_REMOVEXATTR] = "removexattr",
	[FUSE_FILTER_SETACL] = "setacl",
	[FUSE_FILTER_SETFILEATTR] = "setfileattr",
	[FUSE_FILTER_LINKED] = "linked",
	[FUSE_FILTER_CREATE] = "create",
	[FUSE_FILTER_MKDIR] = "mkdir",
	[FUSE_FILTER_MKNOD] = "mknod",
	[FUSE_FILTER_SYMLINK] = "symlink",
	[FUSE_FILTER_TMPFILE] = "tmpfile",
	[FUSE_FILTER_LINK] = "link",
	[FUSE_FILTER_UNLINK] = "unlink",
	[FUSE_FILTER_RMDIR] = "rmdir",
	[FUSE_FILTER_RENAME] = "rename",
	[FUSE_FILTER_RENAME_TO] = "rename_to",
	[FUSE_FILTER_DATA] = "data",
};

struct options {
	const char *filter;
	const char *target;
	unsigned long seconds;
	uint64_t view; /* 0: all */
	bool policy, earlier;
};

static volatile sig_atomic_t stopped;

static void stop(int signal)
{
	(void)signal;
	stopped = 1;
}

/* A name may hold anything; a line is a line. */
static void print_name(const char *name)
{
	for (; *name; name++) {
		unsigned char c = (unsigned char)*name;

		if (c < ' ' || c == '\\' || c == 0x7f)
			printf("\\%03o", c);
		else
			putchar(c);
	}
}

static void print_event(void *context, const struct trace_named *named)
{
	const struct options *options = context;
	const struct trace_event *event = &named->event;

	if (options->view && event->view != options->view)
		return;
	printf("%llu.%06llu %u", (unsigned long long)(event->time / 1000000000),
	       (unsigned long long)(event->time / 1000 % 1000000), event->pid);
	if (named->comm[0]) {
		printf("(");
		print_name(named->comm);
		printf(")");
	}
	printf(" %s %llu", event->op < FUSE_FILTER_OPS ? op_names[event->op] : "?",
	       (unsigned long long)event->ino);
	if (named->name[0]) {
		putchar(' ');
		print_name(named->name);
	}
	if (event->len || event->pos)
		printf(" %llu+%llu", (unsigned long long)event->pos,
		       (unsigned long long)event->len);
	putchar('\n');
}

/* The rings of the CPUs wake nobody, so they are looked at this often. */
#define POLL_MS 10

static errint_t run(struct options *options, struct lamina_error *error)
{
	struct lamina_tracing tracing;
	time_t end = time(NULL) + (time_t)options->seconds;
	errint_t err = lamina_tracing_init(&tracing, options->filter, error);

	if (err < 0)
		return err;
	while (!stopped && (!options->seconds || time(NULL) < end) && !ferror(stdout)) {
		err = lamina_tracing_poll(&tracing, POLL_MS, print_event, options);
		fflush(stdout);
		if (err < 0 && err != -EINTR)
			break;
		err = 0;
	}
	if (err == 0)
		err = lamina_tracing_poll(&tracing, 0, print_event, options);
	fflush(stdout);
	if (lamina_tracing_lost(&tracing))
		fprintf(stderr, "lamina trace: %llu events were lost\n",
			(unsigned long long)lamina_tracing_lost(&tracing));
	lamina_tracing_done(&tracing);
	if (err < 0)
		return lamina_error_set(error, err, "cannot read the events of the filter '%s'",
					options->filter);
	return 0;
}

static errint_t find_view(struct options *options, struct lamina_error *error)
{
	struct stat stat_buf;

	if (!options->target)
		return 0;
	if (stat(options->target, &stat_buf) < 0)
		return lamina_error_set(error, -errno, "cannot look at '%s'", options->target);
	options->view = lamina_filter_view(stat_buf.st_dev);
	return 0;
}

int command_trace(int argc, char **argv)
{
	struct options options = {.filter = "trace"};
	struct sigaction action = {.sa_handler = stop};
	struct lamina_error error = {0};
	errint_t err;

	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--filter") && i + 1 < argc) {
			options.filter = argv[++i];
		} else if (!strcmp(argv[i], "--policy")) {
			options.policy = true;
		} else if (!strcmp(argv[i], "--earlier")) {
			options.earlier = true;
		} else if (!strcmp(argv[i], "--seconds") && i + 1 < argc) {
			options.seconds = strtoul(argv[++i], NULL, 10);
		} else if (argv[i][0] == '-' || options.target) {
			bool help = !strcmp(argv[i], "--help");

			fputs(usage, help ? stdout : stderr);
			return help ? EXIT_SUCCESS : EXIT_FAILURE;
		} else {
			options.target = argv[i];
		}
	}
	if (options.policy) {
		const struct trace_policy_options audit = {
			.target = options.target,
			.seconds = options.seconds,
			.earlier = options.earlier,
		};

		return trace_policy(&audit);
	}
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	err = find_view(&options, &error);
	if (err == 0)
		err = run(&options, &error);
	if (err == 0)
		return EXIT_SUCCESS;
	fprintf(stderr, "lamina trace: %s\n", error.text);
	return EXIT_FAILURE;
}
