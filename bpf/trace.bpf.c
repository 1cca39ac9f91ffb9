// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * trace: tells of every operation. It can't object to any. See trace.md.
 */
#include "filter.bpf.h"
#include "trace.h"
#include "turns.bpf.h"

char LICENSE[] SEC("license") = "GPL";

struct task_struct {
	int pid, tgid;
	char comm[TRACE_COMM_LEN];
} __attribute__((preserve_access_index));

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} events SEC(".maps");

/* One for each CPU; who loads the filter knows how many there can be. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct trace_ring);
} rings SEC(".maps");

/* Set and read by who reads the events. */
__u32 reading;
__u64 lost;

static void fill(struct trace_event *event, const struct fuse_filter_ctx *ctx, __u64 ino)
{
	event->time = bpf_ktime_get_ns();
	event->ino = ino;
	event->pos = ctx->pos;
	event->len = ctx->len;
	event->view = ctx->view;
	event->pid = bpf_get_current_task_btf()->tgid;
	event->op = ctx->op;
}

/* What is done with an open file or inode: the most frequent, so the cheapest. */
FILTER_CALLBACK(trace_gate)
{
	struct trace_event *event;
	struct trace_ring *ring;
	__u64 number;
	__u32 cpu;

	if (!reading)
		return FUSE_FILTER_PASS;
	cpu = bpf_get_smp_processor_id();
	ring = bpf_map_lookup_elem(&rings, &cpu);
	if (!ring)
		return FUSE_FILTER_PASS;
	number = __sync_fetch_and_add(&ring->head, 1);
	event = &ring->events[number % TRACE_EVENTS];
	if (!begin_turn(&event->turn))
		return FUSE_FILTER_PASS;
	fill(event, ctx, ctx->ino);
	end_turn(&event->turn, number);
	return FUSE_FILTER_PASS;
}

static int tell_name(struct fuse_filter_ctx *ctx, __u64 ino)
{
	struct trace_named *event;

	if (!reading)
		return FUSE_FILTER_PASS;
	event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (!event) {
		__sync_fetch_and_add(&lost, 1);
		return FUSE_FILTER_PASS;
	}
	fill(&event->event, ctx, ino);
	bpf_probe_read_kernel_str(event->comm, sizeof(event->comm),
				  &bpf_get_current_task_btf()->comm);
	bpf_fuse_name(ctx, event->name, sizeof(event->name));
	bpf_ringbuf_submit(event, 0);
	return FUSE_FILTER_PASS;
}

FILTER_CALLBACK(trace_name)
{
	return tell_name(ctx, ctx->dir);
}

FILTER_CALLBACK(trace_open)
{
	return tell_name(ctx, ctx->ino);
}

SEC(".struct_ops.link")
struct fuse_filter_ops trace = {
	.name = (void *)trace_name,
	.open = (void *)trace_open,
	.gate = (void *)trace_gate,
	.ops = BIT(FUSE_FILTER_OPS) - BIT(FUSE_FILTER_GETATTR),
	.flags = FUSE_FILTER_WATCHES,
	.id = "trace",
};
