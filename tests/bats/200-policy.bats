#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Policies on a mount: what is hidden, what is refused, to whom, and by which word.

load ../lib/common
load ../lib/policy

setup() {
	test_dir
	make_tree
}

# ---- hidden ----

@test "hidden names are hidden in every operation, files and directories alike" {
	mkdir lower/d
	for name in other file key; do
		echo "$name" >"lower/d/$name"
	done
	mkdir lower/d/dir
	echo x | tee lower/d/dir/x >lower/d/dir/key
	ln -s other lower/d/link
	setfattr -n user.x -v v lower/d/file
	mount_policy '{"maskedPaths": ["/d/file", "/d/dir", "/d/link"]}'
	py_inside policy hidden mnt/d file dir link
	# The same when the kernel has them from who may see them, and when they lie in the upper.
	ls -lR mnt >/dev/null
	cat mnt/d/file mnt/d/link mnt/d/dir/x >/dev/null
	py_inside policy hidden mnt/d file dir link
	echo more >>mnt/d/file
	touch mnt/d/dir/new
	mv mnt/d/link mnt/d/moved
	ln -s other mnt/d/link
	py_inside policy hidden mnt/d file dir link
	assert_names mnt/d dir file key link moved other
	umount_lamina
}

@test "nothing can be made over a hidden name that is not there" {
	echo other >lower/other
	mount_policy '{"maskedPaths": ["/nothing"], "rules": [
		{"paths": ["/**/.secret*"], "action": "ERRNO", "errno": "ENOENT"}]}'
	py_inside policy free mnt nothing .secret .secrets
	assert_file mnt/other other
	# Who is not bound makes it; it is hidden from the start.
	echo made >mnt/nothing
	run_expect 1 inside cat mnt/nothing
	assert_file mnt/nothing made
	umount_lamina
}

@test "what lies below a hidden directory is hidden, whatever other rules say" {
	mount_policy '{"rules": [
		{"paths": ["/app/secrets/key"], "action": "ALLOW"},
		{"paths": ["/app/secrets"], "action": "ERRNO", "errno": "ENOENT"}]}'
	py_inside policy outcomes "ENOENT stat mnt/app/secrets" "ENOENT read mnt/app/secrets/key" \
		"success read mnt/app/code"
	umount_lamina
}

@test "a rule with access leaves the name to be seen, also with ENOENT" {
	mount_policy '{"rules": [
		{"paths": ["/app/.env"], "access": ["read_file"], "action": "ERRNO", "errno": "ENOENT"}]}'
	py_inside policy outcomes "success stat mnt/app/.env" "ENOENT read mnt/app/.env" \
		"success write mnt/app/.env"
	umount_lamina
}

@test "a listing leaves out what is hidden, in pieces of any size, and nothing else" {
	for ((i = 0; i < 300; i++)); do
		touch "lower/srv/a/entry-$i"
	done
	mount_policy '{"maskedPaths": ["/srv/a/entry-150"]}'
	names=$(cd lower/srv/a && ls -I entry-150)
	for _ in 1 2 3; do
		# shellcheck disable=SC2086
		py_inside policy listings mnt/srv/a entry-150 $names
		assert_equal "$(ls mnt/srv/a | wc -l)" 301
	done
	umount_lamina
}

@test "links are followed only to what can be seen" {
	mount_policy '{"maskedPaths": ["/etc/shadow"]}'
	py_inside policy outcomes "success lstat mnt/app/link" "ENOENT stat mnt/app/link" \
		"ENOENT read mnt/app/link"
	assert_file mnt/app/link root
	umount_lamina
}

@test "a directory with something hidden in it is not removed by who does not see that" {
	mkdir lower/full
	echo secret >lower/full/secret
	mount_policy '{"maskedPaths": ["/full/secret"]}'
	py_inside policy outcomes "ENOTEMPTY rmdir mnt/full"
	run_expect 1 inside rm -r mnt/full
	assert_file mnt/full/secret secret
	umount_lamina
}

# ---- words ----

