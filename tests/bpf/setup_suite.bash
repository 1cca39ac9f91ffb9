# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Before all files: the module, unless views are built into the kernel, and its control file
# system. After all: everything goes again, and the kernel has nothing to complain of.

setup_suite() {
	# shellcheck source-path=SCRIPTDIR source=helpers.bash
	. "$BATS_TEST_DIRNAME/helpers.bash"
	if [[ $LAMINA_FUSE_TYPE == fuse_bpf ]]; then
		reload_module "$MODULE"
	else
		# Filters that others have left.
		rm -rf /sys/fs/bpf/lamina
	fi
	mountpoint -q "$CONTROL" || mount -t "${LAMINA_FUSE_TYPE}ctl" control "$CONTROL"
	splats >"$BATS_SUITE_TMPDIR/splats.before"
}

teardown_suite() {
	# shellcheck source-path=SCRIPTDIR source=helpers.bash
	. "$BATS_TEST_DIRNAME/helpers.bash"
	umount "$CONTROL"
	if [[ $LAMINA_FUSE_TYPE == fuse_bpf ]]; then
		unload_module
	fi
	splats | diff "$BATS_SUITE_TMPDIR/splats.before" - >&2
}
