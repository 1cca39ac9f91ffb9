#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What a writable view asks its server, when it asks nothing, and what becomes of it when the server
# is slow, wrong, killed, gone or replaced.

load helpers

setup_layers() {
	mkdir -p 1/{dir,deep/er/est} 2/dir
	echo one | tee 1/{file,file2,dir/one,deep/er/est/x} >/dev/null
	echo two >2/dir/two
	ln 1/file2 1/link
}

# instead LINE...: what the server does instead of answering; see tools/serve.c.
instead() {
	printf '%s\n' "$@" >control
}

# In the background, with its pid in $pid and what it says and its status in the file "said".
start() {
	(log bash -c "$*" && echo "status $status") >said 2>&1 &
	pid=$!
}

# finished: what was started is over; its output is shown.
finished() {
	wait "$pid" || true
	cat said
}

# waiting KIND NUMBER: so many upcalls of this kind are waiting.
waiting() {
	wait_until is_waiting "$@" && return
	cat "$(control mnt)/view"
	return 1
}
is_waiting() {
	[[ $(awk -v kind="$1:" '$1 == kind { print $3 }' "$(control mnt)/view") == "waiting=$2" ]]
}

served() { wait_until is_served "$1"; }
is_served() { [[ $(counter server mnt) == "$1" ]]; }

kill_server() {
	pkill -KILL -x serve
	served none
}

@test "what concerns the upper alone makes no upcall" {
	setup_layers
	writable 1 2
	mkdir mnt/own
	touch mnt/dir/new
	[[ $(upcalls) == 1 && $(upcalls COPY_UP) == 1 ]]
	: >upcalls
	(
		cd mnt
		echo x >own/a && mv own/a own/b && ln own/b own/c && rm own/b && chmod 600 own/c
		echo y >>own/c && setfattr -n user.x -v y own/c && mkdir -p own/d/e && rmdir own/d/e
		ln -s x own/l && mkfifo own/f && mv own/d own/e && truncate -s 100 own/c
		echo in >dir/own && mv dir/own dir/own2 && ln dir/own2 dir/own3 && rm dir/own2 dir/new
		cp -a own own2 && rm -r own own2 dir/own3
	)
	is 0 upcalls
	is "$(printf 'copy_up:\t1 waiting=0')" grep copy_up "$(control mnt)/view"
	unmount mnt
}

@test "each kind of upcall comes when it is needed, and once" {
	setup_layers
	writable 1 2
	echo x >>mnt/file
	is 'COPY_UP file' cat upcalls
	: >upcalls
	chmod 600 mnt/file
	touch mnt/file
	truncate -s 0 mnt/file
	rm mnt/file
	is 'WHITEOUT file' cat upcalls
	: >upcalls
	echo again >mnt/file
	is 'MAKE file' cat upcalls
	: >upcalls
	rm mnt/file
	mkdir mnt/file
	is $'WHITEOUT file\nMAKE file' cat upcalls
	: >upcalls
	mv mnt/dir mnt/moved
	is 'RENAME dir moved' cat upcalls
	: >upcalls
	chmod 600 mnt/file2
	is 'COPY_UP file2' cat upcalls
	: >upcalls
	echo y >>mnt/link
	is 'JOIN link' cat upcalls
	: >upcalls
	touch mnt/deep/er/est/new
	is 'COPY_UP deep/er/est' cat upcalls
	unmount mnt
}

@test "a server that answers RETRY without end, or lies, or fails" {
	setup_layers
	writable -c "$W/control" 1 2
	instead 'COPY_UP retry'
	fails 'Input/output error' bash -c 'echo x >>mnt/file'
	instead 'COPY_UP lie'
	fails 'Input/output error' bash -c 'echo x >>mnt/file'
	instead 'COPY_UP error 28'
	fails 'No space left' bash -c 'echo x >>mnt/file'
	is one cat mnt/file
	instead 'WHITEOUT lie' 'RENAME lie'
	fails 'Input/output error' rm mnt/file
	fails 'Input/output error' mv mnt/dir mnt/moved
	instead 'WHITEOUT error 122'
	fails 'quota exceeded' rm mnt/file
	is one cat mnt/file
	rm control
	rm mnt/file
	instead 'MAKE lie'
	fails 'Input/output error' touch mnt/file
	fails 'Input/output error' mkdir mnt/file
	rm control
	ok touch mnt/file
	ok mv mnt/dir mnt/moved
	is $'one\ntwo' ls mnt/moved
	unmount mnt
}