# What one word is about is refused, and nothing else.
only() {
	rm -rf lower/w upper work
	mkdir -p lower/w/dir upper work
	printf '#!/bin/sh\nexit 0\n' >lower/w/file
	chmod 755 lower/w/file
	mount_policy "{\"rules\": [{\"paths\": [\"/w/*\"], \"access\": [\"$1\"],
		\"action\": \"ERRNO\", \"errno\": \"EPERM\"}]}"
	py_inside policy refuses mnt/w "$1"
	umount_lamina
}

@test "each word is about what the reference says: open, run, list, change, remove" {
	for word in read_file write_file execute read_dir truncate chmod chown xattr remove_file \
		remove_dir; do
		only "$word"
	done
}

@test "each make word is about one kind of object" {
	mkdir lower/w
	for word in make_dir make_reg make_sym make_sock make_fifo make_char make_block; do
		mount_policy "{\"rules\": [{\"paths\": [\"/w/*\"], \"access\": [\"$word\"],
			\"action\": \"ERRNO\", \"errno\": \"EPERM\"}]}"
		py_inside policy makes mnt/w "$word"
		umount_lamina
	done
}

@test "opening asks for each thing that the file is opened for" {
	mount_policy '{"rules": [
		{"paths": ["/etc/passwd"], "access": ["write_file"], "action": "ERRNO"},
		{"paths": ["/etc/shadow"], "access": ["truncate"], "action": "ERRNO", "errno": "EPERM"},
		{"paths": ["/tmp/n*"], "access": ["read_file"], "action": "ERRNO", "errno": "EIO"}]}'
	py_inside policy outcomes "success read mnt/etc/passwd" "EACCES write mnt/etc/passwd" \
		"EACCES read-write mnt/etc/passwd" "EACCES trunc mnt/etc/passwd" \
		"success write mnt/etc/shadow" "EPERM trunc mnt/etc/shadow" \
		"EPERM truncate mnt/etc/shadow" "EIO create mnt/tmp/new" "success create mnt/tmp/other"
	assert_file mnt/etc/shadow root
	assert_missing mnt/tmp/new
	umount_lamina
}

@test "what can be read can be kept from being run, and what can't be read can't be run" {
	mount_policy '{"rules": [
		{"paths": ["/tmp/**"], "access": ["execute"], "action": "ERRNO"},
		{"paths": ["/usr/bin/busybox"], "access": ["read_file"], "action": "ERRNO", "errno": "EPERM"},
		{"paths": ["/app/busybox"], "access": ["read_file"], "action": "LOG"}]}'
	cp /bin/busybox mnt/usr/bin/busybox
	cp /bin/busybox mnt/app/busybox
	py_inside policy outcomes "EACCES run mnt/tmp/tool" "success read mnt/tmp/tool" \
		"EPERM read mnt/usr/bin/busybox" "EPERM run mnt/usr/bin/busybox"
	assert_equal "$(inside mnt/app/busybox echo ran)" ran
	# Not even by being an interpreter, or as a file that has just been made.
	run_expect 126 inside sh -c 'cp /bin/busybox mnt/tmp/made && mnt/tmp/made echo ran'
	printf '#!%s/mnt/usr/bin/busybox sh\n' "$TEST_DIR" >mnt/usr/bin/script
	chmod 755 mnt/usr/bin/script
	py_inside policy outcomes "EPERM run mnt/usr/bin/script"
	umount_lamina
}

@test "an allow-list that allows running alone allows none, and learning asks for both" {
	mount_policy '{"defaultAction": "ERRNO", "rules": [
		{"paths": ["/usr/bin/tool"], "access": ["execute"], "action": "ALLOW"}]}'
	py_inside policy outcomes "EACCES run mnt/usr/bin/tool"
	run_expect 3 lamina policy explain "$TEST_DIR/mnt" /usr/bin/tool execute
	umount_lamina
	mount_lamina -o policies
	lamina policy learn --output learned.json "$TEST_DIR/mnt" -- unshare -m mnt/usr/bin/tool
	assert_equal "$(jq -c '[.rules[] | select(.paths == ["/usr/bin/tool"]) | .access[]] | sort' learned.json)" \
		'["execute","read_file"]'
	umount_lamina
	mount_lamina -o policy=learned.json
	assert_equal "$(inside mnt/usr/bin/tool)" ran
	umount_lamina
}

