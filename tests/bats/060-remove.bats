#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Removing names: what is refused, what stays usable, and what the upper holds afterwards.

load ../lib/common

# Three layers with a merged tree, deletions in the middle one.
populate() {
	mkdir -p top/tree/{both,top} mid/tree/{both/deep,mid} lower/tree/{both/deep/deeper,low,gone}
	echo top | tee top/tree/file top/tree/both/top top/tree/top/file >/dev/null
	echo mid | tee mid/tree/file mid/tree/both/mid mid/tree/both/deep/mid mid/tree/mid/file \
		>/dev/null
	echo low | tee lower/tree/file lower/tree/low/file lower/tree/both/{low,hidden} \
		lower/tree/both/deep/{low,deeper/low} lower/tree/gone/file lower/file >/dev/null
	ln -s file lower/tree/link
	mkfifo lower/tree/fifo
	mknod mid/tree/gone c 0 0
	mknod top/tree/both/hidden c 0 0
	LOWERS=top:mid:lower
}

# ---- refusals ----

@test "errors are those of any file system" {
	mkdir -p lower/dir/sub lower/empty top/dir
	touch lower/file lower/dir/file
	ln -s dir lower/link
	LOWERS=top:lower mount_lamina
	py remove errors mnt
	assert_names mnt dir empty file link
	umount_lamina
}

@test "a directory is empty when it shows no name, whatever lies below" {
	populate
	mount_lamina
	run_expect 1 rmdir mnt/tree/both
	assert_output_has "Directory not empty"
	rm -r mnt/tree/both/{top,mid,low,deep}
	rmdir mnt/tree/both
	run_expect 1 rmdir mnt/tree
	assert_output_has "Directory not empty"
	umount_lamina
}

@test "on a read-only mount nothing can be removed" {
	populate
	mount_read_only
	py remove read_only mnt/tree
	umount_lamina
}

# ---- what stays in the upper ----

@test "what only the upper had leaves nothing" {
	mkdir lower/dir
	mount_lamina
	mkdir -p mnt/new/sub mnt/dir/new
	touch mnt/new/file mnt/new/sub/file mnt/dir/new/file
	ln -s x mnt/new/link
	mkfifo mnt/new/fifo
	rm -r mnt/new mnt/dir/new
	assert_contents upper "d dir"
	assert_contents work/work
	umount_lamina
}

@test "what was copied up leaves a whiteout" {
	mkdir lower/dir
	touch lower/file lower/dir/file
	mark_lower
	mount_lamina
	echo more | tee -a mnt/file >>mnt/dir/file
	rm mnt/file mnt/dir/file
	assert_contents upper "w file" "d dir" "w dir/file"
	rmdir mnt/dir
	assert_contents upper "w file" "w dir"
	assert_contents work/work
	assert_kept
	assert_lower_unchanged
}

@test "a merged tree is removed by one whiteout" {
	populate
	mark_lower
	mount_lamina
	rm -rf mnt/tree
	assert_names mnt file
	assert_contents upper "w tree"
	assert_contents work/work
	assert_kept
	assert_lower_unchanged
}

@test "a merged directory with whiteouts and changes inside is removed by one whiteout" {
	populate
	mount_lamina
	rm mnt/tree/file mnt/tree/both/mid
	echo more >>mnt/tree/both/deep/low
	mkdir mnt/tree/both/new
	rm -rf mnt/tree
	assert_contents upper "w tree"
	assert_kept
}

@test "everything is removed, and the upper holds a whiteout for each name of the root" {
	populate
	mkdir lower/a lower/b
	touch lower/a/{1,2,3}
	mark_lower
	mount_lamina
	touch mnt/new
	find mnt -mindepth 1 -delete
	assert_names mnt
	assert_contents upper "w a" "w b" "w file" "w tree"
	assert_kept
	assert_lower_unchanged
}

@test "a merged directory of 3,000 names is removed" {
	mkdir -p top/dir lower/dir
	py merge fill top/dir 0 2000
	py merge fill lower/dir 1000 3000
	LOWERS=top:lower mount_lamina
	rm -rf mnt/dir
	assert_names mnt
	assert_contents upper "w dir"
	assert_contents work/work
	umount_lamina
}

@test "made again and removed again, in all combinations of types" {
	for type in file dir link fifo; do
		py merge objects "$type" "lower/$type"
	done
	mark_lower
	mount_lamina
	py remove again mnt
	assert_contents upper "w dir" "w fifo" "w file" "w link"
	assert_contents work/work
	assert_kept
	assert_lower_unchanged
}

