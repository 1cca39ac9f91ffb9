// SPDX-License-Identifier: GPL-2.0-or-later
#include "bpf/policy-uses.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/cleanup.h"
#include "bpf/filter.h"
#include "guard/data.h"
#include "guard/learn.h"
#include "policy/access.h"
#include "view/attach.h"
#include "../../bpf/policy-view.h"

/* Bytes, a power of two: of short paths it takes 16,384 that were not read yet. */
#define RING_SIZE (4u << 20)

/* Threads that may give names at the same moment. */
#define LAST 256

struct lamina_policy_uses {
	dev_t dev;
	uint32_t view;
	char *target;
	int learners, uses; /* the filter's maps */
	int ring_map;
	struct ring_buffer *ring;
	int mounts; /* the mount table */
	bool begun; /* who learns is known to the filter */
	bool ended; /* the view tells no more, or is gone */
	struct lamina_learn learn;
	size_t taken; /* uses that were handed over */
	/* What each thread did last: where something comes from that gets another name. */
	struct last {
		uint32_t pid;
		char *path;
	} last[LAST];
};

/* ---- noting ---- */

static void note_move(struct lamina_policy_uses *uses, const struct policy_use *use)
{
	const struct last *last = &uses->last[use->pid % LAST];

	if (last->path && last->pid == use->pid)
		lamina_learn_note_move(&uses->learn, last->path, use->path,
				       use->flags & POLICY_USE_DIR);
	else
		uses->learn.full = true; /* it has no beginning, so what was learned is not all */
}

static void keep_last(struct lamina_policy_uses *uses, const struct policy_use *use)
{
	struct last *last = &uses->last[use->pid % LAST];

	free(last->path);
	*last = (struct last){use->pid, strdup(use->path)};
}

static int note(void *user, void *data, size_t size)
{
	struct lamina_policy_uses *uses = user;
	const struct policy_use *use = data;
	uint32_t bits = use->accesses & LAMINA_ACCESS_ALL;

	(void)size; /* the path ends with a NUL: the filter sees to it */
	if (bits)
		lamina_learn_note(&uses->learn, use->path, bits);
	if (use->flags & POLICY_USE_COMES)
		note_move(uses, use);
	keep_last(uses, use);
	return 0;
}

/* ---- the filter's maps ---- */

/* A learner that was killed is in nobody's way. */
static bool is_there(const struct lamina_policy_uses *uses)
{
	struct policy_learner other;

	return bpf_map_lookup_elem(uses->learners, &uses->view, &other) == 0 &&
	       (kill((pid_t)other.pid, 0) == 0 || errno != ESRCH);
}

static bool is_ours(const struct lamina_policy_uses *uses, uint64_t *ret_lost)
{
	struct policy_learner learner;

	if (bpf_map_lookup_elem(uses->learners, &uses->view, &learner) < 0 ||
	    learner.pid != (uint32_t)getpid())
		return false;
	*ret_lost = learner.lost;
	return true;
}

static errint_t register_learner(struct lamina_policy_uses *uses, struct lamina_error *error)
{
	const struct policy_learner learner = {.pid = (uint32_t)getpid()};

	if (bpf_map_update_elem(uses->learners, &uses->view, &learner, BPF_NOEXIST) == 0)
		return 0;
	if (errno == EEXIST && is_there(uses))
		return lamina_error_say(error, -EBUSY, "somebody learns of this mount already");
	if (bpf_map_update_elem(uses->learners, &uses->view, &learner, BPF_ANY) < 0)
		return lamina_error_set(error, -errno, "cannot learn of this mount");
	return 0;
}

static errint_t make_ring(struct lamina_policy_uses *uses, struct lamina_error *error)
{
	uses->ring_map = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "lamina_uses", 0, 0, RING_SIZE, NULL);
	if (uses->ring_map < 0)
		return lamina_error_set(error, -errno, "cannot make a ring for what is used");
	uses->ring = ring_buffer__new(uses->ring_map, note, uses, NULL);
	if (!uses->ring ||
	    bpf_map_update_elem(uses->uses, &uses->view, &uses->ring_map, BPF_ANY) < 0)
		return lamina_error_set(error, -errno, "cannot read what is used");
	return 0;
}

