# SPDX-License-Identifier: GPL-2.0-or-later
# The tests of the kernel half, which run in the VM; included by the top Makefile. Their tools are
# static: what links them here may be older or newer than the VM's system.

.PHONY: bpf-tools check-bpf check-debug

BPF_TOOLS := $(patsubst tests/bpf/tools/%.c,$(B)/bpf-tests/%,$(wildcard tests/bpf/tools/*.c))

help::
	@echo 'make check-bpf  build the module and run its tests in the VM; SEEDS=n: as many random'
	@echo '                layer sets (200), FUZZ=n: seconds of random ioctls (60)'
	@echo 'make check-debug  build a debug kernel with the series, and run the same there'

$(B)/bpf-tests/%: tests/bpf/tools/%.c $(wildcard tests/bpf/tools/*.h) $(wildcard kernel/uapi/linux/*.h)
	@mkdir -p $(@D)
	@echo '  CC    $@'
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE -Ikernel/uapi $(WARNINGS) -Wno-cast-qual $(WERROR) $(CFLAGS) \
		-static -pthread -o $@ $<

# Filters that the tests load from files: some must not load.
BPF_TEST_FILTERS := $(patsubst tests/bpf/filters/%.c,$(B)/bpf-tests/%.o,$(wildcard tests/bpf/filters/*.bpf.c))

$(B)/bpf-tests/%.bpf.o: tests/bpf/filters/%.bpf.c $(wildcard bpf/*.h) $(wildcard kernel/uapi/linux/*.h)
	@mkdir -p $(@D)
	@echo '  BPF   $@'
	$(Q)$(BPF_CLANG) $(BPF_CFLAGS) -c -o $@ $<

# The filter that the manual shows.
$(B)/bpf-tests/nocore.bpf.c: docs/filters.md
	@mkdir -p $(@D)
	$(Q)sed -n '/^```c$$/,/^```$$/{/^```/!p}' $< >$@

$(B)/bpf-tests/nocore.bpf.o: $(B)/bpf-tests/nocore.bpf.c $(wildcard bpf/*.h) $(wildcard kernel/uapi/linux/*.h)
	@echo '  BPF   $@'
	$(Q)$(BPF_CLANG) $(BPF_CFLAGS) -c -o $@ $<

bpf-tools: $(BPF_TOOLS) $(BPF_TEST_FILTERS) $(B)/bpf-tests/nocore.bpf.o $(B)/bin/lamina

check-bpf: module bpf-tools
	$(Q)tests/bpf/run

# The same on a kernel that watches itself. Half an hour for its first build, and two hours more.
check-debug: series bpf-tools
	$(Q)tests/vm/debug/run

# `make check` runs them as one of its parts.
check-tests: module bpf-tools
