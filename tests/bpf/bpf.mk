# SPDX-License-Identifier: GPL-2.0-or-later
# The tests of the kernel half, which run in the VM; included by the top Makefile. Their tools are
# static: what links them here may be older or newer than the VM's system.

.PHONY: bpf-tools check-bpf

BPF_TOOLS := $(patsubst tests/bpf/tools/%.c,$(B)/bpf-tests/%,$(wildcard tests/bpf/tools/*.c))

help::
	@echo 'make check-bpf  build the module and run its tests in the VM; SEEDS=n: as many random'
	@echo '                layer sets (200), FUZZ=n: seconds of random ioctls (60)'

$(B)/bpf-tests/%: tests/bpf/tools/%.c $(wildcard tests/bpf/tools/*.h) $(wildcard kernel/uapi/linux/*.h)
	@mkdir -p $(@D)
	@echo '  CC    $@'
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE -Ikernel/uapi $(WARNINGS) -Wno-cast-qual $(WERROR) $(CFLAGS) \
		-static -pthread -o $@ $<

bpf-tools: $(BPF_TOOLS)

check-bpf: module bpf-tools
	$(Q)tests/bpf/run
