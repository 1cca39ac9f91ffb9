#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Policies of containers of podman: annotations and the hook, with each runtime that starts a container.

load ../lib/common
load ../lib/podman
load ../lib/policy

setup_file() {
	scene_create 1G
	export DEMO_DIR=$SCENE/p
	mkdir -p "$DEMO_DIR/hooks"
	demo_write_conf
	base_image "$DEMO_DIR/base.tar"
	ours import -q "$DEMO_DIR/base.tar" "$BASE" >/dev/null
	hook >"$DEMO_DIR/hooks/lamina.json"
	policy '{"maskedPaths": ["/base/dir/f1"], "readonlyPaths": ["/etc"]}' "$DEMO_DIR/policy-1.json"
	policy '{"maskedPaths": ["/base/dir/f2"]}' "$DEMO_DIR/policy-2.json"
	podman_for_lamina
	PODMAN_MAJOR=$(podman --version | sed -E 's/^[^0-9]*([0-9]+).*/\1/')
	export PODMAN_MAJOR
	find_runtimes
}

teardown_file() {
	demo_remove_storage "lamina:$LAMINA_ENGINE"
	scene_destroy
}

setup() {
	test_dir
	DEMO_RUNTIME=${RUNTIMES%% *}
}

teardown() {
	ours rm -fa -t 0 >/dev/null
	wait_until nothing_left
	leak_check
}

nothing_left() { [[ -z $(demo_leftovers) ]]; }

