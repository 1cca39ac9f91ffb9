#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# lamina-mount on engine bpf: which processes stay, what happens when they are killed, and who serves
# after them.

load helpers
load mounting

setup() {
	own_folder
	splats >"$BATS_TEST_TMPDIR/splats"
	layers
}

teardown() {
	cd "$W" && { umount -l mnt 2>/dev/null || true; }
	wait_until nobody_left
	cd /
	rm -rf "$W"
	splats | diff "$BATS_TEST_TMPDIR/splats" -
}

# alone: the keeper is stopped, so it starts nothing, and the server is killed.
alone() {
	kill -STOP "$(keeper)"
	kill -KILL "$(server)"
	wait_until has_no_server
}

@test "a read-only mount leaves no process, and needs no filter that was loaded before" {
	ok lamina-mount -o engine=bpf,lowerdir=lower mnt
	nobody_left
	is one cat mnt/dir/two
	fails "Read-only file system" touch mnt/new
	is 0 counter requests mnt
	unmount mnt
}

@test "a writable mount has a server and a keeper, which leave with it" {
	mounts
	[[ $(server | wc -l) == 1 && $(keeper | wc -l) == 1 ]]
	has_server
	is /dev/null readlink "/proc/$(server)/fd/2"
	is /dev/null readlink "/proc/$(keeper)/fd/2"
	unmounts
	[[ ! -e /run/lamina/$(stat -c '%Hd:%Ld' mnt) ]]
}

@test "what is new is made without an upcall, once its directory is in the upper" {
	mounts
	ok touch mnt/dir/first
	is "1 waiting=0" field copy_up mnt
	ok bash -c 'for i in {1..100}; do echo $i >mnt/dir/new$i; done
		mkdir mnt/dir/made; mv mnt/dir/new1 mnt/dir/made; rm mnt/dir/new2; ln mnt/dir/new3 mnt/dir/link
		ln -s x mnt/dir/symlink; chmod 600 mnt/dir/new4; setfattr -n user.x -v y mnt/dir/new5'
	is "1 waiting=0" field copy_up mnt
	for kind in whiteout make rename join; do
		is "0 waiting=0" field "$kind" mnt
	done
	unmounts
}

@test "what a server was about to read when it was killed is for the next one" {
	for i in {0..19}; do
		mounts
		kill -KILL "$(server)"
		echo changed >>"mnt/dir/$i"
		is "$i"$'\n'changed cat "mnt/dir/$i"
		unmounts
	done
}

@test "a killed server is started again, and what waited for it is done" {
	mounts
	for ((i = 0; i < 20; i++)); do
		kill -KILL "$(server)"
		echo changed >>"mnt/dir/$i"
		is "$i"$'\n'changed cat "mnt/dir/$i"
	done
	ok rm mnt/one
	ok mv mnt/dir mnt/moved
	unmounts
	is "" ls work/work
}

@test "without a server reading goes on, and so do changes of what lies in the upper" {
	mounts
	echo new >mnt/new
	ok touch mnt/dir/here
	alone
	is one cat mnt/dir/sub/three
	is 24 bash -c 'ls mnt/dir | wc -l'
	echo more >>mnt/new
	ok mv mnt/new mnt/dir/newer
	ok mkdir mnt/dir/made
	ok rm mnt/dir/here
	is $'new\nmore' cat mnt/dir/newer
	kill -CONT "$(keeper)"
	unmounts
}

@test "a change that needs a server waits for one, and can be killed" {
	mounts
	alone
	(echo changed >>mnt/one) 3>&- &
	first=$!
	(echo changed >>mnt/dir/two) 3>&- &
	second=$!
	wait_until grep -q 'waiting=2' <(field copy_up mnt) || wait_until waiting 2
	kill -KILL "$second"
	wait "$second" || true
	is one cat mnt/dir/two
	kill -CONT "$(keeper)"
	wait "$first"
	is $'one\nchanged' cat mnt/one
	is one cat mnt/dir/two
	unmounts
}

waiting() { [[ $(field copy_up mnt) == *waiting="$1" ]]; }

@test "when none comes in time the change fails, and nothing has changed" {
	mounts upcall_wait=1
	alone
	fails "Connection timed out" bash -c 'echo changed >>mnt/one'
	fails "Connection timed out" rm mnt/dir/two
	fails "Connection timed out" mv mnt/dir mnt/moved
	is one cat mnt/one
	is "" ls upper
	kill -CONT "$(keeper)"
	wait_until has_server
	ok rm mnt/dir/two
	unmounts
}

@test "after both were killed, --takeover serves again" {
	mounts
	kill -KILL "$(keeper)"
	kill -KILL "$(server)"
	wait_until has_no_server
	(echo changed >>mnt/one) 3>&- &
	ok lamina-mount --takeover mnt
	wait $!
	is $'one\nchanged' cat mnt/one
	[[ $(server | wc -l) == 1 && $(keeper | wc -l) == 1 ]]
	kill -KILL "$(server)"
	ok rm mnt/dir/two
	unmounts
}

