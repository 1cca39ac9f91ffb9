# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Sourced by what loads another build of the module.

# The module goes; what filters held of it is only freed after a grace period.
unload_module() {
	for _ in {1..50}; do
		! rmmod fuse_bpf 2>/dev/null || return 0
		sleep 0.1
	done
	rmmod fuse_bpf
}

# reload_module FILE: what is loaded may be of an older build, and filters that others have left hold it.
reload_module() {
	rm -rf /sys/fs/bpf/lamina
	[[ ! -e /sys/module/fuse_bpf ]] || unload_module
	insmod "$1"
}
