#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Owner and mode as a filter wants them shown.

load helpers

@test "what is shown is what counts" {
	mkdir -p layer/d
	echo text >layer/file
	echo text >layer/open
	setfattr -n user.mode -v 0640 layer/file
	setfattr -n user.mode -v 0644 layer/open
	chmod 600 layer/open
	chmod 755 layer layer/d
	load_filter owner
	filtered owner layer
	is '640 1000 1001 regular file' stat -c '%a %u %g %F' mnt/file
	is '755 1000 1001 directory' stat -c '%a %u %g %F' mnt/d
	is '755 1000 1001 directory' stat -c '%a %u %g %F' mnt
	is text as 1000 cat mnt/file
	is text as 2000 cat mnt/open
	fails 'Permission denied' as 2000 cat mnt/file
	unmount mnt
	unload owner
}

@test "nobody becomes somebody else by a filter" {
	mkdir layer
	cp /usr/bin/id layer/was
	cp /usr/bin/id layer/would
	chmod 4755 layer/was
	setfattr -n user.mode -v 4755 layer/would
	load_filter owner
	filtered owner layer
	is 755 stat -c %a mnt/was
	is 755 stat -c %a mnt/would
	is 2000 as 2000 mnt/was -u
	unmount mnt
	unload owner
}

@test "owner and mode change when the filter does" {
	mkdir layer
	touch layer/file
	load_filter owner
	filtered owner layer
	is 1000 stat -c %u mnt/file
	setfattr -n user.mode -v 0600 layer/file
	is 644 stat -c %a mnt/file
	ok lamina filter load "$TOOLS/owner.bpf.o" --replace
	is 600 stat -c %a mnt/file
	fails 'Permission denied' as 2000 cat mnt/file
	setfattr -n user.mode -v 06000 layer/file
	ok lamina filter load "$TOOLS/owner.bpf.o" --replace
	fails 'Input/output error' stat mnt/file
	unmount mnt
	unload owner
}

@test "ACLs don't speak against a filter" {
	mkdir layer
	touch layer/file
	setfacl -m u:2000:r layer/file
	chmod 640 layer/file
	setfattr -n user.mode -v 0600 layer/file
	load_filter owner
	filtered owner layer
	fails 'Permission denied' as 2000 cat mnt/file
	is '' getfacl -cps mnt/file
	unmount mnt
	unload owner
}
