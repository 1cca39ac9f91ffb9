// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * lamina trace --policy: prints what policies refused or wrote down, as far as it is still there; with
 * --follow, also what comes, of one mount or of all that there are and come.
 */
#include "trace-policy.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/output.h"
#include "base/text.h"
#include "guard/client.h"
#include "guard/container.h"
#include "guard/data.h"
#include "trace-line.h"
#include "trace-views.h"

/* Of what happens in views nobody is told, so they are looked at this often. */
#define VIEWS_MS 10

/* A daemon writes what it remembers in milliseconds, on a machine that is not busy. */
#define ANSWER_SECONDS 60

/* A mount of a daemon that is listened to. */
struct source {
	dev_t dev;
	int fd;
	struct lamina_text line; /* not complete yet */
};

struct listening {
	const struct trace_policy_options *options;
	struct source *sources;
	size_t n;
	struct traced_views views;
	int mounts; /* /proc/self/mountinfo */
};

static volatile sig_atomic_t stopped;

static void stop(int signal)
{
	(void)signal;
	stopped = 1;
}

static bool is_known(const struct listening *l, dev_t dev)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->sources[i].dev == dev)
			return true;
	return traced_views_has(&l->views, dev);
}

static errint_t add_source(struct listening *l, int root, dev_t dev, const char *path,
			   struct lamina_error *error)
{
	struct source *sources;
	errint_t fd;

	sources = reallocarray(l->sources, l->n + 1, sizeof(*sources));
	if (!sources)
		return lamina_error_set(error, -ENOMEM, "cannot listen to '%s'", path);
	l->sources = sources;
	fd = lamina_client_trace(root, l->options->follow, error);
	if (fd < 0)
		return lamina_error_wrap(error, fd, "%s", path);
	sources[l->n++] = (struct source){.dev = dev, .fd = fd};
	return 0;
}

/* The mount's root must not stay open: that would keep it mounted. */
static errint_t add(struct listening *l, const char *path, struct lamina_error *error)
{
	_cleanup_fd_ int root = lamina_client_open(path, error);
	struct stat st;

	if (root < 0)
		return root;
	if (fstat(root, &st) < 0 || is_known(l, st.st_dev))
		return 0;
	if (lamina_data_is_view(root))
		return traced_views_add(&l->views, root, st.st_dev, path, error);
	return add_source(l, root, st.st_dev, path, error);
}

/* Those that do not talk to us are somebody else's. */
static errint_t add_all(struct listening *l, struct lamina_error *error)
{
	struct lamina_error ignored = {""};
	char **mounts;
	errint_t err = lamina_container_mounts(&mounts, error);

	if (err < 0)
		return err;
	for (size_t i = 0; mounts[i]; i++)
		(void)add(l, mounts[i], &ignored);
	lamina_container_mounts_free(mounts);
	return 0;
}

static errint_t begin(struct listening *l, struct lamina_error *error)
{
	struct lamina_container container;
	errint_t err;

	l->mounts = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	if (l->mounts < 0)
		return lamina_error_set(error, -errno, "cannot open /proc/self/mountinfo");
	if (!l->options->target)
		return add_all(l, error);
	err = lamina_container_find(l->options->target, &container, error);
	if (err < 0)
		return err;
	err = add(l, container.mount, error);
	lamina_container_done(&container);
	return err;
}

/* Print the lines that are whole. */
static void print_lines(struct lamina_text *text, bool json)
{
	char *end = text->n ? memrchr(text->bytes, '\n', text->n) : NULL;
	size_t n = end ? (size_t)(end + 1 - text->bytes) : 0;

	trace_line_print(json, text->bytes, n);
	memmove(text->bytes, text->bytes + n, text->n - n);
	text->n -= n;
	fflush(stdout);
}

/* Returns false at the end. */
static bool read_source(struct source *source, bool json)
{
	char bytes[4096];
	ssize_t n = read(source->fd, bytes, sizeof(bytes));

	if (n > 0) {
		lamina_text_add(&source->line, bytes, (size_t)n);
		if (!source->line.broken)
			print_lines(&source->line, json);
	}
	return n > 0 || (n < 0 && errno == EINTR);
}

