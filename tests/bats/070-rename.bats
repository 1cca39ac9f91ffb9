#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Renames of everything over everything, and what other layers have at both ends.

load ../lib/common

DOT() { FUSE_OVERLAYFS_DISABLE_OVL_WHITEOUT=1 "$@"; }

# Three layers: directories that are merged, that one layer has, with deletions and with old times.
populate() {
	mkdir -p top/tree/{both,top} mid/tree/{both/deep,mid} lower/tree/{both/deep/deeper,low,gone} \
		lower/empty lower/other/sub upper/tree/both upper/own/sub
	echo upper | tee upper/tree/upper upper/tree/both/upper upper/own/file upper/own/sub/file \
		upper/file.upper >/dev/null
	echo top | tee top/tree/file top/tree/both/top top/tree/top/file top/file.top >/dev/null
	echo mid | tee mid/tree/file mid/tree/both/mid mid/tree/both/deep/mid mid/tree/mid/file \
		>/dev/null
	echo low | tee lower/tree/file lower/tree/low/file lower/tree/both/{low,hidden} \
		lower/tree/both/deep/{low,deeper/low} lower/tree/gone/file lower/file.lower \
		lower/file.both lower/other/file lower/other/sub/file >/dev/null
	echo top >top/file.both
	ln -s file lower/tree/link
	mkfifo lower/tree/fifo
	chown 12:34 lower/tree/low
	chmod 0750 lower/tree/low
	setfattr -n user.of -v lower lower/tree/low
	mknod mid/tree/gone c 0 0
	mknod top/tree/both/hidden c 0 0
	find top mid lower upper -exec touch -h -d 2001-02-03T04:05:06.789 {} +
	LOWERS=top:mid:lower
}

# assert_kept knows nothing of .wh. files, which overlayfs does not understand.
assert_kept_by_lamina() {
	picture -t mnt >before
	remount_lamina
	assert_picture before -t mnt
	umount_lamina
}

# ---- files ----

@test "a lower file leaves a whiteout, an upper one nothing" {
	populate
	mark_lower
	mount_lamina
	mv mnt/file.lower mnt/moved.lower
	mv mnt/file.upper mnt/moved.upper
	mv mnt/file.both mnt/own/moved.both
	assert_file mnt/moved.lower low
	assert_file mnt/moved.upper upper
	assert_file mnt/own/moved.both top
	assert_missing mnt/file.lower
	assert_missing mnt/file.both
	assert_whiteout upper/file.lower
	assert_whiteout upper/file.both
	assert_missing upper/file.upper
	assert_equal "$(stat -c %y mnt/moved.lower)" "$(stat -c %y lower/file.lower)"
	assert_kept
	assert_lower_unchanged
}

@test "every type over every type, of every kind of layer: the same as on ext4" {
	py rename make_pairs plain
	for kind in lower/lower lower/upper upper/lower upper/upper; do
		py rename make_pairs "${kind%/*}" from
		py rename make_pairs "${kind#*/}" to
		cp -a plain plain.now
		mark_lower
		mount_lamina
		py rename pairs mnt plain.now
		picture plain.now >expected
		assert_picture expected mnt
		assert_kept
		assert_lower_unchanged
		rm -rf plain.now lower upper work
		mkdir lower upper work
	done
}

@test "every type over every type with .wh. whiteouts" {
	py rename make_pairs plain
	py rename make_pairs lower from
	py rename make_pairs lower to
	DOT mount_lamina
	py rename pairs mnt plain
	picture plain >expected
	assert_picture expected mnt
	DOT assert_kept_by_lamina
}

@test "over a deleted name: nothing of what was deleted shows" {
	for form in native DOT; do
		mkdir -p lower/{gone,dir}/sub
		touch lower/gone/{old,sub/old} lower/dir/{new,sub/new} lower/file lower/gone.file
		if [[ $form == DOT ]]; then DOT mount_lamina; else mount_lamina; fi
		rm -r mnt/gone mnt/gone.file
		mv mnt/dir mnt/gone
		mv mnt/file mnt/gone.file
		assert_names mnt gone gone.file
		assert_names mnt/gone new sub
		assert_names mnt/gone/sub new
		if [[ $form == DOT ]]; then DOT assert_kept_by_lamina; else assert_kept; fi
		rm -rf lower upper work
		mkdir lower upper work
	done
}

