# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# What the files on lamina-mount share: it mounts lower, upper and work on mnt.

# layers: the directories, with something to change.
layers() {
	mkdir -p lower/dir/sub upper work mnt
	echo one | tee lower/one lower/dir/two >lower/dir/sub/three
	echo linked >lower/a
	ln lower/a lower/dir/b
	for ((i = 0; i < 20; i++)); do echo "$i" >"lower/dir/$i"; done
}

# mounts [OPTION[,OPTION...]]
mounts() {
	ok lamina-mount -o "engine=bpf,lowerdir=${LOWERS:-lower},upperdir=upper,workdir=work${1:+,$1}" mnt
}

# The processes of mounts below $W, by their environment: each of the test's is told by its folder.
processes() {
	local pid

	for pid in $(pgrep -x "$1"); do
		grep -qzxF "PWD=$W" "/proc/$pid/environ" && echo "$pid"
	done
	return 0
}

server() { processes lamina-mount; }
keeper() { processes lamina-keeper; }
nobody_left() { [[ -z $(server)$(keeper) ]]; }
has_server() { [[ $(field server mnt) == attached ]]; }
has_no_server() { [[ $(field server mnt) == none ]]; }

# field NAME MOUNTPOINT: the rest of a line that the view says of itself.
field() {
	sed -n "s/^$1:\t//p" "$(control "$2")/view"
}

# unmounts: nothing stays but the layers.
unmounts() {
	unmount mnt
	wait_until nobody_left
}

# The filters that lamina-mount has loaded.
teardown_file() {
	local name

	for name in overlay policy; do
		lamina filter remove "$name" 2>/dev/null || true
	done
}
