# SPDX-License-Identifier: GPL-2.0-or-later
# The VM; included by the top Makefile.

.PHONY: vm vm-run vm-shell vm-stop

help::
	@echo 'make vm         boot the VM (Debian 13, its 6.12 kernel); vm-shell: a prompt in it,'
	@echo "                vm-run CMD='...': one command in it, vm-stop: its end"

vm:
	$(Q)tests/vm/vm start

vm-run:
	$(Q)tests/vm/vm run '$(subst ','\'',$(value CMD))'

vm-shell:
	$(Q)tests/vm/vm shell

vm-stop:
	$(Q)tests/vm/vm stop
