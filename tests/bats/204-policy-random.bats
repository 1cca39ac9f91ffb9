#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Random policies and accesses on a mount end as the plain matcher says; LAMINA_POLICIES policies
# (40), from seed LAMINA_SEED (1).

load ../lib/common

try() {
	run_expect 0 "$LAMINA_TOOLS/policymount" "$TEST_DIR/mnt" --count "${LAMINA_POLICIES:-40}" \
		--seed "${LAMINA_SEED:-1}"
	umount_lamina
}

@test "random policies, one after the other, on a mount in use" {
	mount_lamina -o policies
	try
}

@test "the same where nothing is read before the first one" {
	mount_lamina
	try
}