@test "what needs no server goes on without one" {
	setup_layers
	writable 1 2
	mkdir mnt/own
	kill_server
	is one cat mnt/file
	is $'deep\ndir\nfile\nfile2\nlink\nown' ls mnt
	(cd mnt/own && echo x >a && mv a b && mkdir c && rm b && rmdir c)
	fails 'Connection timed out' bash -c 'echo x >>mnt/file'
	fails 'Connection timed out' rm mnt/file
	fails 'Connection timed out' mv mnt/dir mnt/moved
	fails 'Connection timed out' touch mnt/dir/new
	is one cat mnt/file
	is $'one\ntwo' ls mnt/dir
	served none
	unmount mnt
}

@test "an upcall waits for a server that comes" {
	setup_layers
	writable -w 600 1 2
	kill_server
	start 'echo x >>mnt/file && cat mnt/file'
	waiting copy_up 1
	ok serve -a -l upcalls mnt upper work 1 2
	finished
	is $'$ bash -c echo x >>mnt/file && cat mnt/file\none\nx\nstatus 0' cat said
	waiting copy_up 0
	is attached counter server mnt
	unmount mnt
}

@test "an upcall waits as long as the view was told" {
	setup_layers
	writable -w 1 1 2
	kill_server
	fails 'Connection timed out' bash -c 'echo x >>mnt/file'
	fails 'Connection timed out' touch mnt/dir/new
	waiting copy_up 0
	unmount mnt
}

@test "who waits for a server can be killed" {
	setup_layers
	writable -w 600 1 2
	kill_server
	start 'exec tee -a mnt/file </dev/null'
	waiting copy_up 1
	pkill -KILL -x tee
	finished
	waiting copy_up 0
	ok serve -a -l upcalls mnt upper work 1 2
	is '' cat upcalls
	ok bash -c 'echo x >>mnt/file'
	unmount mnt
}