@test "binfmt_misc hands out no file that can't be read" {
	[[ $LAMINA_ENGINE != bpf ]] || modprobe binfmt_misc 2>/dev/null || true
	printf 'RDEN and more\n' >lower/app/denied
	chmod 755 . lower lower/app/denied
	cp /bin/busybox interpreter
	mount_policy '{"rules": [{"paths": ["/app/denied"], "access": ["read_file"], "action": "ERRNO"}]}'
	run inside sh -c 'mount -t binfmt_misc binfmt /proc/sys/fs/binfmt_misc &&
		echo ":lamina-test:M:0:RDEN::$1/interpreter:O" >/proc/sys/fs/binfmt_misc/register; "$1/mnt/app/denied"
		status=$?; echo -1 >/proc/sys/fs/binfmt_misc/lamina-test; exit "$status"' sh "$TEST_DIR"
	refute test "$status" -eq 0
	assert_output_has "Permission denied"
	umount_lamina
}

@test "chmod is also about times, file flags and access ACLs" {
	mount_policy '{"rules": [{"paths": ["/etc/*"], "access": ["chmod"], "action": "ERRNO"}]}'
	py_inside policy outcomes "EACCES chmod mnt/etc/passwd" "EACCES touch mnt/etc/passwd" \
		"EACCES flags mnt/etc/passwd" "success write mnt/etc/passwd" "success touch mnt/app/code"
	# An access ACL has the bits of the mode in it.
	setfacl -m u:1:r mnt/etc/passwd
	run_expect 1 inside setfacl -m u::rwx mnt/etc/passwd
	inside setfacl -m u::rwx mnt/app/code
	run_expect 1 inside setfacl -b mnt/etc/passwd
	umount_lamina
}

@test "an unnamed file is made, opened and run as #unnamed in its directory" {
	mount_policy '{"rules": [
		{"paths": ["/etc/#unnamed"], "access": ["make_reg"], "action": "ERRNO"},
		{"paths": ["/srv/*"], "access": ["write_file"], "action": "ERRNO", "errno": "EPERM"}]}'
	py_inside policy outcomes "EACCES tmpfile mnt/etc" "EPERM tmpfile mnt/srv" \
		"success tmpfile mnt/app"
	umount_lamina
}

@test "below readonlyPaths everything can be looked at and run, and nothing changed" {
	cp lower/usr/bin/tool lower/usr/bin/other
	setfattr -n user.x -v v lower/usr/bin/tool
	mark_lower
	mount_policy '{"readonlyPaths": ["/usr"]}'
	py_inside policy read_only mnt/usr/bin tool new
	py_inside policy outcomes "EROFS rename mnt/app/code mnt/usr/bin/code" \
		"EROFS link mnt/app/code mnt/usr/bin/code" "EROFS rmdir mnt/usr/bin" \
		"EROFS rename mnt/usr/bin mnt/bin" "success create mnt/app/new"
	assert_contents upper "d app" "f app/new"
	umount_lamina
	assert_lower_unchanged
}

@test "what no rule is about is refused with defaultAction ERRNO, and can be seen" {
	mount_policy '{"defaultAction": "ERRNO", "rules": [
		{"paths": ["/app/*"], "access": ["read_file"], "action": "ALLOW"}]}'
	py_inside policy outcomes "success read mnt/app/code" "EACCES write mnt/app/code" \
		"EACCES read mnt/etc/passwd" "success stat mnt/etc/passwd" "EACCES list mnt" \
		"EACCES list mnt/app" "EACCES run mnt/usr/bin/tool" "EACCES mkdir mnt/app/new"
	assert_equal "$(ls mnt/app)" "$(ls lower/app)"
	umount_lamina
}

