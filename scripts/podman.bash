# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# podman with private storage, on whatever machine this is: used by the demo and by the tests, which
# source it into shells of their own.
#
# Everything is kept below $DEMO_DIR. A "driver" is lamina, lamina:ENGINE, overlay or fuse-overlayfs;
# each has a storage of its own.

# shellcheck source-path=SCRIPTDIR source=patience.bash
. "${BASH_SOURCE[0]%/*}/patience.bash"

DEMO_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
LAMINA_BIN=${LAMINA_BIN:-$DEMO_ROOT/build/bin}
DEMO_RUNTIME=${DEMO_RUNTIME:-crun} # until demo_find_runtime() knows better

# What containers may ask for can be less than podman's defaults: a machine may deny to raise limits.
demo_write_conf() {
	local nofile nproc

	nofile=$(ulimit -Hn)
	nproc=$(ulimit -Hu)
	[[ $nofile == unlimited ]] && nofile=1048576
	# podman lowers its own limit of processes before the runtime would raise it again.
	[[ $nproc == unlimited || $nproc -gt 16384 ]] && nproc=16384
	cat >"$DEMO_DIR/containers.conf" <<-CONF
		[containers]
		default_ulimits = ["nofile=$nofile:$nofile", "nproc=$nproc:$nproc"]
		netns = "none"
		[engine]
		cgroup_manager = "cgroupfs"
		events_logger = "file"
	CONF
	export CONTAINERS_CONF=$DEMO_DIR/containers.conf
	# podman 5 warns on each command where cgroups are version 1.
	export PODMAN_IGNORE_CGROUPSV1_WARNING=1
	# Nobody's registries, policies or storage settings: everything here is local.
	printf '[storage]\ndriver = "overlay"\nrunroot = "%s"\ngraphroot = "%s"\n' \
		"$DEMO_DIR/s/run" "$DEMO_DIR/s/root" >"$DEMO_DIR/storage.conf"
	export CONTAINERS_STORAGE_CONF=$DEMO_DIR/storage.conf
	printf '{"default":[{"type":"insecureAcceptAnything"}]}\n' >"$DEMO_DIR/policy.json"
}

# The mount program of an engine that is asked for by name.
demo_mount_program() {
	local engine=${1#lamina:} wrapper

	if [[ $engine == lamina ]]; then
		echo "$LAMINA_BIN/lamina-mount"
		return
	fi
	wrapper=$DEMO_DIR/lamina-mount-$engine
	if [[ ! -x $wrapper ]]; then
		printf '#!/bin/sh\nexec "%s" -o engine=%s "$@"\n' \
			"$LAMINA_BIN/lamina-mount" "$engine" >"$wrapper"
		chmod +x "$wrapper"
	fi
	echo "$wrapper"
}

# podman takes a run directory of at most 50 characters.
demo_storage() {
	case $1 in
	lamina) echo "$DEMO_DIR/s/l" ;;
	lamina:*) echo "$DEMO_DIR/s/l${1:7:1}" ;;
	*) echo "$DEMO_DIR/s/${1:0:1}" ;;
	esac
}

# pm DRIVER WORD...: podman on the storage of that driver.
pm() {
	local driver=$1 storage
	shift
	storage=$(demo_storage "$driver")
	local words=(--runtime "$DEMO_RUNTIME" --root "$storage/root" --runroot "$storage/r"
		--tmpdir "$storage/tmp" --storage-driver overlay)
	case $driver in
	lamina*) words+=(--storage-opt "overlay.mount_program=$(demo_mount_program "$driver")") ;;
	fuse-overlayfs) words+=(--storage-opt "overlay.mount_program=/usr/bin/fuse-overlayfs") ;;
	esac
	podman "${words[@]}" "$@"
}

# Find a runtime that starts a container here; crun refuses some cgroup layouts that runc takes.
demo_find_runtime() {
	local runtime tried=""

	for runtime in crun runc; do
		command -v "$runtime" >/dev/null || continue
		DEMO_RUNTIME=$runtime
		if output=$(pm "$1" run --rm "$2" true 2>&1); then
			return 0
		fi
		tried+=$'\n'"  $runtime: ${output##*$'\n'}"
	done
	echo "no container runtime starts a container here:$tried" >&2
	return 1
}

# No mount and no process of ours may stay; the storage goes.
demo_remove_storage() {
	local storage
	storage=$(demo_storage "$1")
	[[ -d $storage ]] || return 0
	pm "$1" rm -fa -t 0 >/dev/null 2>&1 || true
	pm "$1" rmi -fa >/dev/null 2>&1 || true
	wait_until demo_try_remove "$storage" || rm -rf "$storage"
}

# podman keeps its own overlay directory mounted private, and what cleans up after a container may still
# be at work in it.
demo_try_remove() {
	umount "$1/root/overlay" 2>/dev/null || true
	rm -rf "$1" 2>/dev/null
}

# What is still mounted, or still serves a mount, below the demo's folder.
demo_leftovers() {
	local pid
	awk -v dir="$DEMO_DIR/" 'index($5, dir) == 1 && $5 !~ /\/overlay$/ { print "mount", $5 }' \
		/proc/self/mountinfo
	# pgrep takes patterns of 15 characters.
	for pid in $(pgrep -x lamina-mount || true; pgrep -x lamina-keeper || true); do
		[[ $(readlink /proc/"$pid"/fd/* 2>/dev/null || true) != *"$DEMO_DIR/"* ]] || echo "process $pid"
	done
}
