// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * trace: tells of every operation. It never objects to any. See trace.md.
 */
#include "filter.bpf.h"
#include "trace.h"

char LICENSE[] SEC("license") = "GPL";

struct task_struct {
	char comm[TRACE_COMM_LEN];
} __attribute__((preserve_access_index));

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} events SEC(".maps");

/* Set and read by who reads the events. */
__u32 reading;
__u64 lost;

static void fill(struct trace_event *event, const struct fuse_filter_ctx *ctx)
{
	__u64 task = bpf_get_current_pid_tgid();

	event->time = bpf_ktime_get_ns();
	event->view = ctx->view;
	event->pos = ctx->pos;
	event->len = ctx->len;
	event->pid = task >> 32;
	event->op = ctx->op;
}

/* What is done with an open file or inode: the most frequent, so the cheapest. */
FILTER_CALLBACK(trace_gate)
{
	struct trace_event *event;

	if (!reading)
		return FUSE_FILTER_PASS;
	event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (!event) {
		__sync_fetch_and_add(&lost, 1);
		return FUSE_FILTER_PASS;
	}
	fill(event, ctx);
	event->ino = ctx->ino;
	event->flags = 0;
	event->named = 0;
	/* Waking the reader for each would cost more than all the rest; it looks by itself. */
	bpf_ringbuf_submit(event, BPF_RB_NO_WAKEUP);
	return FUSE_FILTER_PASS;
}

static int tell_name(struct fuse_filter_ctx *ctx)
{
	struct task_struct *task;
	struct trace_named *event;

	if (!reading)
		return FUSE_FILTER_PASS;
	event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (!event) {
		__sync_fetch_and_add(&lost, 1);
		return FUSE_FILTER_PASS;
	}
	fill(&event->event, ctx);
	event->event.ino = ctx->op == FUSE_FILTER_LOOKUP ? ctx->dir : ctx->ino;
	event->event.flags = ctx->open_flags;
	event->event.named = 1;
	task = bpf_get_current_task_btf();
	bpf_probe_read_kernel_str(event->comm, sizeof(event->comm), &task->comm);
	bpf_fuse_name(ctx, event->name, sizeof(event->name));
	bpf_ringbuf_submit(event, 0);
	return FUSE_FILTER_PASS;
}

FILTER_CALLBACK(trace_name)
{
	return tell_name(ctx);
}

FILTER_CALLBACK(trace_open)
{
	return tell_name(ctx);
}

SEC(".struct_ops.link")
struct fuse_filter_ops trace = {
	.name = (void *)trace_name,
	.open = (void *)trace_open,
	.gate = (void *)trace_gate,
	.ops = BIT(FUSE_FILTER_OPS) - BIT(FUSE_FILTER_GETATTR),
	.id = "trace",
};