static errint_t open_maps(struct lamina_policy_uses *uses, struct lamina_error *error)
{
	uses->learners = lamina_filter_map(LAMINA_POLICY_FILTER, "learners", error);
	if (uses->learners < 0)
		return uses->learners;
	uses->uses = lamina_filter_map(LAMINA_POLICY_FILTER, "uses", error);
	return uses->uses < 0 ? uses->uses : 0;
}

/* ---- */

static errint_t begin(struct lamina_policy_uses *uses, int root, bool waits,
		      struct lamina_error *error)
{
	struct stat st;
	errint_t err;

	if (fstat(root, &st) < 0)
		return lamina_error_set(error, -errno, "cannot look at '%s'", uses->target);
	uses->dev = st.st_dev;
	uses->view = lamina_filter_view(st.st_dev);
	err = lamina_learn_start(&uses->learn, waits);
	if (err < 0)
		return lamina_error_set(error, err, "cannot learn");
	err = open_maps(uses, error);
	if (err == 0)
		err = register_learner(uses, error);
	if (err < 0)
		return err;
	uses->begun = true;
	err = make_ring(uses, error);
	if (err < 0)
		return err;
	uses->mounts = open("/proc/self/mounts", O_RDONLY | O_CLOEXEC);
	if (uses->mounts < 0)
		return lamina_error_set(error, -errno, "cannot read the mount table");
	return lamina_data_learn(root, true, error);
}

errint_t lamina_policy_uses_begin(int root, const char *target, bool waits,
				  struct lamina_policy_uses **ret, struct lamina_error *error)
{
	struct lamina_policy_uses *uses = calloc(1, sizeof(*uses));
	errint_t err;

	if (!uses)
		return lamina_error_set(error, -ENOMEM, "cannot learn");
	uses->learners = uses->uses = uses->ring_map = uses->mounts = -1;
	uses->target = realpath(target, NULL);
	err = uses->target ? begin(uses, root, waits, error)
			   : lamina_error_set(error, -errno, "cannot find '%s'", target);
	if (err < 0)
		lamina_policy_uses_done(uses);
	else
		*ret = uses;
	return err;
}

static bool is_mounted(const struct lamina_policy_uses *uses)
{
	_cleanup_fd_ int mount = lamina_view_find(uses->dev, uses->target);

	return mount >= 0;
}

bool lamina_policy_uses_wait(struct lamina_policy_uses *uses, const struct timespec *timeout,
			     const sigset_t *mask)
{
	struct pollfd fds[] = {
		{.fd = ring_buffer__epoll_fd(uses->ring), .events = POLLIN},
		{.fd = uses->mounts, .events = POLLPRI},
	};

	if (ppoll(fds, 2, timeout, mask) <= 0)
		return false;
	/* That it has changed is told once. */
	if (fds[1].revents && !is_mounted(uses))
		uses->ended = true;
	return true;
}

errint_t lamina_policy_uses_take(struct lamina_policy_uses *uses, struct lamina_text *text)
{
	int n = ring_buffer__consume(uses->ring);
	uint64_t lost = 0;

	if (n < 0)
		return n;
	if (!is_ours(uses, &lost) || lost)
		uses->learn.full = true;
	while (lamina_learn_next(&uses->learn, uses->taken, text))
		uses->taken++;
	return !uses->ended;
}

void lamina_policy_uses_end(struct lamina_policy_uses *uses)
{
	struct lamina_error ignored = {""};
	_cleanup_fd_ int mount = lamina_view_find(uses->dev, uses->target);
	_cleanup_fd_ int root =
		mount < 0 ? -1 : openat(mount, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	/* A view that is gone tells nothing. */
	if (root >= 0)
		(void)lamina_data_learn(root, false, &ignored);
	uses->ended = true;
}

void lamina_policy_uses_done(struct lamina_policy_uses *uses)
{
	uint64_t lost;

	if (!uses)
		return;
	if (uses->begun && !uses->ended)
		lamina_policy_uses_end(uses);
	if (uses->begun && is_ours(uses, &lost)) {
		bpf_map_delete_elem(uses->uses, &uses->view);
		bpf_map_delete_elem(uses->learners, &uses->view);
	}
	ring_buffer__free(uses->ring);
	lamina_cleanup_fd(&uses->ring_map);
	lamina_cleanup_fd(&uses->learners);
	lamina_cleanup_fd(&uses->uses);
	lamina_cleanup_fd(&uses->mounts);
	lamina_learn_stop(&uses->learn);
	for (size_t i = 0; i < LAST; i++)
		free(uses->last[i].path);
	free(uses->target);
	free(uses);
}
