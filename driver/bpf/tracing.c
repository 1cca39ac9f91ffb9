// SPDX-License-Identifier: GPL-2.0-or-later
#include "bpf/tracing.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/cleanup.h"
#include "bpf/filter.h"
#include "trace.skel.h"

typedef typeof(*((struct filter_trace *)NULL)->bss) variables_t;

static size_t whole_pages(size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (size + page - 1) / page * page;
}

static errint_t map_map(const char *filter, const char *name, size_t size, void **ret,
			struct lamina_error *error)
{
	_cleanup_fd_ int fd = lamina_filter_map(filter, name, error);
	void *address;

	if (fd < 0)
		return fd;
	address = mmap(NULL, whole_pages(size), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (address == MAP_FAILED)
		return lamina_error_set(error, -errno, "cannot map the %s of the filter '%s'", name,
					filter);
	*ret = address;
	return 0;
}

static errint_t count_rings(const char *filter, unsigned int *ret, struct lamina_error *error)
{
	_cleanup_fd_ int fd = lamina_filter_map(filter, "rings", error);
	struct bpf_map_info info = {0};
	__u32 size = sizeof(info);

	if (fd < 0)
		return fd;
	if (bpf_map_get_info_by_fd(fd, &info, &size) < 0)
		return lamina_error_set(error, -errno,
					"cannot look at the rings of the filter "
					"'%s'",
					filter);
	if (info.value_size != sizeof(struct trace_ring))
		return lamina_error_say(error, -EINVAL,
					"the filter '%s' tells in a form that is not known here; "
					"load it again",
					filter);
	*ret = info.max_entries;
	return 0;
}

static errint_t add(struct lamina_tracing *tracing, const void *event, size_t size)
{
	struct trace_named *slot;

	if (tracing->n == tracing->room) {
		size_t room = tracing->room ? tracing->room * 2 : 1024;
		struct trace_named *batch =
			reallocarray(tracing->batch, room, sizeof(*tracing->batch));

		if (!batch)
			return -ENOMEM;
		tracing->batch = batch;
		tracing->room = room;
	}
	slot = &tracing->batch[tracing->n++];
	memset(slot, 0, sizeof(*slot));
	memcpy(slot, event, size);
	return 0;
}

static int add_named(void *context, void *data, size_t size)
{
	struct lamina_tracing *tracing = context;

	if (size >= sizeof(struct trace_named))
		tracing->err = add(tracing, data, sizeof(struct trace_named));
	return tracing->err;
}

static errint_t read_ring(struct lamina_tracing *tracing, struct lamina_turns *ring)
{
	struct trace_event event;
	errint_t err = 0;

	while (err == 0 && lamina_turns_next(ring, &event))
		err = add(tracing, &event, sizeof(event));
	return err;
}

static errint_t begin(struct lamina_tracing *tracing)
{
	tracing->turns = calloc(tracing->n_rings, sizeof(*tracing->turns));
	if (!tracing->turns)
		return -ENOMEM;
	for (unsigned int i = 0; i < tracing->n_rings; i++) {
		tracing->turns[i] = (struct lamina_turns){
			.head = (const uint64_t *)&tracing->rings[i].head,
			.events = tracing->rings[i].events,
			.slots = TRACE_EVENTS,
			.size = sizeof(struct trace_event),
		};
		lamina_turns_begin(&tracing->turns[i], false);
	}
	return 0;
}

static errint_t init(struct lamina_tracing *tracing, const char *filter, struct lamina_error *error)
{
	_cleanup_fd_ int fd = lamina_filter_map(filter, "events", error);
	void *rings = NULL;
	errint_t err;

	if (fd < 0)
		return fd;
	err = count_rings(filter, &tracing->n_rings, error);
	if (err == 0)
		err = map_map(filter, "variables", sizeof(variables_t), &tracing->variables, error);
	if (err == 0)
		err = map_map(filter, "rings", tracing->n_rings * sizeof(struct trace_ring), &rings,
			      error);
	if (err < 0)
		return err;
	tracing->rings = rings;
	tracing->names = ring_buffer__new(fd, add_named, tracing, NULL);
	if (!tracing->names || begin(tracing) < 0)
		return lamina_error_set(error, -errno, "cannot read the events of the filter '%s'",
					filter);
	return 0;
}

errint_t lamina_tracing_init(struct lamina_tracing *ret, const char *filter, bool follow,
			     struct lamina_error *error)
{
	variables_t *variables;
	errint_t err;

	*ret = (struct lamina_tracing){.follows = follow};
	err = init(ret, filter, error);
	if (err < 0) {
		lamina_tracing_done(ret);
		return err;
	}
	if (!follow) {
		for (unsigned int i = 0; i < ret->n_rings; i++)
			lamina_turns_begin(&ret->turns[i], true);
		return 0;
	}
	/* What was told to another reader is not for this one. */
	ring_buffer__consume(ret->names);
	ret->n = 0;
	for (unsigned int i = 0; i < ret->n_rings; i++)
		lamina_turns_begin(&ret->turns[i], false);
	variables = ret->variables;
	__atomic_store_n(&variables->lost, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&variables->reading, 1, __ATOMIC_RELEASE);
	return 0;
}

static int by_time(const void *a, const void *b)
{
	const struct trace_named *x = a, *y = b;

	return (x->event.time > y->event.time) - (x->event.time < y->event.time);
}

errint_t lamina_tracing_poll(struct lamina_tracing *tracing, int milliseconds,
			     lamina_tracing_each *each, void *context)
{
	errint_t err = milliseconds ? ring_buffer__poll(tracing->names, milliseconds)
				    : ring_buffer__consume(tracing->names);

	if (err >= 0)
		err = 0;
	for (unsigned int i = 0; i < tracing->n_rings && err == 0; i++)
		err = read_ring(tracing, &tracing->turns[i]);
	qsort(tracing->batch, tracing->n, sizeof(*tracing->batch), by_time);
	for (size_t i = 0; i < tracing->n; i++)
		each(context, &tracing->batch[i]);
	tracing->n = 0;
	return err;
}

uint64_t lamina_tracing_lost(const struct lamina_tracing *tracing)
{
	const variables_t *variables = tracing->variables;
	uint64_t lost = __atomic_load_n(&variables->lost, __ATOMIC_RELAXED);

	for (unsigned int i = 0; i < tracing->n_rings; i++)
		lost += tracing->turns[i].lost;
	return lost;
}

void lamina_tracing_done(struct lamina_tracing *tracing)
{
	variables_t *variables = tracing->variables;

	if (variables) {
		if (tracing->follows)
			__atomic_store_n(&variables->reading, 0, __ATOMIC_RELEASE);
		munmap(variables, whole_pages(sizeof(*variables)));
	}
	if (tracing->rings)
		munmap(tracing->rings, whole_pages(tracing->n_rings * sizeof(*tracing->rings)));
	ring_buffer__free(tracing->names);
	free(tracing->turns);
	free(tracing->batch);
	*tracing = (struct lamina_tracing){0};
}
