// SPDX-License-Identifier: GPL-2.0-or-later
#include "bpf/tracing.h"

#include <sys/mman.h>
#include <unistd.h>

#include <bpf/libbpf.h>

#include "base/cleanup.h"
#include "bpf/filter.h"
#include "trace.skel.h"

typedef typeof(*((struct filter_trace *)NULL)->bss) variables_t;

static size_t variables_size(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (sizeof(variables_t) + page - 1) / page * page;
}

static errint_t map_variables(const char *filter, void **ret, struct lamina_error *error)
{
	_cleanup_fd_ int fd = lamina_filter_map(filter, "variables", error);
	void *address = NULL;

	if (fd < 0)
		return fd;
	address = mmap(NULL, variables_size(), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (address == MAP_FAILED)
		return lamina_error_set(error, -errno,
					"cannot map the variables of the filter '%s'", filter);
	*ret = address;
	return 0;
}

errint_t lamina_tracing_init(struct lamina_tracing *ret, const char *filter,
			     int (*event)(void *context, void *data, size_t size), void *context,
			     struct lamina_error *error)
{
	_cleanup_fd_ int fd = lamina_filter_map(filter, "events", error);
	variables_t *variables;
	void *address = NULL;
	errint_t err;

	if (fd < 0)
		return fd;
	err = map_variables(filter, &address, error);
	if (err < 0)
		return err;
	ret->ring = ring_buffer__new(fd, event, context, NULL);
	if (!ret->ring) {
		err = -errno;
		munmap(address, variables_size());
		return lamina_error_set(error, err, "cannot read the events of the filter '%s'",
					filter);
	}
	ret->variables = address;
	variables = address;
	__atomic_store_n(&variables->lost, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&variables->reading, 1, __ATOMIC_RELEASE);
	return 0;
}

errint_t lamina_tracing_poll(struct lamina_tracing *tracing, int milliseconds)
{
	int n = ring_buffer__consume(tracing->ring);

	if (n == 0 && milliseconds)
		n = ring_buffer__poll(tracing->ring, milliseconds);
	return n;
}

uint64_t lamina_tracing_lost(const struct lamina_tracing *tracing)
{
	const variables_t *variables = tracing->variables;

	return __atomic_load_n(&variables->lost, __ATOMIC_RELAXED);
}

void lamina_tracing_done(struct lamina_tracing *tracing)
{
	variables_t *variables = tracing->variables;

	__atomic_store_n(&variables->reading, 0, __ATOMIC_RELEASE);
	ring_buffer__free(tracing->ring);
	munmap(tracing->variables, variables_size());
}