@test "a rename of a name to itself does nothing" {
	populate
	mount_lamina
	py rename onto_itself mnt
	assert_names upper file.upper own tree
	umount_lamina
}

@test "the parents' times are new, the object's are not" {
	populate
	mount_lamina
	before=$(stat -c %y mnt/tree/low)
	mv mnt/tree/low mnt/own
	assert_equal "$(stat -c %y mnt/own/low)" "$before"
	assert [ "$(stat -c %Y mnt/tree)" -gt "$(stat -c %Y lower/tree)" ]
	assert [ "$(stat -c %Y mnt/own)" -gt "$(stat -c %Y lower/tree)" ]
	umount_lamina
}

# ---- directories ----

@test "directories of all kinds move with all that they show" {
	populate
	mark_lower
	mount_lamina
	for dir in tree own other empty tree/both tree/low; do
		picture -t "mnt/$dir" >expected
		mv "mnt/$dir" mnt/moved
		assert_missing "mnt/$dir"
		assert_picture expected -t mnt/moved
		mv mnt/moved "mnt/$dir"
		assert_picture expected -t "mnt/$dir"
	done
	assert_kept
	assert_lower_unchanged
}

@test "a directory moves into another one, and out again" {
	populate
	mark_lower
	mount_lamina
	picture -t mnt/tree >expected
	mv mnt/tree mnt/other/sub
	assert_picture expected -t mnt/other/sub/tree
	mv mnt/other mnt/own/sub
	assert_picture expected -t mnt/own/sub/other/sub/tree
	mv mnt/own/sub/other/sub/tree mnt
	assert_picture expected -t mnt/tree
	assert_names mnt/own/sub/other/sub file
	assert_kept
	assert_lower_unchanged
}

@test "a moved directory does not show what lower layers have at its new place" {
	mkdir -p lower/{a,b}/sub
	touch lower/a/{a,sub/a} lower/b/{b,sub/b}
	mount_lamina
	rm -r mnt/b
	mv mnt/a mnt/b
	assert_names mnt/b a sub
	assert_names mnt/b/sub a
	mkdir mnt/a
	assert_names mnt/a
	assert_kept
}

@test "an old name is free for anything" {
	populate
	mount_lamina
	mv mnt/tree mnt/moved
	echo new >mnt/tree
	mv mnt/other mnt/moved.other
	mkdir -p mnt/other/sub
	assert_names mnt/other sub
	assert_names mnt/other/sub
	assert_kept
}

@test "over a directory that shows no name, whatever lies below it" {
	populate
	mark_lower
	mount_lamina
	rm -r mnt/other/{sub,file}
	picture mnt/tree >expected
	mv -T mnt/tree mnt/other
	assert_picture expected mnt/other
	mv -T mnt/other mnt/empty
	assert_picture expected mnt/empty
	mkdir mnt/fresh
	mv -T mnt/empty mnt/fresh
	assert_picture expected mnt/fresh
	assert_contents work/work
	assert_kept
	assert_lower_unchanged
}

@test "a merged directory is renamed 20 times in a row" {
	populate
	mark_lower
	mount_lamina
	picture -t mnt/tree >expected
	last=tree
	for i in {1..20}; do
		mv "mnt/$last" "mnt/tree.$i"
		assert_missing "mnt/$last"
		last=tree.$i
	done
	assert_picture expected -t mnt/tree.20
	mv mnt/tree.20 mnt/tree
	assert_picture expected -t mnt/tree
	assert_contents work/work
	assert_kept
	assert_lower_unchanged
}

@test "renames and changes in turn" {
	populate
	mark_lower
	mount_lamina
	last=tree
	for i in {1..20}; do
		echo "$i" >>"mnt/$last/both/deep/low"
		echo "$i" >"mnt/$last/both/new.$i"
		mkdir "mnt/$last/both/dir.$i"
		[[ $i -eq 1 ]] || rm "mnt/$last/both/new.$((i - 1))"
		mv "mnt/$last/both" "mnt/both.$i"
		mv "mnt/$last" "mnt/tree.$i"
		last=tree.$i
		mv "mnt/both.$i" "mnt/$last/both"
	done
	assert_file mnt/tree.20/both/deep/low "$(echo low; seq 20)"
	assert_names mnt/tree.20/both deep low mid top upper new.20 dir.{1..20}
	assert_kept
	assert_lower_unchanged
}

