/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How the step function of policies (driver/policy/step.h) loops in BPF: by the kernel's iterator. */
#pragma once

#include <linux/bpf.h>

#define OF_THE_KERNEL __attribute__((section(".ksyms"), weak))

extern int bpf_iter_num_new(struct bpf_iter_num *it, int start, int end) OF_THE_KERNEL;
extern int *bpf_iter_num_next(struct bpf_iter_num *it) OF_THE_KERNEL;
extern void bpf_iter_num_destroy(struct bpf_iter_num *it) OF_THE_KERNEL;

/* The iterator is ended however the loop is left. */
#define LAMINA_POLICY_FOR(i, n)                                                     \
	for (struct bpf_iter_num it __attribute__((cleanup(bpf_iter_num_destroy))), \
	     *begun = (bpf_iter_num_new(&it, 0, n), &it);                           \
	     begun && ({                                                            \
		     int *at = bpf_iter_num_next(&it);                              \
		     if (at)                                                        \
			     (i) = (unsigned int)*at;                               \
		     at && (i) < (n);                                               \
	     });)
