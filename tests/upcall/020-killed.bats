#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The server of upcalls is killed at every system call of every kind of upcall, and its successor is
# asked the same again, or is not. And each of these calls fails.

load ../lib/common
load scene

setup() {
	test_dir
	fill_layers
	mark_lower
}

teardown() {
	cd /
	umount -l "$TEST_DIR/mnt" 2>/dev/null || true
	leak_check
}

killed() {
	# The leak checker cannot work under a tracer; leaks are looked for in all other tests.
	ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 py upcallkills kill "$@"
	assert_lower_unchanged
}

failing() {
	ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 py upcallkills fail "$@"
	assert_lower_unchanged
}

@test "killed anywhere while it copies up" { killed copy_file copy_part copy_directory copy_symlink; }
@test "killed anywhere while it copies up one of several names" { killed copy_linked copy_second; }
@test "killed anywhere while it joins names" { killed join; }
@test "killed anywhere while it puts a whiteout" {
	killed whiteout_lower whiteout_copy whiteout_directory
}
@test "killed anywhere while one of several names goes" {
	killed whiteout_linked whiteout_last whiteout_last_copy
}
@test "killed anywhere while it makes an object" {
	killed make_file make_directory make_symlink make_inheriting
}
@test "killed anywhere while it prepares a rename" { killed rename; }

@test "EIO at any call of a copy-up" { failing copy_file copy_directory copy_linked copy_second; }
@test "EIO at any call of a whiteout" { failing whiteout_linked whiteout_copy whiteout_last_copy whiteout_directory; }
@test "EIO at any call of making an object" { failing make_file make_directory make_inheriting; }
@test "EIO at any call of preparing a rename" { failing rename; }