static void drop(struct listening *l, size_t i)
{
	close(l->sources[i].fd);
	lamina_text_done(&l->sources[i].line);
	l->sources[i] = l->sources[--l->n];
}

static errint_t mounts_changed(struct listening *l, struct lamina_error *error)
{
	traced_views_drop_gone(&l->views);
	return l->options->target ? 0 : add_all(l, error);
}

static bool hears_something(const struct listening *l)
{
	return l->n > 0 || l->views.n > 0 || !l->options->target;
}

/* How long to wait, in milliseconds; -1: as long as nothing happens. */
static int time_to_wait(const struct listening *l, time_t end)
{
	if (l->views.n > 0)
		return VIEWS_MS;
	return l->options->seconds ? (int)(end - time(NULL)) * 1000 : -1;
}

/* Wait until something happens, for as long as is left, and print it. */
static errint_t listen_once(struct listening *l, int wait, struct lamina_error *error)
{
	_cleanup_free_ struct pollfd *fds = calloc(l->n + 2, sizeof(*fds));
	size_t n = l->n;

	if (!fds)
		return lamina_error_set(error, -ENOMEM, "cannot listen");
	for (size_t i = 0; i < n; i++)
		fds[i] = (struct pollfd){.fd = l->sources[i].fd, .events = POLLIN};
	fds[n] = (struct pollfd){.fd = l->mounts, .events = POLLPRI};
	fds[n + 1] = (struct pollfd){.fd = STDOUT_FILENO}; /* a reader that goes is told unasked */
	if (poll(fds, n + 2, wait) < 0)
		return 0;
	for (size_t i = n; i-- > 0;)
		if (fds[i].revents && !read_source(&l->sources[i], l->options->json))
			drop(l, i);
	traced_views_print(&l->views);
	return fds[n].revents ? mounts_changed(l, error) : 0;
}

static bool goes_on(void)
{
	return !stopped && lamina_output_is_wanted();
}

/* What is still there: each daemon ends with it. A stopped one must not hold up the caller. */
static errint_t print_past(struct listening *l, struct lamina_error *error)
{
	errint_t err = 0;
	time_t end = time(NULL) + ANSWER_SECONDS;

	while (err == 0 && l->n > 0 && goes_on()) {
		if (time(NULL) >= end)
			return lamina_error_say(
				error, -ETIMEDOUT,
				"%zu mounts have not told all within %d seconds: their "
				"daemons are stopped, or have very much to do",
				l->n, ANSWER_SECONDS);
		err = listen_once(l, 1000, error);
	}
	return err;
}

static errint_t follow(struct listening *l, struct lamina_error *error)
{
	time_t end = time(NULL) + (time_t)l->options->seconds;
	errint_t err = 0;

	while (err == 0 && hears_something(l) && goes_on()) {
		if (l->options->seconds && time(NULL) >= end)
			break;
		err = listen_once(l, time_to_wait(l, end), error);
	}
	return err;
}

static errint_t run(struct listening *l, struct lamina_error *error)
{
	errint_t err = begin(l, error);

	if (err == 0) {
		trace_line_begin(l->options->json);
		err = l->options->follow ? follow(l, error) : print_past(l, error);
	}
	traced_views_print(&l->views);
	while (l->n > 0)
		drop(l, 0);
	traced_views_done(&l->views);
	lamina_cleanup_fd(&l->mounts);
	free(l->sources);
	return err;
}

int trace_policy(const struct trace_policy_options *options)
{
	const struct sigaction action = {.sa_handler = stop};
	struct listening l = {.options = options, .views = {.json = options->json}, .mounts = -1};
	struct lamina_error error = {""};

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	if (run(&l, &error) == 0)
		return EXIT_SUCCESS;
	fprintf(stderr, "lamina trace: %s\n", error.text);
	return EXIT_FAILURE;
}