@test "the first rule that is about an access decides, of several files the strictest" {
	policy '{"rules": [{"paths": ["/srv/a/**"], "action": "ALLOW"},
		{"paths": ["/srv/**"], "access": ["read_file"], "action": "ERRNO"}]}' one.json
	policy '{"rules": [{"paths": ["/srv/a/file"], "access": ["write_file"], "action": "ERRNO",
		"errno": "EPERM"}]}' two.json
	mount_lamina -o policy=one.json,policy=two.json
	py_inside policy outcomes "success read mnt/srv/a/file" "EACCES read mnt/srv/b/file" \
		"EPERM write mnt/srv/a/file" "success write mnt/srv/b/file"
	umount_lamina
}

@test "a dry run refuses and hides nothing" {
	mount_policy '{"mode": "dry-run", "maskedPaths": ["/etc/shadow"], "readonlyPaths": ["/usr"],
		"defaultAction": "ERRNO"}'
	py_inside policy outcomes "success read mnt/etc/shadow" "success create mnt/usr/new" \
		"success rename mnt/usr mnt/opt" "success list mnt/etc"
	assert_file mnt/opt/new ""
	umount_lamina
}

# ---- who is bound ----

@test "who shares the mount's namespace is not bound, whoever it is" {
	chmod 755 . lower
	mount_policy '{"maskedPaths": ["/etc/shadow"], "readonlyPaths": ["/"]}'
	assert_file mnt/etc/shadow root
	assert_equal "$(as_user cat mnt/etc/shadow)" root
	chroot_like=$(unshare -p -f -u -i -n cat mnt/etc/shadow)
	assert_equal "$chroot_like" root
	echo more >>mnt/etc/shadow
	assert_file mnt/etc/shadow $'root\nmore'
	umount_lamina
}

@test "who is in any other mount namespace is bound, as any user" {
	chmod 755 . lower
	mount_policy '{"maskedPaths": ["/etc/shadow"]}'
	run_expect 1 inside cat mnt/etc/shadow
	run_expect 1 inside setpriv --reuid 1000 --clear-groups cat mnt/etc/shadow
	run_expect 1 unshare -Urm cat mnt/etc/shadow
	run_expect 1 inside unshare -m cat mnt/etc/shadow
	umount_lamina
}

@test "bound and unbound at the same time: neither sees what the other should" {
	mkdir lower/d
	echo secret >lower/d/secret
	echo other >lower/d/other
	mount_policy '{"maskedPaths": ["/d/secret"]}'
	py policy race_outside mnt/d secret 300 3>&- &
	outside=$!
	py_inside policy race mnt/d secret 300 3>&- &
	bound=$!
	py_inside policy race mnt/d secret 300
	wait "$bound"
	wait "$outside"
	umount_lamina
}

@test "a mount without an upper takes a policy as well" {
	policy '{"maskedPaths": ["/etc/shadow"]}'
	"$LAMINA_BIN/lamina-mount" -o "lowerdir=lower,engine=$LAMINA_ENGINE,policy=policy.json" mnt
	py_inside policy outcomes "ENOENT read mnt/etc/shadow" "success read mnt/etc/passwd"
	assert_file mnt/etc/shadow root
	umount_lamina
}

# ---- the options ----

@test "a policy that is none is one sentence, and nothing is mounted" {
	policy '{"maskedPath": []}'
	run_expect 1 mount_lamina -o policy=policy.json
	assert_one_sentence "policy.json:1:2: unknown key 'maskedPath'"
	run_expect 1 mount_lamina -o policy=nowhere.json
	assert_one_sentence "nowhere.json" "No such file or directory"
	refute mountpoint -q mnt
}

@test "collected writes and policies don't go together" {
	policy '{}'
	run_expect 1 mount_lamina -o policies,writeback=1,engine=fuse
	assert_one_sentence "writeback=1"
	refute mountpoint -q mnt
}

@test "a compiled policy is as good as its source" {
	policy '{"maskedPaths": ["/etc/shadow"]}'
	lamina policy compile policy.json -o compiled
	mount_lamina -o policy=compiled
	py_inside policy outcomes "ENOENT read mnt/etc/shadow"
	umount_lamina
}