@test "a directory made again is empty, and so it stays" {
	populate
	mount_lamina
	for i in 1 2 3; do
		rm -r mnt/tree
		mkdir mnt/tree
		assert_names mnt/tree
		mkdir mnt/tree/both
		assert_names mnt/tree/both
		echo "$i" >mnt/tree/both/low
	done
	assert_contents upper "d tree" "d tree/both" "f tree/both/low"
	assert_kept
}

@test "after a removal the directory's own times are new, its parent's are not" {
	mkdir -p lower/dir/sub
	touch lower/dir/sub/file
	touch -d 2001-02-03 lower/dir/sub lower/dir
	mount_lamina
	rm mnt/dir/sub/file
	assert_equal "$(stat -c %Y mnt/dir)" "$(stat -c %Y lower/dir)"
	assert [ "$(stat -c %Y mnt/dir/sub)" -gt "$(stat -c %Y lower/dir/sub)" ]
	umount_lamina
}

# ---- objects without a name ----

@test "an upper file without a name is used on" {
	mount_lamina
	py remove unlinked mnt upper
	assert_contents upper
	umount_lamina
}

@test "a lower file without a name is used on, also by who writes it then" {
	echo "lower file" >lower/file
	mark_lower
	mount_lamina
	py remove unlinked mnt lower
	assert_contents upper "w file"
	umount_lamina
	assert_lower_unchanged
	assert_contents work/work
}

@test "a copied-up file without a name is used on" {
	echo "lower file" >lower/file
	mark_lower
	mount_lamina
	chmod 0600 mnt/file
	py remove unlinked mnt copied
	assert_contents upper "w file"
	umount_lamina
	assert_lower_unchanged
}

@test "a file that was replaced by a rename is used on" {
	echo "lower file" >lower/file
	mount_lamina
	py remove replaced mnt
	umount_lamina
}

@test "a mapping of a file without a name is used on" {
	echo "lower file" >lower/file
	mount_lamina
	py remove mapped mnt/file
	umount_lamina
}

@test "handles of a lower file that loses its name keep it, however many there are" {
	for i in {1..300}; do echo "$i" >"lower/$i"; done
	mark_lower
	mount_lamina
	py remove many mnt 300
	umount_lamina
	assert_lower_unchanged
}

@test "objects without a name cost no descriptors beyond a share of the daemon's" {
	mkdir -p lower/{lower,linked} lower/lower-dirs/{0..149}
	for ((i = 0; i < 150; i++)); do
		echo "lower $i" >"lower/lower/$i"
		echo "linked $i" >"lower/linked/$i.a"
		ln "lower/linked/$i.a" "lower/linked/$i.b"
	done
	mark_lower
	(
		ulimit -n 400
		mount_lamina
	)
	py remove many_orphans mnt 150
	echo hello >mnt/after
	assert_file mnt/after hello
	work_is_empty() { [[ -z $(find work/work -mindepth 1 -print -quit) ]]; }
	wait_until work_is_empty
	umount_lamina
	assert_lower_unchanged
}

@test "a file without a name cannot be given one" {
	echo "lower file" >lower/file
	mount_lamina
	py remove no_relink mnt/file
	umount_lamina
}

@test "a program goes on that was removed while it runs" {
	cp /bin/sleep lower/program
	mount_lamina
	mnt/program 1000 3>&- &
	pid=$!
	wait_until grep -qz 1000 "/proc/$pid/cmdline"
	rm mnt/program
	assert_missing mnt/program
	kill -0 "$pid"
	assert_equal "$(readlink "/proc/$pid/exe")" "$PWD/mnt/program (deleted)"
	cmp "/proc/$pid/exe" /bin/sleep
	kill "$pid"
	wait "$pid" || true
	umount_lamina
}

@test "a directory without a name can be stayed in, and nothing can be made in it" {
	mkdir -p lower/dir upper/own
	touch lower/dir/file
	mount_lamina
	py remove removed_directory mnt/dir
	py remove removed_directory mnt/own
	umount_lamina
}

@test "a name removed by one handle of the directory is gone for all" {
	mkdir lower/dir
	touch lower/dir/{a,b}
	mount_lamina
	py remove by_handle mnt/dir
	assert_names mnt/dir b
	umount_lamina
}
