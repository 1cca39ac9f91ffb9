#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Filters of writable views: what can't be seen can't be made, replaced, linked to or brought to light,
# and what is refused hasn't happened.

load helpers

# shown FILTER...: the writable view has these filters.
shown() {
	local filter options=()

	for filter; do options+=(-f "$filter"); done
	writable "${options[@]}" 1 2
}

make_layers() {
	mkdir -p 1/{dir/sub,plain} 2/{dir,plain}
	echo one | tee 1/{file,dir/one,dir/sub/x,plain/x} >/dev/null
	echo two | tee 2/{dir/two,plain/two} >/dev/null
}

hidden() {
	printf '%s\n' "$@" >paths
	load_filter hide --paths paths
	shown hide
}

@test "the gate stands before each change, and what it refuses hasn't happened" {
	mkdir -p 1/dir 2
	for i in file f{0..39}; do echo text >"1/$i"; done
	setfattr -n user.x -v y 1/file
	load_filter gates
	shown gates
	log python3 "$CHECKOUT/tests/bpf/tools/gates.py" mnt \
		"$CHECKOUT/kernel/uapi/linux/fuse_filter.h" writing
	[[ $status == 0 && $output != *"not ok"* ]]
	unmount mnt
	unload gates
}

@test "what is hidden in a directory that has replaced a listed file stays hidden" {
	mkdir -p 1/dir 2/dir upper/dir/file
	touch 1/dir/{file,other} 2/dir/two upper/dir/file/{x,y}
	hidden /dir/file/x
	is $'file\nother\ntwo' ls mnt/dir
	is y ls mnt/dir/file
	fails 'No such file' stat mnt/dir/file/x
	# Made here, not found.
	ok rm mnt/dir/other
	ok mkdir mnt/dir/other
	echo 2 >/proc/sys/vm/drop_caches
	is y ls mnt/dir/file
	fails 'No such file' stat mnt/dir/file/x
	fails 'not permitted' touch mnt/dir/file/x
	unmount mnt
	unload hide
}

@test "a hidden name is not free" {
	make_layers
	hidden /file /dir/one /nothing
	echo new >mnt/new
	mkdir mnt/made
	for name in file dir/one nothing; do
		fails 'not permitted' bash -c "echo x >mnt/$name"
		fails 'not permitted' mkdir "mnt/$name"
		fails 'not permitted' ln -s x "mnt/$name"
		fails 'not permitted' mkfifo "mnt/$name"
		fails 'not permitted' ln mnt/new "mnt/$name"
		fails 'not permitted' mv -T mnt/new "mnt/$name"
		fails 'not permitted' mv -T mnt/made "mnt/$name"
		fails 'No such file' rm "mnt/$name"
		fails 'No such file' mv "mnt/$name" mnt/other
		fails 'No such file' ln "mnt/$name" mnt/other
	done
	fails 'not permitted' python3 -c 'import os
fd = os.open("mnt", os.O_TMPFILE | os.O_RDWR)
os.link(f"/proc/self/fd/{fd}", "mnt/file", src_dir_fd=fd)'
	is one cat 1/file
	is new cat mnt/new
	sound mnt
	unmount mnt
	unload hide
}

@test "a directory with something hidden isn't empty, and doesn't lose it" {
	make_layers
	hidden /dir/one
	rm -r mnt/dir/sub mnt/dir/two
	is '' ls -A mnt/dir
	fails 'not empty' rmdir mnt/dir
	mkdir mnt/empty
	fails 'not empty' mv -T mnt/empty mnt/dir
	unmount mnt
	unload hide
}

@test "a directory doesn't move to where less of it would be hidden" {
	make_layers
	mkdir 1/other
	hidden /dir/one /other/x
	fails EXDEV rename2 mnt/dir mnt/moved noreplace
	fails EXDEV rename2 mnt/plain mnt/other exchange
	ok mv mnt/plain mnt/moved
	is $'two\nx' ls mnt/moved
	# By copying, what is hidden stays where it is.
	fails 'not empty' mv mnt/dir mnt/by-hand
	is $'sub\ntwo' ls mnt/by-hand
	is '' ls -A mnt/dir
	sound mnt
	unmount mnt
	unload hide
}

@test "what a filter hides of single layers isn't copied" {
	make_layers
	load_filter bytag
	shown bytag
	is $'one\nsub\ntwo' ls mnt/dir
	fails EXDEV rename2 mnt/dir mnt/moved noreplace
	unmount mnt
	unload bytag
}

@test "what is hidden while it is open isn't written to by its name" {
	make_layers
	hidden /nothing
	exec 7<mnt/dir/sub
	exec 8>>mnt/file
	printf '%s\n' /file /dir/sub >paths
	load_filter hide --replace --paths paths
	fails 'No such file' touch /proc/self/fd/7/new
	fails 'No such file' setfattr -n user.x -v y /proc/self/fd/8
	fails 'not permitted' bash -c 'echo x >mnt/file'
	# Who has it open for writing goes on.
	echo more >&8
	exec 7<&- 8<&-
	is $'one\nmore' cat upper/file
	unmount mnt
	unload hide
}

@test "a filter that is detached closes a writable view" {
	make_layers
	load_filter hide --paths /dev/null
	shown hide
	exec 7>>mnt/file
	lamina filter remove hide --detach
	fails 'Input/output error' touch mnt/new
	fails 'Input/output error' bash -c 'echo x >&7'
	fails 'Input/output error' truncate -s 0 /proc/self/fd/7
	exec 7<&-
	unmount mnt
}