# hook [ARGUMENT...]: the hook's JSON as it is installed, or with arguments for all containers.
hook() {
	local words

	words=$(printf '%s\n' lamina-hook "$@" | jq -cR . | jq -cs .)
	sed "s|@LIBEXEC@|$LAMINA_BIN|" "$LAMINA_ROOT/oci-hooks/lamina.json.in" |
		if [[ $# -eq 0 ]]; then cat; else jq ".hook.args = $words | .when = {always: true}"; fi
}

# The podman that `lamina` asks.
podman_for_lamina() {
	export LAMINA_PODMAN=$DEMO_DIR/podman
	cat >"$LAMINA_PODMAN" <<-END
		#!/bin/bash
		LAMINA_ROOT=$LAMINA_ROOT LAMINA_ENGINE=$LAMINA_ENGINE DEMO_DIR=$DEMO_DIR
		source "\$LAMINA_ROOT/tests/lib/podman.bash"
		ours "\$@"
	END
	chmod +x "$LAMINA_PODMAN"
}

# crun takes what is left of a cgroup hierarchy for a whole one: where that lets no container start, it
# gets to see none, in a mount namespace of its own; which is where builders run containers as well.
crun_elsewhere() {
	cat >"$1" <<-'END'
		#!/bin/sh
		exec unshare -m --propagation private sh -c '
			mount --bind /dev/null /sys/fs/cgroup/unified/cgroup.controllers 2>/dev/null
			exec crun "$@"' crun "$@"
	END
	chmod +x "$1"
}

find_runtimes() {
	local runtime

	RUNTIMES=""
	crun_elsewhere "$DEMO_DIR/crun-elsewhere"
	for runtime in runc crun "$DEMO_DIR/crun-elsewhere"; do
		if DEMO_RUNTIME=$runtime ours run --rm "$BASE" true >/dev/null 2>&1; then
			RUNTIMES+="$runtime "
		fi
	done
	echo "# runtimes: $RUNTIMES" >&3
	[[ -n $RUNTIMES ]] || return 1
	export RUNTIMES
}

# podman with the hook.
hooked() { ours --hooks-dir "$DEMO_DIR/hooks" "$@"; }

# under POLICY: a container's option that names its policy, which may be text. podman 4 reads an
# annotation as a line of a table.
under() {
	local annotation=org.lamina.policy=$1

	[[ $PODMAN_MAJOR -ge 5 ]] || annotation="\"${annotation//\"/\"\"}\""
	printf '%s' "$annotation"
}

FIRST="can't open '/base/dir/f1': No such file or directory"

# ---- run and exec ----

@test "what the policy hides and refuses is hidden and refused in run and exec" {
	for DEMO_RUNTIME in $RUNTIMES; do
		hooked run -d --name box --annotation "$(under "$DEMO_DIR/policy-1.json")" "$BASE" \
			sh -c 'cat /base/dir/f* >/seen 2>&1; touch /etc/new 2>/refused; sleep 1000' >/dev/null
		wait_until ours exec box test -s /refused
		assert_equal "$(ours exec box cat /seen)" one
		run_expect 1 ours exec box cat /base/dir/f1
		assert_output_has "$FIRST"
		run_expect 1 ours exec box sh -c 'echo x >/base/dir/f1'
		run_expect 1 ours exec -u 7 box cat /base/dir/f1
		run_expect 1 ours exec box touch /etc/new
		assert_output_has "Read-only file system"
		ours exec box touch /tmp/new
		ours rm -f -t 0 box >/dev/null
	done
}

@test "an annotation may hold the policy itself, and make it a dry run" {
	policy='{"maskedPaths": ["/base/dir/f1"], "comment": "a, b"}'
	run_expect 1 hooked run --rm --annotation "$(under "$policy")" "$BASE" cat /base/dir/f1
	assert_output_has "$FIRST"
	run_expect 0 hooked run --rm --annotation "$(under "$policy")" \
		--annotation org.lamina.policy.mode=enforce "$BASE" sh -c '! cat /base/dir/f1'
	hooked run -d --name box --annotation "$(under "$policy")" \
		--annotation org.lamina.policy.mode=dry-run "$BASE" sleep 1000 >/dev/null
	assert_equal "$(ours exec box cat /base/dir/f1)" one
	lamina trace --policy --follow --json box >trace.out 3>&- &
	tracing=$!
	wait_until traced '.path == "/base/dir/f1" and .verdict == "would be refused"'
	kill -INT "$tracing"
	wait "$tracing" || true
	assert_equal "$(jq -sr '.[0].container' trace.out)" "$(ours inspect --format '{{.Id}}' box)"
}

@test "containers without the annotation have no policy" {
	assert_equal "$(hooked run --rm "$BASE" cat /base/dir/f1)" one
}

@test "with user namespaces of their own containers are bound as well" {
	map_once
	run_expect 1 hooked run --rm --uidmap 0:100000:65536 --gidmap 0:100000:65536 \
		--annotation "$(under "$DEMO_DIR/policy-1.json")" "$BASE" cat /base/dir/f1
	assert_output_has "$FIRST"
}

# ---- a container whose policy can't be put in force ----

# Any status but 0: podman makes 127 of an error that says "no such file", about which bats warns.
fails() { ! "$@"; }

# refused TEXT WORD...: such a container does not run, and podman says why.
refused() {
	local text=$1
	shift
	run_expect 0 fails hooked run --name box "$@" "$BASE" touch /ran
	assert_output_has "lamina-hook: no policy for the container"
	assert_output_has "$text"
	mounted=$(ours mount box)
	assert_missing "$mounted/ran"
	ours umount box >/dev/null
	ours rm -f -t 0 box >/dev/null
}

@test "a container whose policy can't be put in force doesn't start, and podman says why" {
	echo '{"maskedPath": []}' >bad.json
	mkdir directory
	for DEMO_RUNTIME in $RUNTIMES; do
		refused "cannot read the policy '/nowhere.json': No such file" \
			--annotation org.lamina.policy=/nowhere.json
		refused "bad.json:1:2: unknown key 'maskedPath'" --annotation "org.lamina.policy=$PWD/bad.json"
		refused "annotation:1:18: " --annotation "$(under '{"maskedPaths": ["relative"]}')"
		refused "is no regular file" --annotation "org.lamina.policy=$PWD/directory"
		refused "neither a policy nor an absolute path" --annotation org.lamina.policy=policy.json
		refused "expected enforce or dry-run" --annotation "$(under '{}')" \
			--annotation org.lamina.policy.mode=enforced
	done
}

@test "nor does one with an annotation that looks like ours and is none" {
	for annotation in org.lamina.polcy=/p.json org.lamina.policy.mod=dry-run '"org.lamina.policy'=x; do
		[[ $PODMAN_MAJOR -ge 5 || $annotation != \"* ]] || continue
		refused "unknown annotation '${annotation%%=*}'" --annotation "$annotation"
	done
	refused "org.lamina.policy.mode needs org.lamina.policy" --annotation org.lamina.policy.mode=dry-run
}

@test "nor does one whose root file system is no mount of Lamina" {
	demo_find_runtime overlay "$BASE" 2>/dev/null || true
	pm overlay import -q "$DEMO_DIR/base.tar" "$BASE" >/dev/null
	DEMO_RUNTIME=${RUNTIMES%% *}
	run_expect 0 fails pm overlay --hooks-dir "$DEMO_DIR/hooks" run --rm \
		--annotation "org.lamina.policy=$DEMO_DIR/policy-1.json" "$BASE" true
	assert_output_has "this is not the root of a mount of lamina-mount"
	demo_remove_storage overlay
}

@test "--fail-open lets it start, --policy is for all, --only keeps annotations to a directory" {
	mkdir hooks only
	cp "$DEMO_DIR/policy-1.json" only
	ln -s "$DEMO_DIR/policy-2.json" only/link.json
	hook --policy "$DEMO_DIR/policy-2.json" --only "$PWD/only" >hooks/lamina.json
	others() { ours --hooks-dir "$PWD/hooks" run --rm "$@"; }
	assert_equal "$(others "$BASE" sh -c 'cd /base/dir && echo f*')" f1
	assert_equal "$(others --annotation org.lamina.policy=policy-1.json "$BASE" \
		sh -c 'cd /base/dir && echo *')" sub
	assert_equal "$(others --annotation "org.lamina.policy=$PWD/only/policy-1.json" "$BASE" \
		sh -c 'cd /base/dir && echo *')" sub
	for path in ../policy-1.json link.json "$DEMO_DIR/policy-1.json" nowhere.json; do
		run_expect 0 fails others --annotation "org.lamina.policy=$path" "$BASE" true
		assert_output_has "cannot open the policy"
	done
	hook --fail-open >hooks/lamina.json
	assert_equal "$(others --annotation org.lamina.policy=/nowhere.json "$BASE" cat /base/dir/f1)" one
}

# ---- while it runs, and after it ---

@test "apply, show and remove by the container's name or id while it runs" {
	hooked run -d --name box --annotation "org.lamina.policy=$DEMO_DIR/policy-1.json" "$BASE" \
		sleep 1000 >/dev/null
	id=$(ours inspect --format '{{.Id}}' box)
	for name in box "$id" "${id:0:12}"; do
		assert_equal "$(lamina policy show --json "$name" | jq -r '.rules[0].paths[0]')" \
			/base/dir/f1
	done
	lamina policy apply box "$DEMO_DIR/policy-2.json"
	assert_equal "$(ours exec box sh -c 'cd /base/dir && echo *; touch /etc/new')" "f1 sub"
	lamina policy remove box
	assert_equal "$(ours exec box sh -c 'cd /base/dir && echo *')" "f1 f2 sub"
	assert_equal "$(lamina policy show "$id")" "no policy"
	lamina policy apply "$id" "$DEMO_DIR/policy-1.json" "$DEMO_DIR/policy-2.json"
	assert_equal "$(ours exec box sh -c 'cd /base/dir && echo *')" sub
}

@test "a container that started without a policy takes one, if it was mounted for that" {
	ours --storage-opt overlay.mountopt=policies run -d --name box "$BASE" sleep 1000 >/dev/null
	assert_equal "$(ours exec box cat /base/dir/f1)" one
	lamina policy apply box "$DEMO_DIR/policy-1.json"
	run_expect 1 ours exec box cat /base/dir/f1
}

@test "an annotation takes nothing away of what the mount was given" {
	policy '{"maskedPaths": ["/base/dir/f1"]}' base.json
	for DEMO_RUNTIME in $RUNTIMES; do
		for policy in '{}' "$DEMO_DIR/policy-2.json"; do
			run_expect 1 ours --storage-opt "overlay.mountopt=policy=$PWD/base.json" \
				--hooks-dir "$DEMO_DIR/hooks" run --rm --annotation "$(under "$policy")" "$BASE" \
				cat /base/dir/f1
			assert_output_has "$FIRST"
		done
	done
}

# on_mnt NAME POLICY: a container whose root file system is what is mounted on mnt.
on_mnt() {
	hooked run -d --name "$1" --annotation "$(under "$2")" --rootfs "$TEST_DIR/mnt" sleep 1000 >/dev/null
}

@test "two containers on one root file system keep their policies, each as long as it runs" {
	tar -C lower -xf "$DEMO_DIR/base.tar"
	mount_lamina -o policies
	on_mnt first "$DEMO_DIR/policy-1.json"
	run_expect 1 ours exec first cat /base/dir/f1
	on_mnt second "$DEMO_DIR/policy-2.json"
	for name in first second; do
		assert_equal "$(ours exec "$name" sh -c 'cd /base/dir && echo *')" sub
	done
	ours rm -f -t 0 second >/dev/null
	assert_equal "$(ours exec first sh -c 'cd /base/dir && echo *')" "f2 sub"
	ours rm -f -t 0 first >/dev/null
	assert_equal "$(lamina policy show "$TEST_DIR/mnt")" "no policy"
	umount_lamina
}

@test "a container that starts again has the policy that its annotation names then" {
	cp "$DEMO_DIR/policy-1.json" now.json
	hooked run --name box --annotation "org.lamina.policy=$PWD/now.json" "$BASE" \
		sh -c 'cd /base/dir && echo *' >first
	assert_file first "f2 sub"
	cp "$DEMO_DIR/policy-2.json" now.json
	assert_equal "$(hooked start -a box)" "f1 sub"
	rm now.json
	run_expect 0 fails hooked start -a box
	assert_output_has "cannot read the policy"
}

@test "what a container was seen to use is enough to run another one" {
	work='set -e; cat /base/dir/f1 /etc/hosts >/base/copy; mkdir /base/new; mv /base/copy /base/new
		rm /base/dir/f2; ls /base/many; dir=$(mktemp -d); touch "$dir/file"; rm -r "$dir"'
	ours --storage-opt overlay.mountopt=policies create --name box "$BASE" sh -c "$work" >/dev/null
	ours init box >/dev/null
	run_expect 0 lamina policy learn --output learned.json box -- "$LAMINA_PODMAN" start -a box
	jq -e '.defaultAction == "ERRNO"' learned.json
	run_expect 0 hooked run --rm --annotation "org.lamina.policy=$PWD/learned.json" "$BASE" \
		sh -c "$work"
	run_expect 1 hooked run --rm --annotation "org.lamina.policy=$PWD/learned.json" "$BASE" \
		cat /base/tree/file
	assert_output_has "Permission denied"
}

# ---- what is done from outside ----

@test "commit, export, diff and mount lose nothing that is hidden" {
	hooked run --name box --annotation "org.lamina.policy=$DEMO_DIR/policy-1.json" "$BASE" \
		sh -c 'echo new >/base/dir/new; rm /base/dir/f2'
	assert_equal "$(ours diff box | grep base | sort | paste -sd' ')" \
		"A /base/dir/new C /base C /base/dir D /base/dir/f2"
	ours commit -q box localhost/committed >/dev/null
	assert_equal "$(ours run --rm localhost/committed sh -c 'cd /base/dir && echo * && cat f1')" \
		$'f1 new sub\none'
	hooked run -d --name running --annotation "org.lamina.policy=$DEMO_DIR/policy-1.json" "$BASE" \
		sh -c 'echo new >/base/dir/new; sleep 1000' >/dev/null
	wait_until ours exec running test -e /base/dir/new
	ours commit -q running localhost/committed >/dev/null
	assert_equal "$(ours run --rm localhost/committed sh -c 'cd /base/dir && echo * && cat f1')" \
		$'f1 f2 new sub\none'
	ours export running | tar -tf - base/dir/f1
	mounted=$(ours mount running)
	assert_file "$mounted/base/dir/f1" one
	ours umount running >/dev/null
}

@test "cp is bound in a container that runs, where podman enters it, and not in another one" {
	hooked run -d --name box --annotation "org.lamina.policy=$DEMO_DIR/policy-1.json" "$BASE" \
		sleep 1000 >/dev/null
	run_expect 125 ours cp box:/base/dir/f1 out
	ours cp box:/base/dir/f2 out
	ours cp "$DEMO_DIR/policy-1.json" box:/base/in
	run_expect 125 ours cp "$DEMO_DIR/policy-1.json" box:/etc/in
	ours kill box >/dev/null
	ours wait box >/dev/null
	ours cp box:/base/dir/f1 out
	assert_file out one
	ours cp "$DEMO_DIR/policy-1.json" box:/etc/in
}

# ---- builds: a container of a build has no annotations, so the hook names the policy ----

build() {
	ours build --hooks-dir "$PWD/hooks" -q --network=none --no-cache \
		--signature-policy "$DEMO_DIR/policy.json" "$@"
}

@test "a build under a policy: hidden to its commands, and there in the image" {
	mkdir hooks
	hook --policy "$DEMO_DIR/policy-1.json" >hooks/lamina.json
	printf 'FROM %s\nRUN ls /base/dir >/seen; ! touch /etc/new; touch /made\n' "$BASE" >Containerfile
	for DEMO_RUNTIME in $RUNTIMES; do
		build -t localhost/built . >/dev/null
		assert_equal "$(ours run --rm localhost/built sh -c 'cat /seen /base/dir/f1; echo /ma*')" \
			$'f2\nsub\none\n/made'
	done
}

@test "a build whose policy can't be put in force fails" {
	mkdir hooks
	hook --policy /nowhere.json >hooks/lamina.json
	printf 'FROM %s\nRUN true\n' "$BASE" >Containerfile
	for DEMO_RUNTIME in $RUNTIMES; do
		run_expect 0 fails build .
		assert_output_has "cannot read the policy '/nowhere.json'"
	done
}

@test "a build isolated by chroot calls no hook, and is bound by the policy of the mount" {
	mkdir hooks
	# The builder makes files in /etc while it is bound.
	policy '{"maskedPaths": ["/base/dir/f1"], "readonlyPaths": ["/base/tree"]}' build.json
	hook --policy "$PWD/build.json" >hooks/lamina.json
	cat >Containerfile <<-END
		FROM $BASE
		RUN ls /base/dir >/seen; cat /base/dir/f1 >>/seen 2>&1; touch /base/tree/n 2>>/seen; touch /made
		COPY in /base/tree/in
	END
	echo in >in
	chrooted() {
		ours "${@:2}" build --isolation chroot -q --no-cache \
			--signature-policy "$DEMO_DIR/policy.json" -t "localhost/$1" . >/dev/null
	}
	chrooted built --hooks-dir "$PWD/hooks"
	assert_equal "$(ours run --rm localhost/built cat /seen)" $'f1\nf2\nsub\none'
	# `ours` names the mount program by --storage-opt as well, as docs/policy.md does.
	chrooted bound --storage-opt "overlay.mountopt=policy=$PWD/build.json"
	assert_equal "$(ours run --rm localhost/bound cat /seen)" \
		$'f2\nsub\ncat: '"$FIRST"$'\ntouch: /base/tree/n: Read-only file system'
	# What the builder itself does is not bound, and the image has everything.
	assert_equal "$(ours run --rm localhost/bound cat /base/dir/f1 /base/tree/in /made)" $'one\nin'
}
