# SPDX-License-Identifier: GPL-2.0-or-later
# The only entry point: `make help` lists what there is.

B ?= build
PREFIX ?= /usr/local
DESTDIR ?=
LIBEXEC ?= $(PREFIX)/libexec/lamina
# podman reads hooks below /usr, and mount(8) looks for programs of a type in /sbin: only there, unless it is told of
# another place. An installation below a home directory needs no root, and has both below PREFIX or not at all.
HOOKS ?= $(if $(filter /usr /usr/local,$(PREFIX)),/usr,$(PREFIX))/share/containers/oci/hooks.d
MOUNT_HELPERS ?= $(if $(filter /usr /usr/local,$(PREFIX)),/sbin)
V ?= 0
comma := ,
Q := $(if $(filter 1,$(V)),,@)

CFLAGS ?= -O2 -g
WARNINGS := -Wall -Wextra -Wshadow -Wmissing-prototypes -Wformat=2 -Wundef -Wvla -Wwrite-strings \
	-Wcast-qual -Wpointer-arith -Wstrict-prototypes
WERROR ?= -Werror
LAMINA_CFLAGS := -std=gnu11 -D_GNU_SOURCE -Idriver -Icmd -Ioci-hooks -Ikernel/uapi -pthread -fno-strict-aliasing \
	$(WARNINGS) $(WERROR) -MMD -MP
LAMINA_LDFLAGS := -pthread

# What makes an error in memory harder to use. The C library's checks need an optimising compiler, and
# would hide what sanitizers look for.
MACHINE := $(shell uname -m)
LAMINA_CFLAGS += -fPIE -fstack-protector-strong -fstack-clash-protection \
	$(if $(filter x86_64 i%86,$(MACHINE)),-fcf-protection=full) \
	$(if $(filter aarch64,$(MACHINE)),-mbranch-protection=standard)
