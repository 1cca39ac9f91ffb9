#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# lamina policy learn: what it writes allows what was used, and little else.

load ../lib/common
load ../lib/policy

setup() {
	test_dir
	make_tree
}

# A root file system with the programs of a shell.
make_root() {
	mkdir -p lower/{bin,dev,proc}
	cp /bin/busybox lower/bin/busybox
	for applet in sh cat ls mv cp rm mkdir touch ln mktemp chmod sed seq; do
		ln -sf busybox "lower/bin/$applet"
	done
}

# learn SCRIPT: what that does, as learned.json.
learn() {
	run_expect 0 lamina policy learn --output learned.json "$TEST_DIR/mnt" -- \
		unshare -m --propagation private chroot mnt /bin/sh -ec "$1"
}

# again SCRIPT: on a fresh upper, under what was learned; nothing may be refused.
again() {
	umount_lamina
	rm -rf upper work
	mkdir upper work
	mount_lamina -o policy=learned.json
	run_expect 0 inside chroot mnt /bin/sh -ec "$1"
	assert_nothing_refused
	wait_daemons_gone
}

# So far; with one thing that is, so that it is known to be told. Unmounts.
assert_nothing_refused() {
	start_trace
	run inside touch mnt/never
	wait_until traced '.path == "/never"'
	stop_trace
	assert_equal "$(jq -r .path trace.out | sort -u)" /never
}

@test "the same work under what was learned refuses nothing" {
	local work='
		cat /etc/passwd /app/code; ls /srv /srv/a
		file=$(mktemp /tmp/some.XXXXXX); echo x >"$file"; mv "$file" /etc/conf
		dir=$(mktemp -d); touch "$dir/a" "$dir/b"; rm -r "$dir"
		mkdir -p /srv/new/sub; echo y >/srv/new/sub/file; mv /srv/new /srv/moved
		ln /etc/conf /etc/conf.2; cp /app/code /app/copy; chmod 600 /app/copy
		sed -i s/users/people/ /etc/passwd; rm /app/code'
	make_root
	mount_lamina -o policies
	learn "$work"
	again "$work"
}

@test "what was not used is refused" {
	make_root
	mount_lamina -o policies
	learn 'cat /etc/passwd'
	umount_lamina
	mount_lamina -o policy=learned.json
	run_expect 0 inside chroot mnt /bin/sh -c 'cat /etc/passwd'
	for command in 'cat /etc/shadow' 'cat /etc/*' 'echo x >/new' 'rm /etc/passwd' '/usr/bin/tool' \
		'echo x >>/etc/passwd' 'mv /app /opt'; do
		run inside chroot mnt /bin/sh -c "$command"
		assert test "$status" -ne 0
	done
	umount_lamina
}

@test "it is readable: few rules, folders for what was used in them, names that change as patterns" {
	make_root
	mkdir lower/lib
	for ((i = 0; i < 30; i++)); do
		echo "$i" >"lower/lib/module-$i"
	done
	mount_lamina -o policies
	learn 'cat /lib/*; file=$(mktemp /tmp/x.XXXXXX); rm "$file"; cat /app/code'
	jq -e '.version == "1" and .defaultAction == "ERRNO" and (.rules | length) < 8' learned.json
	jq -e '[.rules[].paths[]] | contains(["/lib/*", "/tmp/x.*", "/app/code"])' learned.json
	jq -e '[.rules[].paths[]] | any(startswith("/lib/module")) | not' learned.json
	run_expect 0 lamina policy check learned.json
	umount_lamina
}

@test "odd names are learned: patterns' own characters, and bytes that are no text" {
	make_root
	echo x >lower/'a*b?[c]\d'
	echo x >lower/$'\x80raw'
	echo x >lower/$'new\nline'
	mount_lamina -o policies
	learn 'cat /a[*]* /*raw /new*'
	again 'cat /a[*]* /*raw /new*'
}

@test "it can be watched what a container does that runs, until a signal or for a time" {
	mount_lamina -o policies
	watch
	wait_until used
	kill -INT "$learning"
	wait "$learning"
	jq -e '[.rules[].paths[]] == ["/app/code"]' learned.json
	assert_equal "$(lamina policy learn --seconds 1 "$TEST_DIR/mnt" | jq -c .rules)" "[]"
	umount_lamina
}

watch() {
	lamina policy learn "$TEST_DIR/mnt" >learned.json 3>&- &
	learning=$!
}

# Only one can learn at a time: so once that fails, the other one has begun. It may also be the one
# that was refused; then it is started again.
used() {
	run lamina policy learn --seconds 1 "$TEST_DIR/mnt"
	if [[ $status -ne 0 && $output == *"learns of this mount already"* ]]; then
		inside cat mnt/app/code >/dev/null
		return
	fi
	kill -0 "$learning" 2>/dev/null || watch
	return 1
}

