// SPDX-License-Identifier: GPL-2.0-or-later
#include "bpf/policy-events.h"

#include <errno.h>
#include <sys/mman.h>

#include <bpf/bpf.h>

#include "base/cleanup.h"
#include "bpf/filter.h"
#include "guard/data.h"

static errint_t check_form(int fd, struct lamina_error *error)
{
	struct bpf_map_info info = {0};
	__u32 size = sizeof(info);

	if (bpf_map_get_info_by_fd(fd, &info, &size) < 0)
		return lamina_error_set(error, -errno, "cannot look at the events of policies");
	if (info.value_size != sizeof(struct policy_ring))
		return lamina_error_say(error, -EINVAL,
					"the filter '%s' tells in a form that is not known here; "
					"load it again",
					LAMINA_POLICY_FILTER);
	return 0;
}

errint_t lamina_policy_events_init(struct lamina_policy_events *ret, bool from_oldest,
				   struct lamina_error *error)
{
	_cleanup_fd_ int fd = lamina_filter_map(LAMINA_POLICY_FILTER, "ring", error);
	errint_t err = fd < 0 ? fd : check_form(fd, error);
	const struct policy_ring *ring;
	void *address;

	if (err < 0)
		return err;
	address = mmap(NULL, sizeof(*ring), PROT_READ, MAP_SHARED, fd, 0);
	if (address == MAP_FAILED)
		return lamina_error_set(error, -errno, "cannot map the events of policies");
	ring = address;
	*ret = (struct lamina_policy_events){
		.ring = address,
		.turns =
			{
				.head = (const uint64_t *)&ring->head,
				.events = ring->events,
				.slots = POLICY_EVENTS,
				.size = sizeof(struct policy_event),
			},
	};
	lamina_turns_begin(&ret->turns, from_oldest);
	return 0;
}

bool lamina_policy_events_next(struct lamina_policy_events *events, struct policy_event *ret)
{
	if (!lamina_turns_next(&events->turns, ret))
		return false;
	ret->comm[sizeof(ret->comm) - 1] = '\0';
	ret->path[sizeof(ret->path) - 1] = '\0';
	return true;
}

uint64_t lamina_policy_events_lost(struct lamina_policy_events *events)
{
	uint64_t lost = events->turns.lost;

	events->turns.lost = 0;
	return lost;
}

void lamina_policy_events_done(struct lamina_policy_events *events)
{
	if (events->ring)
		munmap(events->ring, sizeof(struct policy_ring));
	events->ring = NULL;
}
