// SPDX-License-Identifier: GPL-2.0-or-later
#include "bpf/tracing.h"

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

/* The event that is next in a ring. Returns 1, 0 if it isn't there, or an error. */
static errint_t read_event(struct lamina_tracing *tracing, const struct trace_ring *ring,
			   uint64_t number)
{
	const struct trace_event *slot = &ring->events[number % TRACE_EVENTS];
	uint64_t turn = __atomic_load_n(&slot->turn, __ATOMIC_ACQUIRE);
	struct trace_event event;
	errint_t err;

	if (turn != number + 1)
		return 0;
	event = *slot;
	/* It may have been overwritten meanwhile. */
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	if (__atomic_load_n(&slot->turn, __ATOMIC_RELAXED) != turn)
		return 0;
	err = add(tracing, &event, sizeof(event));
	return err < 0 ? err : 1;
}

/*
 * What is in one ring. An event that isn't there may be in the making; if it isn't there the next
 * time either, it never comes.
 */
static errint_t read_ring(struct lamina_tracing *tracing, unsigned int i)
{
	const struct trace_ring *ring = &tracing->rings[i];
	uint64_t head = __atomic_load_n(&ring->head, __ATOMIC_ACQUIRE);
	uint64_t *next = &tracing->next[i];

	if (head - *next > TRACE_EVENTS) {
		tracing->lost += head - *next - TRACE_EVENTS;
		*next = head - TRACE_EVENTS;
	}
	for (; *next != head; ++*next) {
		errint_t err = read_event(tracing, ring, *next);

		if (err < 0)
			return err;
		if (err)
			continue;
		if (tracing->missing[i] != *next + 1) {
			tracing->missing[i] = *next + 1;
			return 0;
		}
		tracing->lost++;
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
	tracing->next = calloc(tracing->n_rings, sizeof(*tracing->next));
	tracing->missing = calloc(tracing->n_rings, sizeof(*tracing->missing));
	tracing->names = ring_buffer__new(fd, add_named, tracing, NULL);
	if (!tracing->next || !tracing->missing || !tracing->names)
		return lamina_error_set(error, -errno, "cannot read the events of the filter '%s'",
					filter);
	return 0;
}

errint_t lamina_tracing_init(struct lamina_tracing *ret, const char *filter,
			     struct lamina_error *error)
{
	variables_t *variables;
	errint_t err;

	*ret = (struct lamina_tracing){0};
	err = init(ret, filter, error);
	if (err < 0) {
		lamina_tracing_done(ret);
		return err;
	}
	/* What was told to another reader is not for this one. */
	ring_buffer__consume(ret->names);
	ret->n = 0;
	for (unsigned int i = 0; i < ret->n_rings; i++)
		ret->next[i] = __atomic_load_n(&ret->rings[i].head, __ATOMIC_ACQUIRE);
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
		err = read_ring(tracing, i);
	qsort(tracing->batch, tracing->n, sizeof(*tracing->batch), by_time);
	for (size_t i = 0; i < tracing->n; i++)
		each(context, &tracing->batch[i]);
	tracing->n = 0;
	return err;
}

uint64_t lamina_tracing_lost(const struct lamina_tracing *tracing)
{
	const variables_t *variables = tracing->variables;

	return tracing->lost + __atomic_load_n(&variables->lost, __ATOMIC_RELAXED);
}

void lamina_tracing_done(struct lamina_tracing *tracing)
{
	variables_t *variables = tracing->variables;

	if (variables) {
		__atomic_store_n(&variables->reading, 0, __ATOMIC_RELEASE);
		munmap(variables, whole_pages(sizeof(*variables)));
	}
	if (tracing->rings)
		munmap(tracing->rings, whole_pages(tracing->n_rings * sizeof(*tracing->rings)));
	ring_buffer__free(tracing->names);
	free(tracing->next);
	free(tracing->missing);
	free(tracing->batch);
	*tracing = (struct lamina_tracing){0};
}
