#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Other names: renaming and linking under a policy, and files that have several names.

load ../lib/common
load ../lib/policy

setup() {
	test_dir
	make_tree
}

@test "refer is about the old name and the new one, of renames and links" {
	mount_policy '{"rules": [
		{"paths": ["/app/code"], "access": ["refer"], "action": "ERRNO", "errno": "EPERM"},
		{"paths": ["/srv/a/new"], "access": ["refer"], "action": "ERRNO", "errno": "EIO"}]}'
	py_inside policy outcomes "EPERM rename mnt/app/code mnt/app/other" \
		"EPERM link mnt/app/code mnt/app/other" "EPERM exchange mnt/app/code mnt/app/.env" \
		"EPERM exchange mnt/app/.env mnt/app/code" "EPERM rename mnt/app/.env mnt/app/code" \
		"EIO rename mnt/srv/a/file mnt/srv/a/new" "EIO link mnt/srv/a/file mnt/srv/a/new" \
		"success rename mnt/srv/a/file mnt/srv/a/other" "success write mnt/app/code"
	umount_lamina
}

@test "a rename removes and makes, a link makes; what is replaced is removed" {
	mount_policy '{"rules": [
		{"paths": ["/srv/a/*"], "access": ["remove_file"], "action": "ERRNO", "errno": "EPERM"},
		{"paths": ["/srv/b/n*"], "access": ["make_reg"], "action": "ERRNO", "errno": "EIO"}]}'
	py_inside policy outcomes "EPERM rename mnt/srv/a/file mnt/app/file" \
		"success link mnt/srv/a/file mnt/app/file" "EIO link mnt/app/code mnt/srv/b/new" \
		"EIO rename mnt/app/code mnt/srv/b/new" "EPERM rename mnt/app/code mnt/srv/a/file" \
		"EPERM exchange mnt/app/code mnt/srv/a/file" "success rename mnt/app/code mnt/srv/b/other"
	assert_file mnt/srv/a/file a
	umount_lamina
}

@test "a new name does not allow what the old one refuses" {
	mkdir -p lower/w
	cp /bin/busybox lower/w/noexec
	echo x | tee lower/w/noread lower/w/nowrite >lower/w/plain
	mount_policy '{"rules": [
		{"paths": ["/w/noexec"], "access": ["execute"], "action": "ERRNO"},
		{"paths": ["/w/noread"], "access": ["read_file"], "action": "ERRNO"},
		{"paths": ["/w/nowrite", "/strict/*"], "access": ["write_file"], "action": "ERRNO"}]}'
	mkdir mnt/strict
	py_inside policy outcomes "EXDEV rename mnt/w/noexec mnt/w/new" \
		"EXDEV link mnt/w/noexec mnt/w/new" "EXDEV rename mnt/w/noread mnt/new" \
		"EXDEV link mnt/w/noread mnt/w/plain2" "EXDEV rename mnt/w/nowrite mnt/w/plain" \
		"EXDEV exchange mnt/w/plain mnt/w/nowrite" "EXDEV exchange mnt/w/nowrite mnt/w/plain" \
		"success rename mnt/w/nowrite mnt/strict/x" "success link mnt/w/plain mnt/strict/y" \
		"EXDEV link mnt/strict/y mnt/w/again"
	umount_lamina
}

@test "a directory moves where the policy says the same of all in it, else EXDEV" {
	mkdir -p lower/data/dir/sub
	echo x >lower/data/dir/sub/key
	mount_policy '{"maskedPaths": ["/data/*/sub/key"], "rules": [
		{"paths": ["/tmp/**"], "access": ["execute"], "action": "ERRNO"}]}'
	py_inside policy outcomes "EXDEV rename mnt/data/dir mnt/dir" "EXDEV rename mnt/data mnt/other" \
		"success rename mnt/data/dir mnt/data/moved" "ENOENT stat mnt/data/moved/sub/key" \
		"EXDEV rename mnt/app mnt/tmp/app" "success rename mnt/app mnt/application" \
		"EXDEV exchange mnt/data/moved mnt/srv"
	assert_file mnt/data/moved/sub/key x
	# What mv does then is copying, which the policy is asked about as well.
	run_expect 1 inside mv mnt/data/moved mnt/copied
	assert_output_has "Directory not empty"
	refute inside test -e mnt/copied/sub/key
	assert_missing mnt/copied/sub/key
	umount_lamina
}

@test "what a host's rename hides is hidden at once, with all below it" {
	mkdir -p lower/d/sub
	echo x | tee lower/d/file lower/d/sub/key >lower/plain
	mount_policy '{"maskedPaths": ["/hidden", "/hide-*", "/srv/*/sub/key"]}'
	py_inside policy outcomes "success read mnt/d/sub/key" "success read mnt/plain" \
		"success list mnt/d/sub"
	mv mnt/plain mnt/hide-plain
	mv mnt/d mnt/srv/d
	py_inside policy outcomes "ENOENT stat mnt/hide-plain" "ENOENT read mnt/hide-plain" \
		"success read mnt/srv/d/file" "ENOENT stat mnt/srv/d/sub/key"
	assert_equal "$(inside ls mnt/srv/d/sub)" ""
	mv mnt/srv/d mnt/hidden
	py_inside policy outcomes "ENOENT stat mnt/hidden" "ENOENT stat mnt/hidden/file"
	mv mnt/hidden mnt/seen
	mv mnt/hide-plain mnt/plain
	py_inside policy outcomes "success read mnt/seen/sub/key" "success read mnt/plain"
	umount_lamina
}

@test "of the names of one file the strictest counts, but for those that are hidden" {
	mkdir lower/n
	echo x >lower/n/open
	ln lower/n/open lower/n/refused
	ln lower/n/open lower/n/hidden
	mount_policy '{"maskedPaths": ["/n/hidden"], "rules": [
		{"paths": ["/n/refused"], "access": ["write_file"], "action": "ERRNO"}]}'
	stat mnt/n/* >/dev/null # now all names are known
	# The kernel goes by the name that is used.
	[[ $LAMINA_ENGINE == bpf ]] && other=success || other=EACCES
	py_inside policy outcomes "success read mnt/n/open" "EACCES write mnt/n/refused" \
		"$other write mnt/n/open" "ENOENT read mnt/n/hidden" "success stat mnt/n/open"
	umount_lamina
}

@test "a file keeps its policy when it is copied up, and after a remount" {
	mount_policy '{"rules": [{"paths": ["/app/code"], "access": ["execute", "chown"],
		"action": "ERRNO"}]}'
	inside sh -c 'echo more >>mnt/app/code; chmod 755 mnt/app/code'
	py_inside policy outcomes "EACCES run mnt/app/code" "success read-write mnt/app/code"
	umount_lamina
	mount_lamina -o policy=policy.json
	py_inside policy outcomes "EACCES run mnt/app/code" "success read-write mnt/app/code"
	assert_file mnt/app/code $'code\nmore'
	umount_lamina
}
