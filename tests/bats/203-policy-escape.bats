#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Ways around a policy, each tried by root in another mount namespace. tests/cases/escape.py and escape_fds.py say what.

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

# escape CASE ARGUMENT...: under the policy. escape_fds: a case of that file.
escape() { escape_by escape "$@"; }
escape_fds() { escape_by escape_fds "$@"; }
escape_by() {
	apply "$POLICY"
	py_inside "$1" "$2" "$TEST_DIR/mnt" "${@:3}"
	assert_file mnt/secret secret
}

# escape_later FILE CASE ARGUMENT...: the policy comes when the process says that it is ready.
escape_later() {
	mkfifo tell go
	py_inside "$1" "$2" "$TEST_DIR/mnt" "${@:3}" "$TEST_DIR/tell" "$TEST_DIR/go" 3>&- &
	read -r line <tell || true
	assert_equal "$line" ready
	apply "$POLICY"
	echo >go
	wait "$!"
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

@test "/proc/PID/root and cwd, /proc/self/fd, fexecve" { escape_fds proc; }

# The kernel is told to give out none; before Linux 6.9 it can't be.
@test "file handles: none is given out, and none that is made up is opened" {
	[[ $LAMINA_ENGINE == bpf ]] || has_release 6 9 || skip "Linux $(uname -r) can't be told to give out no handles"
	escape_fds no_handles
}

# has_release MAJOR MINOR: whether the kernel is that one or newer.
has_release() {
	local major minor

	IFS=.- read -r major minor _ < <(uname -r)
	((major > $1 || (major == $1 && minor >= $2)))
}

@test "mount --bind of it and over it, and overlayfs on top" {
	escape binds "$TEST_DIR/scratch"
}

@test "mounts, directories and mappings from before the policy" {
	escape_later escape bound_before "$TEST_DIR/scratch"
}

@test "io_uring" { escape_fds uring; }

@test "a mount that is in no namespace" { escape_fds detached; }

@test "fds that the host gives" {
	apply "$POLICY"
	py escape_fds given_by_the_host "$TEST_DIR/mnt"
}

@test "files without a name" { escape_fds unnamed; }

@test "the loader, interpreters, executable mappings: what can be read can be run by them" {
	escape interpreters
}

@test "inotify" { escape watches; }

@test "fds that another process gives" { escape_fds passed_fds; }

@test "attributes and whiteouts written into the mount" { escape attributes; }