LAMINA_LDFLAGS += -pie -Wl,-z,relro,-z,now,-z,noexecstack
ifneq ($(SANITIZE),1)
LAMINA_CFLAGS += $(if $(filter-out -O0,$(filter -O%,$(CFLAGS))),-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
endif
ifeq ($(SANITIZE),1)
LAMINA_CFLAGS += -fsanitize=address,undefined -fno-sanitize-recover=undefined \
	-fno-omit-frame-pointer
LAMINA_LDFLAGS += -fsanitize=address,undefined
endif

# As in scripts: a command that fails in a pipeline fails it.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.SUFFIXES:
.PHONY: all FORCE help deps demo check check-tests fresh-check bench install install-alternative clean format format-check lint sanitize \
	clang tools

# driver/bpf needs libbpf, which only `lamina` has in it: see bpf/bpf.mk.
DRIVER_SOURCES := $(filter-out driver/bpf/%,$(wildcard driver/*/*.c))
DRIVER_OBJECTS := $(DRIVER_SOURCES:%.c=$(B)/obj/%.o)
PROGRAMS := lamina lamina-mount
HOOK := $(B)/bin/lamina-hook
TEST_TOOLS := $(patsubst tests/tools/%.c,%,$(wildcard tests/tools/*.c))
UNIT_TESTS := $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/*.c))
MANUALS := $(patsubst docs/man/%.md,%,$(wildcard docs/man/*.md))

all: $(PROGRAMS:%=$(B)/bin/%) $(HOOK)

help::
	@echo 'make            build the programs into $(B)/bin'
	@echo 'make deps       install what building, tests and demo need (Debian 12 or 13)'
	@echo 'make demo       run a Debian container through podman on Lamina; ENGINE=bpf: in the VM'
	@echo 'make check      build, lint, and run all tests on every engine'
	@echo 'make fresh-check  the README, on a new Debian 12 and a new Debian 13; FRESH=trixie: only there'
	@echo 'make bench      compare with overlayfs and fuse-overlayfs'
	@echo 'make install    install under $$DESTDIR$$PREFIX ($(PREFIX)); install-alternative: also'
	@echo '                under the name fuse-overlayfs'
	@echo 'make format     put the sources into the one style; format-check, lint: only look'
	@echo 'make sanitize   build with ASan and UBSan into $(B)/sanitize'

# What is built with other words for the compiler is built again.
FLAGS = $(CC) $(LAMINA_CFLAGS) $(CFLAGS) $(LAMINA_LDFLAGS) $(LDFLAGS)
$(B)/flags: FORCE
	@mkdir -p $(@D)
	$(Q)[[ $$(cat $@ 2>/dev/null) == '$(FLAGS)' ]] || echo '$(FLAGS)' >$@
FORCE:

$(B)/obj/%.o: %.c $(B)/flags
	@mkdir -p $(@D)
	@echo '  CC    $<'
	$(Q)$(CC) $(LAMINA_CFLAGS) $(CFLAGS) -c -o $@ $<

$(B)/liblamina.a: $(DRIVER_OBJECTS)
	@echo '  AR    $@'
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(PROGRAMS:%=$(B)/bin/%): $(B)/bin/%: $(B)/obj/cmd/%.o $(B)/liblamina.a
	@mkdir -p $(@D)
	@echo '  LD    $@'
	$(Q)$(CC) $(LAMINA_LDFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(LDLIBS)

$(B)/bin/lamina: $(patsubst %,$(B)/obj/cmd/%.o,command features filter mount ps table trace trace-line trace-policy trace-views)
$(B)/bin/lamina-mount: $(patsubst %,$(B)/obj/cmd/%.o,program view)
$(B)/bin/lamina: $(patsubst %.c,$(B)/obj/%.o,$(wildcard cmd/policy*.c))
$(B)/bin/lamina: LDLIBS += $(shell pkg-config --libs json-c)

$(HOOK): $(patsubst %.c,$(B)/obj/%.o,$(wildcard oci-hooks/*.c)) $(B)/liblamina.a
	@mkdir -p $(@D)
	@echo '  LD    $@'
	$(Q)$(CC) $(LAMINA_LDFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)
$(HOOK): LDLIBS += $(shell pkg-config --libs json-c)

$(TEST_TOOLS:%=$(B)/tests/%): $(B)/tests/%: $(B)/obj/tests/tools/%.o $(B)/liblamina.a
	@mkdir -p $(@D)
	@echo '  LD    $@'
	$(Q)$(CC) $(LAMINA_LDFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(UNIT_TESTS:%=$(B)/unit/%): $(B)/unit/%: $(B)/obj/tests/unit/%.o $(B)/liblamina.a
	@mkdir -p $(@D)
	@echo '  LD    $@'
	$(Q)$(CC) $(LAMINA_LDFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

# Tools of several files.
$(B)/tests/oracle: $(patsubst %.c,$(B)/obj/%.o,$(wildcard tests/oracle/*.c))
$(B)/tests/policymount: $(patsubst %.c,$(B)/obj/%.o,$(wildcard tests/policymount/*.c)) $(B)/liblamina.a

$(B)/tests/oracle $(B)/tests/policymount:
	@mkdir -p $(@D)
	@echo '  LD    $@'
	$(Q)$(CC) $(LAMINA_LDFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

tools: $(B)/tests/oracle $(B)/tests/policymount $(TEST_TOOLS:%=$(B)/tests/%) $(UNIT_TESTS:%=$(B)/unit/%)

# The fuzzer is clang's, whatever the rest is built with.
FUZZ_CC ?= clang-19
$(B)/fuzz: tests/fuzz/parse.c $(DRIVER_SOURCES)

POLICY_FUZZERS := $(addprefix $(B)/fuzz-,policy table bundle learned readers)
POLICY_SOURCES := $(wildcard driver/base/*.c driver/policy/*.c)
$(POLICY_FUZZERS): $(B)/fuzz-%: tests/fuzz/%.c $(POLICY_SOURCES)
$(B)/fuzz-bundle: driver/guard/bundle.c driver/guard/parts.c driver/guard/active.c
$(B)/fuzz-learned: $(wildcard driver/learned/*.c)
$(B)/fuzz-readers: $(filter-out driver/base/% driver/policy/%,$(DRIVER_SOURCES)) oci-hooks/state.c
$(B)/fuzz-readers: FUZZ_LIBS := $(shell pkg-config --libs json-c)

$(B)/fuzz $(POLICY_FUZZERS):
	@echo '  FUZZ  $@'
	$(Q)$(FUZZ_CC) -std=gnu11 -D_GNU_SOURCE -Idriver -Ioci-hooks -Ikernel/uapi -g -O1 \
		-fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined -pthread -o $@ $^ $(FUZZ_LIBS)

# The step function of policies is one for the daemon and for BPF; both have to compile it.
$(B)/tests/step.bpf.o: tests/policy/step.bpf.c driver/policy/step.h bpf/loop.bpf.h
	@mkdir -p $(@D)
	@echo '  BPF   $@'
	$(Q)$(FUZZ_CC) -target bpf -mcpu=v3 -O2 -g -Wall -Wextra -Werror -Idriver -Ibpf \
		-idirafter /usr/include/$(shell uname -m)-linux-gnu -c -o $@ $<

sanitize:
	$(Q)$(MAKE) --no-print-directory B=$(B)/sanitize SANITIZE=1 all tools

# The other compiler: its warnings are errors, too.
clang:
	$(Q)$(MAKE) --no-print-directory B=$(B)/clang CC=clang-19 all tools

deps:
	$(Q)tests/install-deps

# On engine bpf: in the VM, since its module is not this kernel's.
ifeq ($(ENGINE),bpf)
demo: deps
	$(Q)$(MAKE) --no-print-directory all module
	$(Q)demo/in-vm
else
demo: deps
	$(Q)$(MAKE) --no-print-directory all
	$(Q)demo/run $(if $(ENGINE),--only lamina:$(ENGINE)$(comma)overlay$(comma)fuse-overlayfs)
endif

check: deps
	$(Q)$(MAKE) --no-print-directory check-tests

check-tests: all tools sanitize $(B)/fuzz $(POLICY_FUZZERS) $(MANUALS:%=$(B)/man/%)
	$(Q)tests/run-all

FRESH ?= bookworm trixie
fresh-check:
	$(Q)tests/fresh-check $(FRESH)

bench: deps
	$(Q)$(MAKE) --no-print-directory all tools
	$(Q)tests/bench/run

FORMATTED := $(shell git ls-files '*.c' '*.h' 2>/dev/null || find driver cmd oci-hooks tests -name '*.[ch]')
SCRIPTS := $(shell grep -rlE '^\#!.*(ba)?sh' --include='*' demo tests .ci 2>/dev/null)
CLANG_FORMAT ?= clang-format-19

format:
	$(Q)$(CLANG_FORMAT) -i $(FORMATTED)

format-check:
	$(Q)$(CLANG_FORMAT) --dry-run --Werror $(FORMATTED)

lint:
	$(Q)tests/lint

$(B)/man/%: docs/man/%.md
	@mkdir -p $(@D)
	@echo '  MAN   $@'
	$(Q)go-md2man -in $< -out $@

install: all $(MANUALS:%=$(B)/man/%)
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/man/man1 \
		$(DESTDIR)$(PREFIX)/share/man/man8
	install -m 0755 $(PROGRAMS:%=$(B)/bin/%) $(DESTDIR)$(PREFIX)/bin
	$(if $(MOUNT_HELPERS),install -d $(DESTDIR)$(MOUNT_HELPERS))
	for type in $(if $(MOUNT_HELPERS),fuse.lamina-mount fuse_bpf); do \
		ln -sf $(PREFIX)/bin/lamina-mount $(DESTDIR)$(MOUNT_HELPERS)/mount.$$type; done
	install -d $(DESTDIR)$(LIBEXEC) $(DESTDIR)$(HOOKS)
	install -m 0755 $(HOOK) $(DESTDIR)$(LIBEXEC)
	sed 's|@LIBEXEC@|$(LIBEXEC)|' oci-hooks/lamina.json.in >$(B)/lamina.json
	install -m 0644 $(B)/lamina.json $(DESTDIR)$(HOOKS)
	install -m 0644 $(addprefix $(B)/man/,$(filter %.1,$(MANUALS))) $(DESTDIR)$(PREFIX)/share/man/man1
	install -m 0644 $(addprefix $(B)/man/,$(filter %.8,$(MANUALS))) $(DESTDIR)$(PREFIX)/share/man/man8
	install -d $(DESTDIR)$(PREFIX)/share/bash-completion/completions
	install -m 0644 docs/completion.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/lamina
	install -d $(DESTDIR)$(PREFIX)/share/lamina
	install -m 0644 docs/policy.schema.json $(DESTDIR)$(PREFIX)/share/lamina

# In the place of fuse-overlayfs, for tools that look for it in PATH and have no setting.
install-alternative: install
	ln -sf lamina-mount $(DESTDIR)$(PREFIX)/bin/fuse-overlayfs

clean:
	rm -rf $(B)

include bpf/bpf.mk
include kernel/kernel.mk
include tests/vm/vm.mk
include tests/bpf/bpf.mk
include tests/bench/vm/bench-vm.mk

-include $(shell find $(B)/obj -name '*.d' 2>/dev/null)