@test "what comes into force meanwhile, and goes again, does not end the learning" {
	mount_lamina -o policies
	watch
	wait_until used
	apply '{"maskedPaths": ["/etc/shadow"]}'
	run_expect 1 inside cat mnt/etc/shadow
	inside cat mnt/etc/passwd
	lamina policy remove "$TEST_DIR/mnt"
	inside cat mnt/srv/a/file
	kill -INT "$learning"
	wait "$learning"
	jq -e '[.rules[].paths[]] | sort == ["/app/code", "/etc/passwd", "/srv/a/file"]' learned.json
	assert_equal "$(lamina policy show "$TEST_DIR/mnt")" "no policy"
	umount_lamina
}

@test "who was killed while learning is in nobody's way" {
	mount_lamina -o policies
	watch
	wait_until used
	kill -KILL "$learning"
	wait "$learning" || true
	wait_until lamina policy learn --output learned.json "$TEST_DIR/mnt" -- \
		unshare -m --propagation private mnt/usr/bin/tool
	jq -e '[.rules[].paths[]] == ["/usr/bin/tool"]' learned.json
	umount_lamina
}

@test "who is too slow for what is used still gets all of it, or of a view nothing" {
	mount_lamina -o policies
	watch
	wait_until used
	kill -STOP "$learning"
	py_inside policy opens mnt/app/code 20000
	inside cat mnt/etc/passwd
	kill -INT "$learning"
	kill -CONT "$learning"
	if [[ $LAMINA_ENGINE == bpf ]]; then
		ended=0
		wait "$learning" || ended=$?
		assert_equal "$ended" 1
		assert_file learned.json ""
	else
		wait "$learning"
		jq -e '[.rules[].paths[]] == ["/app/code", "/etc/passwd"]' learned.json
	fi
	umount_lamina
}

@test "a mount that goes ends the learning, with all that was used" {
	mount_lamina -o policies
	watch
	wait_until used
	umount_lamina
	wait "$learning"
	jq -e '[.rules[].paths[]] == ["/app/code"]' learned.json
}

@test "the command's status is passed on, and one that can't be run is said" {
	mount_lamina -o policies
	run_expect 37 lamina policy learn --output out "$TEST_DIR/mnt" -- sh -c 'exit 37'
	run_expect 0 sh -c 'lamina policy learn --output out "$1" -- /no/such/program; test $? -eq 127' sh "$TEST_DIR/mnt"
	run_expect 2 lamina policy learn
	run_expect 2 lamina policy learn "$TEST_DIR/mnt" word
	umount_lamina
}

# ---- real work ----

# In the VM, where there is no mirror, the image is named.
debian_root() {
	local base=${LAMINA_DEBIAN_IMAGE:-}

	[[ -n $base ]] || base=$("$LAMINA_ROOT/demo/base")
	tar -C "$1" -xf "$base"
}

@test "dpkg and apt in a Debian root, under what they used" {
	rm -rf lower
	mkdir lower
	debian_root lower
	mkdir -p package/DEBIAN package/usr/share/example package/usr/bin
	printf 'Package: example\nVersion: 1\nArchitecture: all\nMaintainer: x <x@localhost>\n%s\n' \
		'Description: nothing' >package/DEBIAN/control
	printf '#!/bin/sh\nset -e\nmkdir -p /var/lib/example\ndate >/var/lib/example/installed\n' \
		>package/DEBIAN/postinst
	chmod 755 package/DEBIAN/postinst
	printf '#!/bin/sh\necho works\n' >package/usr/bin/example
	chmod 755 package/usr/bin/example
	for ((i = 0; i < 20; i++)); do
		echo "$i" >"package/usr/share/example/$i"
	done
	mkdir lower/debs
	dpkg-deb --root-owner-group -b package lower/debs/example.deb >/dev/null
	mount_lamina -o policies
	work='export DEBIAN_FRONTEND=noninteractive PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C
		apt-get install -y /debs/example.deb >/tmp/log 2>&1 || { cat /tmp/log; exit 1; }
		example; dpkg -s example >/dev/null; dpkg -r example >/dev/null; dpkg -i /debs/example.deb
		perl -e "print 1" >/dev/null; find /usr/share/doc -name copyright | sed -n 1,3p'
	with_dev "$work" learn_root
	umount_lamina
	rm -rf upper work
	mkdir upper work
	mount_lamina -o policy=learned.json
	with_dev "$work" run_root
	assert_nothing_refused
	assert test "$(jq '[.rules[].paths[]] | length' learned.json)" -lt 1000
	wait_daemons_gone
}

# A process as in a container: /proc and /dev are not the policy's business.
IN_ROOT='mount -t proc proc mnt/proc && mount --rbind /dev mnt/dev && exec chroot mnt /bin/bash -ec "$1"'
with_dev() { "$2" "$1"; }
learn_root() {
	run_expect 0 lamina policy learn --output learned.json "$TEST_DIR/mnt" -- \
		unshare -m --propagation private sh -ec "$IN_ROOT" sh "$1"
}
run_root() { run_expect 0 inside sh -ec "$IN_ROOT" sh "$1"; }
