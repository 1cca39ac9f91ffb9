# SPDX-License-Identifier: GPL-2.0-or-later
# The filters, as libbpf skeletons; included by the top Makefile. `lamina` alone has them in it.

BPF_CLANG ?= clang-19
BPFTOOL ?= $(firstword $(wildcard /usr/sbin/bpftool) bpftool)
BPF_CFLAGS := -target bpf -O2 -g -Wall -Wextra -Wno-unused-parameter \
	-Wno-missing-declarations $(WERROR) -D__TARGET_ARCH_$(patsubst x86_64,x86,$(shell uname -m)) \
	-Ibpf -Idriver -Ikernel/uapi -idirafter /usr/include/$(shell uname -m)-linux-gnu
FILTERS := $(patsubst bpf/%.bpf.c,%,$(wildcard bpf/*.bpf.c))
SKELETONS := $(FILTERS:%=$(B)/bpf/%.skel.h)

$(B)/bpf/%.bpf.o: bpf/%.bpf.c $(wildcard bpf/*.h) driver/policy/step.h $(wildcard kernel/uapi/linux/*.h)
	@mkdir -p $(@D)
	@echo '  BPF   $@'
	$(Q)$(BPF_CLANG) $(BPF_CFLAGS) -c -o $@ $<

# Debian 12's bpftool is newer than its libbpf, whose map skeletons have no link yet; links are made
# by driver/bpf/filter.c.
$(B)/bpf/%.skel.h: $(B)/bpf/%.bpf.o
	@echo '  SKEL  $@'
	$(Q)$(BPFTOOL) gen skeleton $< name filter_$* | sed '/->link = &obj->links/d' >$@

BPF_ENGINE_SOURCES := $(wildcard driver/bpf/*.c)
BPF_ENGINE_OBJECTS := $(BPF_ENGINE_SOURCES:%.c=$(B)/obj/%.o)

BPF_COMMANDS := $(patsubst %,$(B)/obj/cmd/%.o,features filter mount ps trace)

.SECONDARY: $(FILTERS:%=$(B)/bpf/%.bpf.o)

# Shared: newer ones load filters five times as fast, since they check the kernel's types only once.
$(B)/bin/lamina: $(BPF_ENGINE_OBJECTS)
$(B)/bin/lamina: LDLIBS += -lbpf

$(BPF_ENGINE_OBJECTS) $(BPF_COMMANDS): LAMINA_CFLAGS += -Ibpf -I$(B)/bpf
$(BPF_ENGINE_OBJECTS): | $(SKELETONS)
$(B)/obj/driver/bpf/filter.o $(B)/obj/driver/bpf/tracing.o: $(SKELETONS)
