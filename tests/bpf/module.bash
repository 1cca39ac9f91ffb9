# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Sourced by what loads another build of the module, after scripts/patience.bash.

# The module goes; what filters held of it is only freed after a grace period.
unload_module() {
	wait_until remove_module || rmmod fuse_bpf
}
remove_module() { rmmod fuse_bpf 2>/dev/null; }

# reload_module FILE: what is loaded may be of an older build, and filters that others have left hold it.
reload_module() {
	rm -rf /sys/fs/bpf/lamina
	[[ ! -e /sys/module/fuse_bpf ]] || unload_module
	insmod "$1"
}