@test "--takeover replaces servers that live, while they are at work" {
	mounts
	before=$(server)$(keeper)
	(for ((i = 0; i < 20; i++)); do echo changed >>"mnt/dir/$i" || exit; done; rm -r mnt/dir/sub) 3>&- &
	for round in 1 2 3; do
		ok lamina-mount --takeover mnt
	done
	wait $!
	[[ $(server | wc -l) == 1 && $(keeper | wc -l) == 1 && $(server)$(keeper) != "$before" ]]
	for ((i = 0; i < 20; i++)); do
		is "$i"$'\nchanged' cat "mnt/dir/$i"
	done
	unmounts
	is "" ls work/work
}

@test "--takeover needs a view with an upper" {
	fails "cannot take over 'mnt'" lamina-mount --takeover mnt
	ok lamina-mount -o engine=bpf,lowerdir=lower mnt
	fails "nothing is written down" lamina-mount --takeover mnt
	unmount mnt
	fails "cannot open the mountpoint 'missing'" lamina-mount --takeover missing
}

@test "--takeover with the layers in options, where what was written down is lost" {
	mounts
	kill -KILL "$(keeper)"
	kill -KILL "$(server)"
	rm -rf /run/lamina
	fails "nothing is written down" lamina-mount --takeover mnt
	ok lamina-mount --takeover -o lowerdir=lower,upperdir=upper,workdir=work mnt
	ok rm mnt/dir/two
	unmounts
}

@test "a successor clears what a killed server left, and nothing of the kernel's" {
	local own=work/work # the server's part of the work directory

	mounts
	kill -STOP "$(keeper)"
	mkdir -p "$own/leftover/dir"
	touch "$own/leftover/dir/file" "work/lamina-kernel/#1"
	kill -KILL "$(server)"
	kill -CONT "$(keeper)"
	wait_until has_server
	ok rm mnt/one
	is "" ls "$own"
	is "#1" ls work/lamina-kernel
	unmounts
}

@test "an upper in use is refused, by every engine, with a server or without" {
	mkdir other
	mounts
	for engine in auto bpf passthrough fuse; do
		fails "is mounted already" lamina-mount \
			-o engine=$engine,lowerdir=lower,upperdir=upper,workdir=work other
	done
	kill -KILL "$(keeper)"
	kill -KILL "$(server)"
	wait_until has_no_server
	for engine in auto bpf passthrough fuse; do
		fails "is mounted already" lamina-mount \
			-o engine=$engine,lowerdir=lower,upperdir=upper,workdir=work other
	done
	unmounts
}

@test "the upper of a view that was aborted is free, though a file in it is open" {
	mkdir other third
	mounts
	exec 7<mnt/dir 8>>mnt/one
	echo 1 >"$(control mnt)/abort"
	wait_until nobody_left
	ok lamina-mount -o engine=bpf,lowerdir=lower,upperdir=upper,workdir=work other
	fails 'not connected' bash -c 'echo old >&8'
	fails 'not connected' mkdir /proc/self/fd/7/made
	echo new >>other/one
	ok mkdir other/dir/made
	exec 7>&- 8>&-
	ok umount mnt
	# With the old view goes nothing of the new one's.
	fails "is mounted already" lamina-mount -o engine=bpf,lowerdir=lower,upperdir=upper,workdir=work third
	ok rmdir other/dir/made
	is $'one\nnew' cat other/one
	unmount other
	wait_until nobody_left
}

@test "SIGTERM to the keeper takes the mount away, and both leave" {
	mounts
	kill -TERM "$(keeper)"
	wait_until nobody_left
	fails "not a mountpoint" mountpoint mnt
}

@test "auto takes bpf, and says why where it does not" {
	ok lamina-mount -o lowerdir=lower,upperdir=upper,workdir=work mnt
	is bpf bash -c "lamina ps --json | jq -r '.[] | select(.target == \"$W/mnt\") | .engine'"
	unmounts
	for given in squash_to_root xattr_permissions=2 noxattrs=1 noacl static_nlink writeback=1; do
		ok lamina-mount -o "lowerdir=lower,upperdir=upper,workdir=work,$given" mnt
		is other bash -c "lamina ps --json | jq -r '.[] | select(.target == \"$W/mnt\") | .engine' | sed 's/fuse\|passthrough/other/'"
		log bash -c "lamina ps --json | jq -r '.[] | select(.target == \"$W/mnt\") | .whyNotBpf'"
		option=${given%%=*}
		[[ $output == *"${option%root}"* ]]
		unmounts
		fails "engine bpf does not work here" lamina-mount \
			-o engine=bpf,lowerdir=lower,upperdir=upper,workdir=work,"$given" mnt
		rm -rf upper work
		mkdir upper work
	done
}

