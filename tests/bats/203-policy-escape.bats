#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Ways around a policy, each tried by root in another mount namespace. tests/cases/escape.py says what.

load ../lib/common
load ../lib/policy

POLICY='{"maskedPaths": ["/secret", "/hidden"], "rules": [
	{"paths": ["/noread", "/jail/unread"], "access": ["read_file"], "action": "ERRNO"},
	{"paths": ["/noexec", "/jail", "/jail/**"], "access": ["execute"], "action": "ERRNO"},
	{"paths": ["/nowrite"], "access": ["write_file", "truncate"], "action": "ERRNO"}]}'

setup() {
	test_dir
	mkdir -p lower/hidden lower/jail scratch
	echo secret | tee lower/secret >lower/hidden/key
	echo x | tee lower/noread >lower/nowrite
	cp /bin/busybox lower/noexec
	cp /bin/busybox lower/open
	cp /bin/busybox lower/jail/prog
	cp /bin/true lower/jail/dynamic
	cp /bin/true lower/jail/unread
	printf '#!/bin/sh\nexit 0\n' >lower/jail/script
	chmod 755 lower/jail/script
	mount_lamina -o policies
	# The kernel knows everything by now.
	ls -lR mnt >/dev/null
	cat mnt/secret mnt/hidden/key mnt/no* >/dev/null
}

teardown() {
	umount mnt
	leak_check
}

# escape CASE ARGUMENT...: under the policy.
escape() {
	apply "$POLICY"
	py_inside escape "$1" "$TEST_DIR/mnt" "${@:2}"
	assert_file mnt/secret secret
}

@test "chroot" {
	escape plain
	escape chroot
}

@test "unshare, and setns to own namespaces" { escape namespaces; }

@test "setns to the namespace of the mount, by who is no root of the host" {
	escape host_namespace "$(daemons)"
}

@test "a thread of its own namespaces" { escape threads; }

@test "hard links and symbolic links" { escape hard_link; }

@test "renames: away and back, of what lies above, in exchange" { escape rename; }

@test "/proc/PID/root and cwd, /proc/self/fd, fexecve" { escape proc; }

@test "open_by_handle_at with made-up handles" {
	escape handles "$(stat -c %i mnt/secret)"
}

@test "mount --bind of it and over it, and overlayfs on top" {
	escape binds "$TEST_DIR/scratch"
}

@test "mounts and directories from before the policy" {
	mkfifo tell go
	py_inside escape bound_before "$TEST_DIR/mnt" "$TEST_DIR/scratch" "$TEST_DIR/tell" "$TEST_DIR/go" 3>&- &
	read -r line <tell || true
	assert_equal "$line" ready
	apply "$POLICY"
	echo >go
	wait "$!"
}

@test "files without a name" { escape unnamed; }

@test "the loader, interpreters, executable mappings: what can be read can be run by them" {
	escape interpreters
}

@test "inotify" { escape watches; }

@test "fds that another process gives" { escape passed_fds; }

@test "attributes and whiteouts written into the mount" { escape attributes; }
