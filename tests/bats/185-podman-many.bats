#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# podman on Lamina: an image of thirty layers, ten containers at once, and containers with ids of
# their own.

load ../lib/common
load ../lib/podman

MANY=localhost/many
LAYERS=30

setup_file() {
	scene_create 1G
	export DEMO_DIR=$SCENE/p
	mkdir "$DEMO_DIR"
	demo_write_conf
	base_image "$DEMO_DIR/base.tar"
	py podman image_of "$DEMO_DIR/base.tar" "$DEMO_DIR/many.tar" "$LAYERS"
	ours load -q -i "$DEMO_DIR/many.tar" >/dev/null
	demo_find_runtime "lamina:$LAMINA_ENGINE" "$MANY"
	export DEMO_RUNTIME
}

teardown_file() {
	demo_remove_storage "lamina:$LAMINA_ENGINE"
	scene_destroy
}

teardown() {
	ours rm -fa -t 0 >/dev/null
	wait_until nothing_left
	leak_check
}

nothing_left() { [[ -z $(demo_leftovers) ]]; }

# engine_of MOUNTPOINT
engine_of() {
	"$LAMINA_BIN/lamina" ps --json | jq -r ".[] | select(.target == \"$1\") | .engine"
}

@test "thirty layers are one tree, which is changed, committed and looked at again" {
	ours run --name box "$MANY" sh -ec '
		test "$(ls /many | paste -sd" ")" = "28 29 swap top"
		test "$(cat /many/top /base/dir/sub/deep)" = "$(printf "top 29\none")"
		test -d /many/swap
		rm -r /many/swap /many/28 /base/gone
		mv /base/tree /base/moved
		mv /many /much
		echo more >>/much/top'
	ours commit -q box localhost/committed >/dev/null
	assert_equal "$(ours run --rm localhost/committed sh -ec '
		test ! -e /many -a ! -e /base/gone -a ! -e /base/tree
		ls /much
		cat /much/top /base/moved/a/b/c' | paste -sd' ')" "29 top top 29 more three"
	assert_equal "$(ours run --rm "$MANY" cat /many/top)" "top 29"
}

# Each changes the same things of the layers in its own way.
@test "ten containers at once do not see each other's changes" {
	local running=()

	for c in {0..9}; do
		(ours run --name "box$c" "$MANY" sh -ec "
			for i in \$(seq 0 19); do
				echo $c >>/base/many/\$i
				mv /base/many/\$i /base/many/$c.\$i
			done
			rm -r /base/tree
			mkdir /base/tree
			mv /base/dir /base/tree/$c
			sha256sum /bin/busybox >/base/tree/sum") &
		running+=($!)
	done
	wait "${running[@]}"
	for c in {0..9}; do
		mounted=$(ours mount "box$c")
		assert_equal "$(engine_of "$mounted")" "$LAMINA_ENGINE"
		assert_equal "$(cat "$mounted/base/many/$c.7" "$mounted/base/tree/$c/sub/deep" | paste -sd' ')" "7 $c one"
		assert_names "$mounted/base/tree" "$c" sum
		assert_equal "$(ls "$mounted/base/many" | wc -l)" 100
		assert_file "$mounted/base/tree/sum" "$(cd "$mounted" && sha256sum bin/busybox | sed 's,bin,/bin,')"
		ours umount "box$c" >/dev/null
	done
}

# In a namespace of mounts of its own, since the ids that there are are in files of the machine. podman
# maps owners twice where it believes that it can map mounts, whatever the mount program is.
@test "--userns=auto: owners are mapped to ids that nobody else has" {
	seen=$(demo_storage "lamina:$LAMINA_ENGINE")/r/overlay
	rm -f "$seen/idmapped-lower-dir-true"
	touch "$seen/idmapped-lower-dir-false"
	echo "containers:500000:200000" >ids
	export -f ours pm demo_storage demo_mount_program
	export DEMO_DIR MANY
	# shellcheck disable=SC2016
	run_expect 0 unshare --mount --propagation private bash -ec '
		mount --bind ids /etc/subuid
		mount --bind ids /etc/subgid
		ours run --name box --userns=auto:size=65536 "$MANY" sh -ec "
			test \$(stat -c %u:%g /base/dir/f1) = 0:0
			test \$(stat -c %u:%g /base/tree/file) = 7:8
			echo more >>/base/tree/file
			touch /base/new
			chown 5:6 /base/new
			mv /base/tree /base/moved
			test \$(stat -c %u:%g /base/moved/file) = 7:8
			cat /proc/self/uid_map"'
	rm "$seen/idmapped-lower-dir-false"
	assert_output_has "65536"
	[[ $output =~ \ +0\ +([0-9]+)\ +65536 ]]
	assert test "${BASH_REMATCH[1]}" -ge 500000
}