@test "auto takes bpf for a mount with a policy, from the start or later" {
	echo '{"maskedPaths": ["/one"]}' >policy.json
	for given in policy=policy.json policies; do
		ok lamina-mount -o "lowerdir=lower,upperdir=upper,workdir=work,$given" mnt
		is bpf bash -c "lamina ps --json | jq -r '.[] | select(.target == \"$W/mnt\") | .engine'"
		ok lamina policy apply ./mnt policy.json
		fails "No such file" unshare --mount cat mnt/one
		ok cat mnt/one
		unmounts
	done
}

@test "auto leaves layers with owners in attributes to the next engine, and ps says why" {
	setfattr -n user.containers.override_stat -v 5:6:0755 lower
	setfattr -n user.containers.override_stat -v 7:8:0600 lower/one
	ok lamina-mount -o lowerdir=lower,upperdir=upper,workdir=work mnt
	is 7:8 stat -c %u:%g mnt/one
	log lamina ps
	[[ $output == *"the layer 'lower' keeps owners in attributes (override_stat)"* ]]
	is passthrough bash -c "lamina ps --json | jq -r '.[] | select(.target == \"$W/mnt\") | .engine'"
	unmounts
	fails "keeps owners in attributes" lamina-mount -o engine=bpf,lowerdir=lower,upperdir=upper,workdir=work mnt
}

@test "ids are mapped, of what is read, changed and made" {
	chown -R 5:6 lower
	mounts uidmapping=0:100000:1000,gidmapping=0:200000:1000
	is 100005:200006 stat -c %u:%g mnt/dir/two
	echo changed >>mnt/dir/two
	is 5:6 stat -c %u:%g upper/dir/two
	is 100005:200006 stat -c %u:%g mnt/dir/two
	ok chown 100007:200008 mnt/dir/two
	is 7:8 stat -c %u:%g upper/dir/two
	ok rm mnt/one
	ok chmod 777 mnt
	ok setpriv --reuid 100009 --regid 200008 --clear-groups bash -c 'echo new >mnt/one; mkdir mnt/made'
	is 9:8 stat -c %u:%g upper/one
	is 100009:200008 stat -c %u:%g mnt/made
	fails "Value too large" setpriv --reuid 5 --regid 200008 --clear-groups touch mnt/of-nobody
	unmounts
}

@test "what root without an id makes is nobody's, until root gives it away" {
	mounts uidmapping=0:100000:65536,gidmapping=0:200000:65536
	ok bash -c 'echo new >mnt/made; mkdir mnt/sub; ln -s made mnt/sub/link'
	is 65534:65534 stat -c %u:%g upper/made
	is 65534:65534 stat -c %u:%g upper/sub/link
	# Over a whiteout it is the server that makes.
	ok rm mnt/one
	ok bash -c 'echo new >mnt/one'
	is 65534:65534 stat -c %u:%g upper/one
	ok chown -h 100005:200006 mnt/made mnt/sub/link mnt/one
	is 5:6 stat -c %u:%g upper/made
	is 5:6 stat -c %u:%g upper/sub/link
	is 5:6 stat -c %u:%g upper/one
	is 100005:200006 stat -c %u:%g mnt/one
	is new cat mnt/one
	unmounts
}

@test "so it is where nobody has no id, but nothing of nobody's can be opened" {
	mounts uidmapping=0:100000:1000,gidmapping=0:200000:1000
	ok ln -s made mnt/link
	is 65534:65534 stat -c %u:%g upper/link
	fails "Permission denied" bash -c 'echo new >mnt/made'
	ok chown -h 100005:200006 mnt/link mnt/made
	is 5:6 stat -c %u:%g upper/link
	ok bash -c 'echo new >mnt/made'
	unmounts
}

@test "ps tells of upcalls, of those that wait, and of processes" {
	mounts
	ok rm mnt/one
	ok bash -c 'echo >>mnt/dir/two'
	alone
	(rm mnt/dir/1) 3>&- &
	wait_until waiting_whiteout
	log lamina ps --long
	[[ $output == *"keeper     process $(keeper)"* && $output == *"copy_up=1 whiteout=2 (1 waiting)"*", no server"* ]]
	is '{"sent":2,"waiting":1}' bash -c "lamina ps --json | jq -c '.[] | select(.target == \"$W/mnt\") | .upcalls.whiteout'"
	kill -CONT "$(keeper)"
	wait $!
	unmounts
}

waiting_whiteout() { [[ $(field whiteout mnt) == *waiting=1 ]]; }

@test "in the foreground there is one process, which can be debugged" {
	lamina-mount -d -o engine=bpf,lowerdir=lower,upperdir=upper,workdir=work mnt 2>log 3>&- &
	wait_until mountpoint -q mnt
	is "$!" server
	is "" keeper
	ok rm mnt/one
	unmount mnt
	wait %1
	ok grep -q "op 19521 node 0 one -> ok" log
}
