// SPDX-License-Identifier: GPL-2.0-or-later
/* Other kinds of struct_ops must not get at the functions of filters. */
#include "filter.bpf.h"

char LICENSE[] SEC("license") = "GPL";

struct sock;

struct tcp_congestion_ops {
	__u32 (*ssthresh)(struct sock *sk);
	__u32 (*undo_cwnd)(struct sock *sk);
	void (*cong_avoid)(struct sock *sk, __u32 ack, __u32 acked);
	char name[16];
} __attribute__((preserve_access_index));

SEC("struct_ops/foreign_ssthresh")
__u32 foreign_ssthresh(unsigned long long *arguments)
{
	char name[8];

	return bpf_fuse_name((void *)arguments[0], name, sizeof(name));
}

SEC("struct_ops/foreign_undo")
__u32 foreign_undo(unsigned long long *arguments)
{
	return 1;
}

SEC("struct_ops/foreign_avoid")
void foreign_avoid(unsigned long long *arguments)
{
}

SEC(".struct_ops")
struct tcp_congestion_ops foreign = {
	.ssthresh = (void *)foreign_ssthresh,
	.undo_cwnd = (void *)foreign_undo,
	.cong_avoid = (void *)foreign_avoid,
	.name = "foreign",
};
