#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The demo's image looks the same through a view as through kernel overlayfs: with the marks that
# overlayfs knows, by the kernel alone and by the filter, and as it is in the image, by the filter.

load helpers

# convert LAYER: whiteouts of image archives become overlayfs' own.
convert() {
	local mark dir name

	find "$1" -name '.wh.*' | while IFS= read -r mark; do
		dir=$(dirname "$mark")
		name=$(basename "$mark")
		touch -r "$dir" stamp
		rm "$mark"
		if [[ $name == .wh..wh..opq ]]; then
			setfattr -n trusted.overlay.opaque -v y "$dir"
		else
			mknod "$dir/${name#.wh.}" c 0 0
		fi
		touch -r stamp "$dir"
	done
}

# seen VIEW...: mounts a view, writes down what is in it, and compares.
seen() {
	ok view "$@"
	dump mnt >view.tree
	is 0 counter requests mnt
	unmount mnt
	grep -q ' atime=' overlay.tree || sed -i 's/ [acb]time=[^ ]*//g' view.tree
	diff -u overlay.tree view.tree >differences || { head -40 differences && return 1; }
}

@test "the demo's image" {
	local i

	mkdir -p mnt
	for i in 1 2 3 4 5; do
		mkdir -p raw/$i native/$i
		tar -C raw/$i --xattrs --xattrs-include='*' -xpf "$TOOLS/image/$i.tar"
		[[ $i == 1 ]] || tar -C native/$i --xattrs --xattrs-include='*' -xpf "$TOOLS/image/$i.tar"
		[[ $i == 1 ]] || convert native/$i
	done
	ok mount -t overlay -o lowerdir=native/5:native/4:native/3:native/2:raw/1 overlay mnt
	dump -l mnt >overlay.tree
	ok umount mnt
	[[ $(wc -l <overlay.tree) -gt 5000 ]]
	load_filter overlay
	seen -o allow_other -o marks=trusted mnt native/{5,4,3,2} raw/1
	seen -o allow_other -o filter=overlay mnt native/{5,4,3,2} raw/1
	# These are other copies of the same, looked at at other times.
	sed -i 's/ [acb]time=[^ ]*//g' overlay.tree
	seen -o allow_other -o filter=overlay mnt raw/{5,4,3,2,1}
	unload overlay
}
