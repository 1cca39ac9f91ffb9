// SPDX-License-Identifier: GPL-2.0-or-later
#include "trace-views.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "bpf/filter.h"
#include "guard/client.h"
#include "guard/data.h"
#include "guard/line.h"
#include "trace-line.h"
#include "view/attach.h"

/* How many policies of a view are remembered: events may be of one that was replaced meanwhile. */
#define POLICIES 4

struct known {
	uint32_t id;
	bool is_known; /* else there was none of this id any more */
	struct lamina_bundle bundle;
};

struct traced_view {
	dev_t dev;
	uint32_t number; /* the same, as the kernel has it */
	uint64_t since;	 /* the event from which on this view has the number for certain */
	char *path;
	struct known known[POLICIES]; /* the newest first */
	size_t n_known;
};

static void forget(struct known *known)
{
	if (known->is_known)
		lamina_bundle_done(&known->bundle);
}

static void drop(struct traced_views *views, size_t i)
{
	struct traced_view *view = &views->list[i];

	for (size_t k = 0; k < view->n_known; k++)
		forget(&view->known[k]);
	free(view->path);
	views->list[i] = views->list[--views->n];
}

/* ---- policies ---- */

static struct known *remember(struct traced_view *view, uint32_t id)
{
	if (view->n_known == POLICIES)
		forget(&view->known[--view->n_known]);
	memmove(&view->known[1], &view->known[0], view->n_known * sizeof(view->known[0]));
	view->n_known++;
	view->known[0] = (struct known){.id = id};
	return &view->known[0];
}

static struct known *find_known(struct traced_view *view, uint32_t id)
{
	for (size_t i = 0; i < view->n_known; i++)
		if (view->known[i].id == id)
			return &view->known[i];
	return NULL;
}

/* The policy in force. */
static void read_policy(struct traced_view *view, int root)
{
	struct lamina_error ignored = {""};
	struct lamina_bundle bundle;
	struct known *known;
	uint32_t id;

	if (lamina_data_get(root, &bundle, &id, &ignored) <= 0)
		return;
	known = find_known(view, id);
	if (known && known->is_known) {
		lamina_bundle_done(&bundle);
		return;
	}
	if (!known)
		known = remember(view, id);
	known->is_known = true;
	known->bundle = bundle;
}

/* The policy that an event is of. */
static const struct known *policy_of(struct traced_view *view, uint32_t id)
{
	struct lamina_error ignored = {""};
	struct known *known = find_known(view, id);
	_cleanup_fd_ int root = -1;
	struct stat st;

	if (known)
		return known;
	root = lamina_client_open(view->path, &ignored);
	if (root >= 0 && fstat(root, &st) == 0 && st.st_dev == view->dev)
		read_policy(view, root);
	known = find_known(view, id);
	return known ? known : remember(view, id);
}

/* ---- views ---- */

bool traced_views_has(const struct traced_views *views, dev_t dev)
{
	for (size_t i = 0; i < views->n; i++)
		if (views->list[i].dev == dev)
			return true;
	return false;
}

/* Who listens has to be able to look at processes; if not, lines are without them. */
static errint_t begin(struct traced_views *views, struct lamina_error *error)
{
	errint_t err;

	if (views->events.ring)
		return 0;
	err = lamina_policy_events_init(&views->events, true, error);
	if (err == 0)
		(void)lamina_callers_init(&views->callers);
	return err;
}

errint_t traced_views_add(struct traced_views *views, int root, dev_t dev, const char *path,
			  struct lamina_error *error)
{
	struct traced_view *list;
	errint_t err = begin(views, error);

	if (err < 0)
		return err;
	list = reallocarray(views->list, views->n + 1, sizeof(*list));
	if (!list)
		return lamina_error_set(error, -ENOMEM, "cannot listen to '%s'", path);
	views->list = list;
	list[views->n] = (struct traced_view){
		.dev = dev,
		.number = lamina_filter_view(dev),
		.since = lamina_turns_head(&views->events.turns),
		.path = strdup(path),
	};
	if (!list[views->n].path)
		return lamina_error_set(error, -ENOMEM, "cannot listen to '%s'", path);
	read_policy(&list[views->n++], root);
	return 0;
}

void traced_views_drop_gone(struct traced_views *views)
{
	for (size_t i = views->n; i-- > 0;) {
		int mount = lamina_view_find(views->list[i].dev, views->list[i].path);

		if (mount == -ENOENT)
			drop(views, i);
		else if (mount >= 0)
			close(mount);
	}
}

void traced_views_done(struct traced_views *views)
{
	while (views->n > 0)
		drop(views, 0);
	free(views->list);
	if (views->events.ring)
		lamina_callers_done(&views->callers);
	lamina_policy_events_done(&views->events);
}

/* ---- lines ---- */

/* The kernel's clock that goes on in suspend, as time of day. */
static struct timespec time_of_day(uint64_t boottime)
{
	struct timespec now, boot;
	int64_t ns;

	clock_gettime(CLOCK_REALTIME, &now);
	clock_gettime(CLOCK_BOOTTIME, &boot);
	ns = (now.tv_sec - boot.tv_sec) * 1000000000LL + now.tv_nsec - boot.tv_nsec +
	     (int64_t)boottime;
	return (struct timespec){.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
}

/* Numbers are used again: what is older than our look at the view must be of its policy. */
static bool is_of(struct traced_view *view, const struct policy_event *event)
{
	if (view->number != event->view)
		return false;
	return event->turn > view->since || find_known(view, event->id);
}

static void print_event(const struct traced_views *views, struct traced_view *view,
			const struct policy_event *event)
{
	const struct known *known = policy_of(view, event->id);
	_cleanup_text_ struct lamina_text text = {0};
	char exe[4096];
	const struct lamina_line line = {
		.time = time_of_day(event->time),
		.mount = view->path,
		.label = known->is_known ? lamina_bundle_label(&known->bundle,
							       lamina_verdict_rule(event->verdict))
					 : "",
		.dropped = event->left_out,
		.pid = (pid_t)event->pid,
		.comm = event->comm,
		.exe = exe,
		.path = event->path,
		.access = event->access,
		.verdict = event->verdict,
		.compiled = known->is_known ? &known->bundle.compiled : NULL,
	};

	lamina_caller_exe(&views->callers, line.pid, exe, sizeof(exe));
	lamina_line_print(&text, &line);
	if (!text.broken)
		trace_line_print(views->json, text.bytes, text.n);
}

static void print_lost(const struct traced_views *views, uint64_t lost)
{
	char line[64];
	int n = snprintf(line, sizeof(line), "{\"dropped\":%llu}\n", (unsigned long long)lost);

	trace_line_print(views->json, line, (size_t)n);
}

void traced_views_print(struct traced_views *views)
{
	struct policy_event event;
	uint64_t lost;

	/* Who doesn't read on must not keep us from ending. */
	while (views->events.ring && !ferror(stdout) &&
	       lamina_policy_events_next(&views->events, &event)) {
		for (size_t i = 0; i < views->n; i++)
			if (is_of(&views->list[i], &event))
				print_event(views, &views->list[i], &event);
		lost = lamina_policy_events_lost(&views->events);
		if (lost)
			print_lost(views, lost);
		fflush(stdout);
	}
}
