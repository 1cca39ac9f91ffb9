#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The server of upcalls, without the kernel that sends them: what it does for each kind, that doing
# it twice is doing it once, and what it answers to what nobody should send.

load ../lib/common
load scene

setup() {
	test_dir
	fill_layers
}

teardown() {
	cd /
	umount -l "$TEST_DIR/small" "$TEST_DIR/broken" 2>/dev/null || true
	leak_check
}

# Layers are never written to.
serves() {
	mark_lower
	py upcalls "$@"
	assert_lower_unchanged
}

@test "COPY_UP: a copy is complete, with all directories on the way" { serves copy_up; }
@test "COPY_UP: of data that will be cut off, only what is needed" { py upcalls copy_up_less; }
@test "COPY_UP: from the layer that shows" { serves copy_up_of_layer; }
@test "COPY_UP: what is not there, or not as said, is looked at again" { serves copy_up_refused; }
@test "COPY_UP and JOIN: names of one file stay one file" { serves copy_up_links; }
@test "JOIN: without a copy there is nothing to join" { serves join_refused; }
@test "WHITEOUT: of lower names, of copies, of directories with what is left in them" { serves whiteout; }
@test "WHITEOUT: names of one file are counted, the last takes the copy along" { serves whiteout_links; }
@test "MAKE: every type takes a whiteout's place" { serves make; }
@test "MAKE: set-gid directories and default ACLs hand down what they do" { serves make_inherits; }
@test "MAKE: owners are mapped, or refused" { serves make_owners; }
@test "RENAME: a merged directory is complete before the layers are cut off" { serves rename; }
@test "RENAME: what is not there is looked at again" { serves rename_refused; }
@test "three kinds at once" { py upcalls at_once; }
@test "200 that need the same directories copied up" { py upcalls same_directories; }
@test "paths that lead nowhere, lengths that lie, requests cut off anywhere" { serves hostile; }
@test "no path leads out of the layers" { py upcalls out_of_the_layers; }
@test "a path longer than PATH_MAX" { py upcalls long_path; }

@test "the disk is full: the caller is told, and nothing is half done" {
	truncate -s 12M small.image
	mkfs.ext4 -q -F small.image
	mkdir small
	mount -o loop small.image small
	mkdir small/upper small/work
	py upcalls full_disk small
	umount small
}

@test "a layer cannot be read: the caller is told, and nothing is half done" {
	mkdir broken
	"$LAMINA_TOOLS/faultyfs" broken 3>&- &
	wait_until mountpoint -q broken
	py upcalls broken_layer
	umount broken
}