@test "what is done twice is done once: killed before and after acting" {
	setup_layers
	for what in die act-die; do
		rm -rf upper work
		writable -w 600 -c "$W/control" 1 2
		for step in 'COPY_UP:echo x >>mnt/file:cat mnt/file:one,x' \
			'COPY_UP:touch mnt/deep/er/est/new:ls mnt/deep/er/est:new,x' \
			'COPY_UP:echo x >>mnt/file2:stat -c %h mnt/link:2' \
			'JOIN:echo y >>mnt/link:cat mnt/file2:one,x,y' \
			'WHITEOUT:rm mnt/file2:stat -c %h mnt/link:1' \
			'WHITEOUT:rm -r mnt/dir:ls -d mnt/dir:' \
			'MAKE:echo new >mnt/file2:cat mnt/file2:new' \
			'MAKE:mkdir mnt/dir:ls -A mnt/dir:' \
			'RENAME:mv mnt/deep mnt/moved:find mnt/moved -type f | sort:mnt/moved/er/est/new,mnt/moved/er/est/x'; do
			IFS=: read -r kind command show expected <<<"$step"
			instead "$kind $what"
			start "$command"
			served none
			waiting "${kind,,}" 1
			rm control
			: >upcalls
			ok serve -a -l upcalls mnt upper work 1 2
			finished
			[[ $(cat said) == *'status 0' ]]
			[[ $(tail -n 1 upcalls) == *again || $kind == WHITEOUT ]]
			log bash -c "$show"
			[[ ${output//$'\n'/,} == "$expected" || -z $expected ]]
			pkill -KILL -x serve
			served none
			ok serve -a -l upcalls -c "$W/control" mnt upper work 1 2
		done
		unmount mnt
		gone serve
	done
}

@test "a caller that is killed leaves its upcall to itself" {
	setup_layers
	writable -c "$W/control" 1 2
	instead 'COPY_UP hang'
	start 'exec tee -a mnt/file </dev/null'
	waiting copy_up 1
	pkill -KILL -x tee
	finished
	# The server is still at it, so others wait.
	waiting copy_up 1
	start 'echo more >>mnt/file; cat mnt/file'
	sleep 0.2
	is 1 upcalls
	rm control
	finished
	[[ $(cat said) == *$'one\nmore\nstatus 0' ]]
	is 1 upcalls
	unmount mnt
}

@test "who wants the same object copied up waits, and it is copied once" {
	setup_layers
	writable -c "$W/control" 1 2
	instead 'COPY_UP hang'
	for i in {1..8}; do
		(echo "$i" >>mnt/file) &
	done
	waiting copy_up 1
	sleep 0.2
	waiting copy_up 1
	rm control
	wait
	is 9 bash -c 'wc -l <mnt/file'
	is 'COPY_UP file' cat upcalls
	unmount mnt
}

@test "different objects are copied up at once" {
	setup_layers
	writable -c "$W/control" 1 2
	instead 'COPY_UP hang'
	(echo x >>mnt/file) &
	(echo x >>mnt/dir/one) &
	(touch mnt/deep/er/est/new) &
	waiting copy_up 3
	rm control
	wait
	is $'one\nx' cat mnt/file
	is $'one\nx' cat mnt/dir/one
	unmount mnt
}

@test "while a server is slow, everything else goes on" {
	setup_layers
	writable -c "$W/control" 1 2
	mkdir mnt/own
	is two cat mnt/dir/two
	instead 'COPY_UP hang'
	(echo x >>mnt/file) &
	(rm mnt/dir/one) &
	waiting copy_up 2
	is one cat mnt/file
	is $'deep\ndir\nfile\nfile2\nlink\nown' ls mnt
	# The VFS has locked the directory for rm: what isn't known of it waits, as on overlayfs.
	is two cat mnt/dir/two
	is er ls mnt/deep
	ok bash -c 'echo x >mnt/own/new && rm mnt/own/new'
	rm control
	wait
	unmount mnt
}

@test "a directory with lower parts is renamed alone" {
	setup_layers
	writable -c "$W/control" 1 2
	# Who renames has the VFS lock the directory: only what is known of it can be reached.
	is one cat mnt/file
	instead 'RENAME hang'
	(mv mnt/dir mnt/moved) &
	waiting rename 1
	(echo x >>mnt/file) &
	sleep 0.2
	waiting copy_up 0
	is one cat mnt/file
	is one cat mnt/dir/one
	rm control
	wait
	is $'one\nx' cat mnt/file
	is $'one\ntwo' ls mnt/moved
	unmount mnt
}

@test "a server is replaced while it lives" {
	setup_layers
	writable -c "$W/control" -w 600 1 2
	fails EBUSY serve -a mnt upper work 1 2
	instead 'COPY_UP hang'
	(echo x >>mnt/file) &
	waiting copy_up 1
	# The new one waits for the lock that the old one holds until it is done.
	: >upcalls2
	ok serve -ar -l upcalls2 mnt upper work 1 2
	(echo x >>mnt/dir/one) &
	waiting copy_up 2
	is '' cat upcalls2
	rm control
	wait
	is $'one\nx' cat mnt/file
	is $'one\nx' cat mnt/dir/one
	is 'COPY_UP dir/one' cat upcalls2
	is 1 pgrep -cx serve
	unmount mnt
}

@test "abort and umount -f end all who wait" {
	setup_layers
	writable -w 600 1 2
	kill_server
	start 'echo x >>mnt/file'
	waiting copy_up 1
	echo 1 >"$(control mnt)/abort"
	finished
	[[ $(cat said) == *'not connected'* ]]
	fails 'not connected' cat mnt/file
	fails ENOTCONN serve -a mnt upper work 1 2
	unmount mnt

	rm -rf upper work
	writable -w 600 -c "$W/control" 1 2
	instead 'COPY_UP hang'
	start 'echo x >>mnt/file'
	waiting copy_up 1
	# It unmounts if who waited is gone before it looks for who uses the mount.
	umount -f mnt || true
	finished
	[[ $(cat said) == *'not connected'* ]]
	rm control
	! still_mounted || unmount mnt
	gone serve
}

@test "unmounting with a caller killed and a server that hangs" {
	setup_layers
	writable -c "$W/control" 1 2
	instead 'COPY_UP hang'
	start 'exec tee -a mnt/file </dev/null'
	waiting copy_up 1
	pkill -KILL -x tee
	finished
	unmount mnt
	rm control
	gone serve
}

@test "a server may not lose a race with who removes what it copies" {
	setup_layers
	for i in {1..30}; do echo "$i" >"1/n$i"; done
	writable 1 2
	for i in {1..30}; do
		(echo x >>"mnt/n$i") &
		(rm "mnt/n$i") &
		(mv -f mnt/n$((i % 30 + 1)) "mnt/n$i" 2>/dev/null) &
	done
	wait
	sound mnt
	ls mnt >before
	unmount mnt
	writable 1 2
	ok diff before <(ls mnt)
	sound mnt
	unmount mnt
}
