# SPDX-License-Identifier: GPL-2.0-or-later
# The benchmark of the bpf engine; included by the top Makefile.

.PHONY: bench-vm

help::
	@echo 'make bench-vm   compare views with overlayfs in the VM, by instructions (BENCH=words for'
	@echo '                tests/bench/vm/guest: --rounds N, --only NAME,'
	@echo '                --part reading|writing|policies|containers)'

$(B)/bench-vm-%: tests/bench/vm/%.c
	@mkdir -p $(@D)
	@echo '  CC    $@'
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE $(WARNINGS) $(WERROR) $(CFLAGS) -static -o $@ $<

# The demo's image, whose base the tests of the kernel half take as well.
$(B)/bench-vm-image/index.json: demo/image.bash
	$(Q)tests/bpf/image $(B)/bpf-tests/image
	$(Q)bash -euc '. demo/image.bash; image_make $(@D) $(B)/bpf-tests/image/1.tar'

bench-vm: $(B)/bench-vm-image/index.json $(B)/bench-vm-probe $(B)/bench-vm-changes $(B)/bin/lamina \
		$(B)/bin/lamina-mount module
	$(Q)tests/bench/vm/run $(BENCH)
