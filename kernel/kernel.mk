# SPDX-License-Identifier: GPL-2.0-or-later
# The kernel half; included by the top Makefile. KDIR=... builds for other headers than the VM's.

.PHONY: module series lint-kernel

help::
	@echo 'make module     the kernel module, into $(B)/kernel (for the VM, or KDIR=headers)'
	@echo 'make series     the kernel patches, as a series for linux-source-6.12'

module series:
	$(Q)$(MAKE) --no-print-directory -C kernel $@

lint-kernel:
	$(Q)$(MAKE) --no-print-directory -C kernel lint
