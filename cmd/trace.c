// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * lamina trace: prints what the filter trace has told, a line for each operation; with --follow, what it
 * tells until interrupted.
 */
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <linux/fuse_filter.h>

#include "base/cleanup.h"
#include "base/output.h"
#include "base/text.h"
#include "bpf/filter.h"
#include "bpf/tracing.h"
#include "commands.h"
#include "table.h"
#include "trace-policy.h"
#include "trace.h"

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
	bool policy, follow, json;
	bool told; /* whether there was an event */
};

static volatile sig_atomic_t stopped;

static void stop(int signal)
{
	(void)signal;
	stopped = 1;
}

/* ---- lines ---- */

static const char *const columns[] = {"time", "pid", "comm", "op", "ino",
				      "pos",  "len", "name", NULL};
static const int widths[] = {17, 7, 15, 11, 8, 10, 8, 0};

#define N_COLUMNS (sizeof(columns) / sizeof(columns[0]) - 1)

static const char *op_name(const struct trace_event *event)
{
	return event->op < FUSE_FILTER_OPS ? op_names[event->op] : "?";
}

static bool has_range(const struct trace_event *event)
{
	return event->len || event->pos;
}

static void print_columns(const struct trace_named *named)
{
	const struct trace_event *event = &named->event;
	char time[40], pid[16], ino[24], pos[24] = "", len[24] = "";
	const char *cells[N_COLUMNS] = {time, pid, named->comm, op_name(event),
					ino,  pos, len,		named->name};

	snprintf(time, sizeof(time), "%llu.%06llu", (unsigned long long)(event->time / 1000000000),
		 (unsigned long long)(event->time / 1000 % 1000000));
	snprintf(pid, sizeof(pid), "%u", event->pid);
	snprintf(ino, sizeof(ino), "%llu", (unsigned long long)event->ino);
	if (has_range(event)) {
		snprintf(pos, sizeof(pos), "%llu", (unsigned long long)event->pos);
		snprintf(len, sizeof(len), "%llu", (unsigned long long)event->len);
	}
	table_stream_line(cells, N_COLUMNS, widths);
}

static void add_string(struct lamina_text *line, const char *name, const char *text)
{
	lamina_text_print(line, ",\"%s\":", name);
	if (*text)
		lamina_text_json(line, text);
	else
		lamina_text_print(line, "null");
}

static void print_json(const struct trace_named *named)
{
	const struct trace_event *event = &named->event;
	_cleanup_text_ struct lamina_text line = {0};

	lamina_text_print(&line, "{\"time\":%llu.%06llu,\"pid\":%u",
			  (unsigned long long)(event->time / 1000000000),
			  (unsigned long long)(event->time / 1000 % 1000000), event->pid);
	add_string(&line, "comm", named->comm);
	add_string(&line, "op", op_name(event));
	lamina_text_print(&line, ",\"ino\":%llu", (unsigned long long)event->ino);
	if (has_range(event))
		lamina_text_print(&line, ",\"pos\":%llu,\"len\":%llu",
				  (unsigned long long)event->pos, (unsigned long long)event->len);
	add_string(&line, "name", named->name);
	lamina_text_print(&line, "}\n");
	if (!line.broken)
		fwrite(line.bytes, 1, line.n, stdout);
}

static void print_event(void *context, const struct trace_named *named)
{
	struct options *options = context;

	if (options->view && named->event.view != options->view)
		return;
	options->told = true;
	if (options->json)
		print_json(named);
	else
		print_columns(named);
}

/* ---- */

/* The rings of the CPUs wake nobody, so they are looked at this often. */
#define POLL_MS 10

static errint_t follow(struct options *options, struct lamina_tracing *tracing)
{
	time_t end = time(NULL) + (time_t)options->seconds;
	errint_t err = 0;

	while (!stopped && (!options->seconds || time(NULL) < end) && lamina_output_is_wanted()) {
		err = lamina_tracing_poll(tracing, POLL_MS, print_event, options);
		fflush(stdout);
		if (err < 0 && err != -EINTR)
			return err;
	}
	return 0;
}

static errint_t run(struct options *options, struct lamina_error *error)
{
	struct lamina_tracing tracing;
	errint_t err = lamina_tracing_init(&tracing, options->filter, options->follow, error);

	if (err < 0)
		return err;
	if (!options->json)
		table_stream_header(columns, widths);
	if (options->follow)
		err = follow(options, &tracing);
	if (err == 0)
		err = lamina_tracing_poll(&tracing, 0, print_event, options);
	fflush(stdout);
	if (options->follow && lamina_tracing_lost(&tracing))
		fprintf(stderr, "lamina trace: %llu events were lost\n",
			(unsigned long long)lamina_tracing_lost(&tracing));
	if (!options->follow && !options->told)
		fprintf(stderr,
			"lamina trace: nothing is recorded; the filter '%s' records while "
			"a process reads: lamina trace --follow\n",
			options->filter);
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

enum { FILTER = 256, EARLIER };

static void set_option(const struct command *command, struct options *options, int option)
{
	switch (option) {
	case FILTER:
		options->filter = optarg;
		break;
	case 'p':
		options->policy = true;
		break;
	case 'f':
		options->follow = true;
		break;
	case 's':
		options->seconds = command_seconds(command, optarg);
		options->follow = true;
		break;
	case 'j':
		options->json = true;
		break;
	default: /* EARLIER is how it begins anyway */
		break;
	}
}

static int trace_operations(struct options *options)
{
	struct sigaction action = {.sa_handler = stop};
	struct lamina_error error = {0};
	errint_t err;

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	err = find_view(options, &error);
	if (err == 0)
		err = run(options, &error);
	if (err == 0)
		return EXIT_SUCCESS;
	fprintf(stderr, "lamina trace: %s\n", error.text);
	return EXIT_FAILURE;
}

static int trace(const struct command *command, int argc, char **argv)
{
	struct options options = {.filter = "trace"};
	int option;

	while ((option = command_next(command, argc, argv)) >= 0)
		set_option(command, &options, option);
	if (argc - optind > 1)
		return command_misused(command);
	options.target = argv[optind];
	if (!options.policy)
		return trace_operations(&options);
	return trace_policy(&(struct trace_policy_options){
		.target = options.target,
		.seconds = options.seconds,
		.follow = options.follow,
		.json = options.json,
	});
}

static const struct command_option options[] = {
	{"policy", 'p', NULL, "what policies refused or wrote down, instead of operations"},
	{"follow", 'f', NULL, "go on with what comes, until interrupted or the mount is gone"},
	{"seconds", 's', "N", "go on for N seconds (default: end with what there is)"},
	{"json", 'j', NULL, "print a JSON object a line"},
	{"filter", FILTER, "NAME", "the filter that records operations (default: trace)"},
	{"earlier", EARLIER, NULL, "begin with what is still there, as without this"},
	{0},
};

const struct command command_trace = {
	.name = "trace",
	.arguments = "[OPTION...] [CONTAINER|MOUNTPOINT]",
	.help = "Print what was recorded on a mount, or on all, and end.",
	.options = options,
	.text = "Operations are recorded on views that have the filter trace, while a process "
		"reads "
		"them with\n"
		"--follow. What policies refuse is always recorded, as far as there is room.\n",
	.example = "lamina trace --policy web\n"
		   "lamina trace --policy --follow --json | jq .path\n"
		   "lamina trace --follow /mnt",
	.run = trace,
};