@test "a directory of 2,000 lower files moves" {
	mkdir lower/dir
	py merge fill lower/dir 0 2000
	mark_lower
	mount_lamina
	mv mnt/dir mnt/moved
	py merge lists mnt/moved 0 2000 32768
	remount_lamina
	py merge lists mnt/moved 0 2000 32768
	umount_lamina
	assert_lower_unchanged
}

@test "a directory that overlayfs has redirected moves on" {
	needs_redirects
	mkdir -p lower/a/b top
	echo deep >lower/a/b/file
	mount_overlay redirect_dir=on
	mv mnt/a mnt/redirected
	mv mnt/redirected/b mnt/redirected/c
	umount mnt
	mv upper top
	mkdir upper
	LOWERS=top/upper:lower mount_lamina
	mv mnt/redirected/c mnt/d
	assert_file mnt/d/file deep
	mv mnt/redirected mnt/e
	mv mnt/d mnt/e/f
	assert_file mnt/e/f/file deep
	assert_names mnt e
	remount_lamina
	assert_file mnt/e/f/file deep
	umount_lamina
}

# ---- refusals ----

@test "errors are those of any file system" {
	populate
	mkdir -p plain/{dir/sub,full,empty}
	touch plain/{file,full/file}
	cp -a plain/. lower
	mount_lamina
	py rename errors mnt
	py rename errors plain
	umount_lamina
	mount_read_only
	py rename read_only mnt
	umount_lamina
}

@test "a rename that fails changes nothing" {
	populate
	mount_lamina
	picture -t mnt >expected
	py rename errors_of_trees mnt
	assert_picture expected -t mnt
	umount_lamina
}

# ---- flags ----

@test "RENAME_NOREPLACE replaces nothing of any layer, and goes over deleted names" {
	populate
	mark_lower
	mount_lamina
	py rename no_replace mnt
	assert_kept
	assert_lower_unchanged
}

@test "RENAME_EXCHANGE exchanges files, directories, and one for the other" {
	populate
	mark_lower
	mount_lamina
	py rename exchange mnt
	assert_kept
	assert_lower_unchanged
}

@test "RENAME_EXCHANGE with .wh. whiteouts" {
	populate
	mark_lower
	DOT mount_lamina
	py rename exchange mnt
	DOT assert_kept_by_lamina
	assert_lower_unchanged
}

@test "exchanged directories do not show what lower layers have at their places" {
	mkdir -p lower/{a,b}/sub
	touch lower/a/{a,sub/a} lower/b/{b,sub/b}
	mount_lamina
	py rename exchange_two mnt/a mnt/b
	assert_names mnt/a b sub
	assert_names mnt/a/sub b
	assert_names mnt/b a sub
	remount_lamina
	py rename exchange_two mnt/a mnt/b
	assert_names mnt/a a sub
	assert_names mnt/b b sub
	assert_names mnt/b/sub b
	assert_kept
}

@test "other flags are EINVAL, RENAME_WHITEOUT too" {
	populate
	mount_lamina
	picture -t mnt >expected
	py rename flags mnt
	assert_picture expected -t mnt
	umount_lamina
}

# ---- who is inside ----

@test "open files and working directories go along" {
	populate
	mark_lower
	mount_lamina
	py rename inside mnt
	assert_kept
	assert_lower_unchanged
}

@test "a lower file that is open for writing is written at its new place" {
	populate
	mount_lamina
	py rename write_after mnt
	assert_file mnt/moved/both/low "low"$'\n'"written"
	assert_kept
}

@test "names of one file move by themselves" {
	echo linked >lower/one
	mkdir lower/dir
	ln lower/one lower/dir/two
	ln lower/one lower/three
	mark_lower
	mount_lamina
	mv mnt/dir/two mnt/two
	mv mnt/one mnt/dir/one
	py rename links mnt/dir/one mnt/two mnt/three
	mv mnt/dir mnt/moved
	py rename links mnt/moved/one mnt/two mnt/three
	# Between two names of one file a rename does nothing.
	py rename onto mnt/two mnt/three
	py rename links mnt/moved/one mnt/two mnt/three
	remount_lamina
	py rename links mnt/moved/one mnt/two mnt/three
	echo other >mnt/other
	mv mnt/other mnt/two
	py rename links mnt/moved/one mnt/three
	umount_lamina
	assert_lower_unchanged
}
