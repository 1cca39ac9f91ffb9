#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The ioctls of the device.

load helpers

@test "the ioctls do what they promise" {
	mkdir space l1 l2 over bind cf plain
	ok mount -t overlay -o lowerdir=l1:l2 overlay over
	truncate -s 16M fold crypt
	mkfs.ext4 -q -O casefold fold
	mkfs.ext4 -q -O encrypt crypt
	ok mount fold cf
	ok mount crypt plain
	mkdir plain/secret
	ok encrypt plain/secret
	ok mount --bind l1 bind
	ok mount --make-unbindable bind
	log ioctls "$W/space" "overlay=$W/over" "casefold=$W/cf" "encrypted=$W/plain/secret" \
		"unbindable=$W/bind"
	umount bind plain cf over
	[[ $status == 0 && $output != *"not ok"* ]]
}

@test "random ioctls in all states do no harm" {
	mkdir space
	load_filter overlay
	load_filter hide
	ok fuzz "$FUZZ" "$SEED" "$W/space"
	unload overlay hide
}

@test "the device's fdinfo lists layers, filters and counters of a server" {
	mkdir a
	load_filter overlay
	log python3 "$CHECKOUT/tests/bpf/tools/fdinfo.py" a overlay
	[[ $status == 0 && $output == *$'layer:\t1 tag=0x2a dev='*" root=${W#/scratch}/a"* ]]
	[[ $output == *$'filter:\toverlay cookie=0x7'* && $output == *$'state:\topen'* ]]
	for counter in requests lookups layer_lookups listings opens asked refused; do
		[[ $output == *$'\n'"$counter:"* ]]
	done
	unload overlay
}
